"""Trying a profile on the running model: does it call tools, think apart, keep to a schema?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import (
    BadRequest,
    MLXManagerError,
    NotReady,
    UnknownServer,
    UpstreamFailed,
)
from mlx_manager_jupyter.schema import ProbeFinding, ProfileProbe, StartServer, StoredEvidence
from mlx_manager_jupyter.services.profiles.evidence import key
from mlx_manager_jupyter.services.profiles.questions import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mlx_manager_jupyter.schema import Profile, Server
    from mlx_manager_jupyter.services.profiles.evidence import EvidenceBook
    from mlx_manager_jupyter.services.profiles.manager import ProfileManager
    from mlx_manager_jupyter.services.profiles.questions import Question
    from mlx_manager_jupyter.services.servers import ServerManager

    #: One chat request through the gateway, whole.
    Ask = Callable[[bytes], Awaitable[Mapping[str, Any]]]

#: Between two looks at a server that is starting.
LOOK_SECONDS = 0.1
#: That an answer may take; a model on its first request reads its weights from the disk.
ANSWER_SECONDS = 180.0
#: States that a server leaves by itself.
_PASSING = frozenset({"starting", "loading", "stopping"})


class Prober:
    """Asks three questions; starts the server for that if none runs, and stops it again then."""

    def __init__(
        self,
        *,
        profiles: ProfileManager,
        servers: ServerManager,
        ask: Ask,
        evidence: EvidenceBook,
    ) -> None:
        """Hand over what it needs.

        Args:
            profiles: the saved ones.
            servers: start and stop.
            ask: takes the body of a chat request and answers with the completion.
            evidence: keeps the outcome.
        """
        self._profiles = profiles
        self._servers = servers
        self._ask = ask
        self._evidence = evidence

    async def probe(self, name: str) -> ProfileProbe:
        """Ask, and remember what works. Cancelling it ends the answer and what was started.

        Raises:
            UnknownProfile: naming the nearest ones.
            MLXManagerError: why it can't be started.
        """
        profile = await self._profiles.get(name)
        server, ours = await self._started(profile)
        try:
            ready = await self._ready(server)
            findings = [await self._answer(ready.name, question) for question in QUESTIONS]
        finally:
            if ours:
                with suppress(UnknownServer):  # somebody else has stopped it
                    await asyncio.shield(self._servers.stop(server.name))
        return await self._remember(profile, ready, findings)

    async def _started(self, profile: Profile) -> tuple[Server, bool]:
        for server in await self._servers.list():
            if server.profile == profile.name and server.state in {"starting", "loading", "ready"}:
                return server, False
        return await self._servers.start(StartServer(profile=profile.name))

    async def _ready(self, server: Server) -> Server:
        while server.state in _PASSING:
            await asyncio.sleep(LOOK_SECONDS)
            server = (await self._servers.find(server.name)).record()
        if server.state != "ready":
            unknown = NotReady(f"{server.name} is {server.state}.").problem
            raise MLXManagerError.of(server.error or unknown)
        return server

    async def _answer(self, server: str, question: Question) -> ProbeFinding:
        body = msgspec.json.encode({"model": server, **question.body})
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                whole = await self._ask(body)
        except TimeoutError:
            detail = f"no answer within {ANSWER_SECONDS:.0f} s"
            return ProbeFinding(what=question.what, works=False, detail=detail)
        except (BadRequest, UpstreamFailed) as error:
            return ProbeFinding(what=question.what, works=False, detail=error.message)
        message = (whole.get("choices") or [{}])[0].get("message") or {}
        return question.finding(message)

    async def _remember(
        self, profile: Profile, server: Server, findings: list[ProbeFinding]
    ) -> ProfileProbe:
        unset = msgspec.to_builtins(type(profile)(name=profile.name))
        values = msgspec.to_builtins(profile)
        proven = {
            field: values[field]
            for question, finding in zip(QUESTIONS, findings, strict=True)
            for field in (question.proves if finding.works else ())
            if values[field] != unset[field]
        }
        evidence = StoredEvidence(
            name=key(server.model, server.revision, server.engine),
            engine_version=server.engine_version,
            findings=tuple(findings),
            proven=proven,
            probed_at=datetime.now(UTC),
        )
        await self._evidence.put(evidence)
        return ProfileProbe(
            profile=profile.name,
            model=server.model,
            revision=server.revision,
            engine=server.engine,
            engine_version=server.engine_version,
            findings=evidence.findings,
            proven=proven,
            probed_at=evidence.probed_at,
        )
