"""The steps of a job: what is there before stays in use until what is new has answered."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.environments import (
    MARKER,
    RECIPES,
    EngineFolder,
    builder,
    run,
    running_from,
)
from mlx_manager_jupyter.adapters.environments.folder import discard, unusable
from mlx_manager_jupyter.adapters.environments.recipes import checked
from mlx_manager_jupyter.errors import Conflict, EngineMissing, InstallFailed, InvalidValue
from mlx_manager_jupyter.services.engines.reasons import failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.environments import Builder
    from mlx_manager_jupyter.adapters.environments.builders import Choice
    from mlx_manager_jupyter.schema import EngineKind, InstallEngine
    from mlx_manager_jupyter.services.engines.job import Job
    from mlx_manager_jupyter.services.engines.smoke import Smoke


class Installer:
    """Installs, upgrades, rolls back and removes. One job an engine at a time: `EngineFolder`."""

    def __init__(
        self,
        engines: Path,
        smoke: Smoke,
        *,
        environment: Mapping[str, str],
        servers: Callable[[], Mapping[int, str]],
    ) -> None:
        """Hand over what it needs.

        Args:
            engines: folder of all environments.
            smoke: proves a new engine.
            environment: of pip and uv, logins of indexes included.
            servers: names of the servers that run, by pid.
        """
        self._engines = engines
        self._smoke = smoke
        self._environment = environment
        self._servers = servers

    def folder(self, kind: EngineKind) -> EngineFolder:
        """Where the environments of this engine are.

        Raises:
            InvalidValue: it needs no program.
        """
        if kind not in RECIPES:
            raise InvalidValue(
                f"{kind!r} needs no program, so there is nothing to install.",
                f"Engines that can be installed: {', '.join(RECIPES)}.",
            )
        return EngineFolder(self._engines, RECIPES[kind])

    def check(self, wanted: InstallEngine) -> None:
        """Refuse at once what can't succeed.

        Raises:
            InvalidValue: the kind or the version is none.
            InstallFailed: this machine can't have it.
            Conflict: there is nothing to go back to.
            EngineMissing: there is nothing to remove.
        """
        folder = self.folder(wanted.kind)
        if wanted.version is not None:
            if wanted.action in ("rollback", "remove"):
                raise InvalidValue(
                    f"{wanted.action!r} takes no version.", "Install the version that you want."
                )
            checked(wanted.version)
        match wanted.action:
            case "install" | "upgrade":
                folder.recipe.refuse()
            case "rollback":
                if folder.previous is None:
                    raise Conflict(
                        f"There is no earlier {wanted.kind} to go back to.",
                        "Install the version that you want: --version.",
                    )
            case "remove":
                if folder.current is None:
                    raise EngineMissing(
                        f"MLX Manager made no environment for {wanted.kind}.",
                        "See 'engines' for what there is.",
                    )

    async def run(self, job: Job, *, choice: Choice, smoke_seconds: float) -> None:
        """Do it.

        Raises:
            MLXManagerError: why it failed; what was in use before is in use still.
        """
        folder = self.folder(job.wanted.kind)
        with folder.locked():
            try:
                await asyncio.to_thread(folder.sweep)
                match job.wanted.action:
                    case "rollback":
                        await self._roll_back(folder, job)
                    case "remove":
                        await self._remove(folder, job)
                    case _:
                        await self._install(folder, job, choice, smoke_seconds)
                await asyncio.to_thread(folder.sweep)
            except OSError as error:
                raise unusable(folder.path, error) from error

    async def _install(
        self, folder: EngineFolder, job: Job, choice: Choice, smoke_seconds: float
    ) -> None:
        version, current = job.wanted.version, folder.current
        if current and (
            version == current.name or (job.wanted.action == "install" and not version)
        ):
            return self._already(job, current.name)
        made = folder.version(version) if version else None
        if made is None:
            made = await self._make(folder, job, builder(choice))
            job.found(made.name)
        if made == current:
            return self._already(job, made.name)
        try:
            job.stage(f"asking {job.wanted.kind} {made.name} something")
            await self._smoke.prove(
                job.wanted.kind,
                folder.executable(made),
                folder.path / ".smoke",
                env={MARKER: str(folder.path)},
                seconds=smoke_seconds,
            )
        except BaseException:
            if made != folder.previous:
                await asyncio.to_thread(_discard_unused, made)
            raise
        folder.switch(made)
        job.stage(f"{job.wanted.kind} {made.name} is installed")
        return None

    async def _make(self, folder: EngineFolder, job: Job, tool: Builder) -> Path:
        """A whole environment with the version asked for, or the newest one."""
        recipe = folder.recipe
        fresh = await asyncio.to_thread(folder.fresh)
        try:
            job.stage(f"making an environment with {tool.name}")
            create = await asyncio.to_thread(tool.create, fresh, recipe)
            await self._command(create, folder, job, "an environment")
            version = job.wanted.version or await self._newest(folder, job, tool, fresh)
            if known := folder.version(version):
                await asyncio.to_thread(discard, fresh)
                return known
            job.found(version)
            what = f"{recipe.distribution} {version}"
            job.stage(f"installing {what}")
            install = tool.install(fresh, recipe.requirements(version))
            await self._command(install, folder, job, what)
            return await asyncio.to_thread(folder.settle, fresh)
        except BaseException:
            await asyncio.to_thread(discard, fresh)
            raise

    async def _newest(self, folder: EngineFolder, job: Job, tool: Builder, fresh: Path) -> str:
        """Ask first and pin it then: a solver that may choose silently falls back to an old one."""
        distribution = folder.recipe.distribution
        job.stage(f"looking for the newest {distribution}")
        ask = tool.ask_newest(fresh, distribution)
        said = await self._command(ask, folder, job, distribution)
        if version := tool.newest(fresh, distribution, said):
            return version
        raise failure(f"the newest {distribution}", said)

    async def _roll_back(self, folder: EngineFolder, job: Job) -> None:
        previous = folder.previous
        if previous is None:
            raise Conflict(f"There is no earlier {job.wanted.kind} to go back to.")
        job.found(previous.name)
        folder.switch(previous)
        job.stage(f"{job.wanted.kind} {previous.name} is in use again")

    async def _remove(self, folder: EngineFolder, job: Job) -> None:
        if users := await asyncio.to_thread(running_from, folder.path):
            names = self._servers()
            servers = sorted({names[pid] for pid in users if pid in names})
            who = f"The server {servers[0]!r}" if servers else f"The process {users[0]}"
            raise Conflict(f"{who} runs from this {job.wanted.kind}.", "Stop it first.")
        job.stage(f"removing {job.wanted.kind}")
        await asyncio.to_thread(folder.remove)
        job.stage(f"{job.wanted.kind} is removed")

    def _already(self, job: Job, version: str) -> None:
        job.found(version)
        job.stage(f"{job.wanted.kind} {version} is installed already")

    async def _command(
        self, argv: list[str], folder: EngineFolder, job: Job, what: str
    ) -> list[str]:
        """Run a command of the installer and return what it said."""
        said: list[str] = []

        def line(text: str) -> None:
            said.append(text)
            job.line(text)

        # A Jupyter inside a virtual environment must not lend it to pip and uv.
        lent = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
        env = {key: value for key, value in self._environment.items() if key not in lent}
        env |= {MARKER: str(folder.path), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        try:
            code = await run(argv, env=env, cwd=folder.path, line=line)
        except OSError as error:
            raise InstallFailed(
                f"{argv[0]} can't be started: {error.strerror or error}.", f"Ours is {sys.version}."
            ) from error
        if code:
            raise failure(what, said)
        return said


def _discard_unused(environment: Path) -> None:
    if not running_from(environment):
        discard(environment)
