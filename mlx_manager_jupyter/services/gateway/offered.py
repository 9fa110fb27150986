"""What the engine behind a server offers, and what it has no place for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import BadRequest, NotOffered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.services.servers import ManagedServer

#: Every endpoint of the gateway, in the order that people are told.
ENDPOINTS = (
    "chat/completions",
    "completions",
    "responses",
    "messages",
    "embeddings",
    "audio/transcriptions",
    "images/generations",
)
#: What the gateway makes of chat completions where an engine has nothing of its own.
TRANSLATED = frozenset({"responses", "messages"})
CHAT = "chat/completions"

#: Statuses of a server that has no such path, or none to post to.
_MISSING = frozenset({404, 405})
_NOT_OFFERED = 501
#: How servers say that they have no such path: Python's, Go's, llama.cpp's, OpenAI's, ours.
_NO_PATH = re.compile(
    r"(404 )?((page|file|resource|endpoint) )?not found$|method not allowed|no reason given"
    r"|invalid url|unexpected endpoint|the gateway has no |<",
    re.IGNORECASE,
)
_HINTS = {"n": "Ask once for each answer.", "prompts": "Send 'prompt' as one text."}


def offers(server: ManagedServer, path: str) -> bool:
    """Whether its engine itself answers this path below ``/v1/``."""
    return path in _own(server)


def check(server: ManagedServer, path: str) -> None:
    """Go on only if its engine answers this path.

    Raises:
        NotOffered: naming what this model has.
    """
    if not offers(server, path):
        raise _not_offered(server, path)


def check_carried(server: ManagedServer, extras: Iterable[str]) -> None:
    """Go on only if a stream of its engine has a place for what these keys ask.

    Raises:
        BadRequest: naming the first that has none.
    """
    for name in sorted(set(extras) - server.engine.carries):
        what = "a list as 'prompt'" if name == "prompts" else repr(name)
        message = f"{server.engine.kind} can't honour {what} in a stream, which ours always is."
        raise BadRequest(message, _HINTS.get(name, "Leave it out."))


def refusal(server: ManagedServer, path: str, status: int, said: str) -> NotOffered | None:
    """What a refusal means of a server that nobody knows: None if it has such a path."""
    missing = status in _MISSING and _NO_PATH.match(said.strip())
    if server.engine.guessed and (missing or status == _NOT_OFFERED):
        return _not_offered(server, path, said)
    return None


def _not_offered(server: ManagedServer, path: str, said: str = "") -> NotOffered:
    stored = server.stored
    why = f": it answers {said!r}" if said else ""
    message = f"{stored.name!r} does not offer {path!r}, as {stored.engine} has none for it{why}."
    if server.engine.guessed:
        return NotOffered(message, "Ask another model.")
    own = _own(server)
    known = own | (TRANSLATED if CHAT in own else frozenset())
    has = ", ".join(each for each in ENDPOINTS if each in known)
    return NotOffered(message, f"It offers {has}." if has else "Ask another model.")


def _own(server: ManagedServer) -> frozenset[str]:
    engine, stored = server.engine, server.stored
    return engine.endpoints(stored.engine_version, engine.running(stored))
