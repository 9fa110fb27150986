"""Jobs of the engine manager, for real: uv and pip, small local wheels, fake engines."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.environments import end_orphans, running_from
from mlx_manager_jupyter.adapters.upstream import Upstream
from mlx_manager_jupyter.errors import (
    Conflict,
    EngineMissing,
    InstallFailed,
    InvalidValue,
    UnknownJob,
)
from mlx_manager_jupyter.schema import EngineJobChanged, EnginesChanged, InstallEngine
from mlx_manager_jupyter.services.engines import EngineManager, Installer, Looker, Smoke
from mlx_manager_jupyter.services.engines.reasons import failure
from tests.fixtures import wheels
from tests.fixtures.processes import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import EngineJob, Event


class Rig:
    """A manager with a package folder, and what it says."""

    def __init__(self, folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.journal = folder / "journal.jsonl"
        self.root = folder / "engines"
        self.folder = self.root / "mlx-lm"
        self.events: list[Event] = []
        self.servers: dict[int, str] = {}
        self.upstream = Upstream()
        wheels.index(self.wheels, "0.1.0")
        env = {**os.environ, **wheels.environment(self.wheels)}
        env["FAKE_ENGINE_JOURNAL"] = str(self.journal)
        installer = Installer(
            self.root,
            Smoke(ENGINES, self.upstream, env),
            environment=env,
            servers=lambda: self.servers,
        )
        look = Looker({"mlx-lm": ENGINES["mlx-lm"]}, {}, self.root)
        self.manager = EngineManager(installer=installer, look=look, publish=self.events.append)

    def start(self, action: Any = "install", version: str | None = None) -> EngineJob:
        wanted = InstallEngine(kind="mlx-lm", action=action, version=version)
        return self.manager.start(wanted)[0]

    async def ended(self, job: EngineJob) -> EngineJob:
        await until(lambda: self.manager.job(job.id).state != "running", 60)
        return self.manager.job(job.id)

    async def does(self, action: Any = "install", version: str | None = None) -> EngineJob:
        job = await self.ended(self.start(action, version))
        assert job.state == "done", (job.error, job.log_tail)
        return job

    async def fails(self, action: Any = "install", version: str | None = None) -> EngineJob:
        job = await self.ended(self.start(action, version))
        assert job.state == "failed"
        return job

    async def managed(self) -> Any:
        """What is listed of ours: version, the one before, whether it is used."""
        found = [each for each in await self.manager.list() if each.source == "managed"]
        return [(each.version, each.previous_version, each.selected) for each in found]

    @property
    def folders(self) -> set[str]:
        return {each.name for each in self.folder.iterdir() if each.is_dir() or each.is_symlink()}

    def asked(self) -> list[Any]:
        """Requests that fake engines were sent."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        happened = [json.loads(line) for line in lines]
        return [each["body"] for each in happened if each["event"] == "request"]


@pytest.fixture
def rig(
    tmp_path: Path,
    jp_asyncio_loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Rig]:
    # No engine beside this Python nor on PATH: asking a real one for its help takes seconds.
    elsewhere = SimpleNamespace(executable=str(tmp_path / "python"))
    monkeypatch.setattr("mlx_manager_jupyter.adapters.engines.finding.sys", elsewhere)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    made = Rig(tmp_path)
    yield made
    jp_asyncio_loop.run_until_complete(made.manager.close())
    jp_asyncio_loop.run_until_complete(made.upstream.close())
    assert running_from(made.folder) == []
    assert end_orphans(made.folder) == 0


@pytest.mark.parametrize("tool", ["uv", "pip"])
async def test_installed_proven_and_used(rig: Rig, tool: str) -> None:
    rig.manager.installer = tool
    job = await rig.does()
    assert (job.version, job.stage) == ("0.1.0", "mlx-lm 0.1.0 is installed")
    assert rig.folders == {"0.1.0", "current"}
    assert await rig.managed() == [("0.1.0", None, True)]
    assert [body["messages"] for body in rig.asked()] == [[{"role": "user", "content": "Hello"}]]
    assert tool in (rig.folder / "install.log").read_text()
    stages = [each.job.stage for each in rig.events if isinstance(each, EngineJobChanged)]
    assert list(dict.fromkeys(stages)) == [
        f"making an environment with {tool}",
        "looking for the newest mlx-lm",
        "installing mlx-lm 0.1.0",
        "asking mlx-lm 0.1.0 something",
        "mlx-lm 0.1.0 is installed",
    ]
    last = rig.events[-1]
    assert isinstance(last, EngineJobChanged)
    assert last.job.state == "done"
    assert isinstance(rig.events[-2], EnginesChanged), "who waits for the job finds the new one"


async def test_upgraded_rolled_back_and_forth(rig: Rig) -> None:
    await rig.does()
    assert (await rig.does()).stage == "mlx-lm 0.1.0 is installed already"
    assert (await rig.does("upgrade")).stage == "mlx-lm 0.1.0 is installed already"
    wheels.engine(rig.wheels, "0.2.0")
    assert (await rig.does("upgrade")).version == "0.2.0"
    assert await rig.managed() == [("0.2.0", "0.1.0", True)]
    assert (await rig.does("rollback")).version == "0.1.0"
    assert await rig.managed() == [("0.1.0", "0.2.0", True)]
    asked = len(rig.asked())
    said = await rig.does("upgrade", "0.2.0")
    assert not any("installing" in line for line in said.log_tail), "it is here already"
    assert len(rig.asked()) == asked + 1, "but it is asked all the same"
    assert await rig.managed() == [("0.2.0", "0.1.0", True)]
    wheels.engine(rig.wheels, "0.3.0")
    await rig.does("upgrade")
    assert rig.folders == {"0.2.0", "0.3.0", "current", "previous"}
    assert (await rig.does("remove")).stage == "mlx-lm is removed"
    assert rig.folders == set()


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ({"die_at_load": "no such kernel"}, "no such kernel"),
        ({"exit_at_load": 3}, "exit code 3"),
        ({"error_status": 500}, "answers 500"),
    ],
)
async def test_one_that_does_not_answer_is_never_used(
    rig: Rig, faults: dict[str, Any], says: str
) -> None:
    await rig.does()
    wheels.engine(rig.wheels, "0.2.0", **faults)
    job = await rig.fails("upgrade")
    assert job.error
    assert job.error.code == "install_failed"
    assert says in job.error.message
    assert job.error.log_tail
    assert await rig.managed() == [("0.1.0", None, True)]
    assert rig.folders == {"0.1.0", "current"}


async def test_one_without_its_program_is_none(rig: Rig) -> None:
    wheels.without_program(rig.wheels, "0.2.0")
    job = await rig.fails()
    assert job.error
    assert "has no mlx_lm.server" in job.error.message
    assert job.error.log_tail, "the installer's own words"
    assert rig.folders == set()


@pytest.mark.parametrize("tool", ["uv", "pip"])
async def test_a_version_that_is_none(rig: Rig, tool: str) -> None:
    rig.manager.installer = tool
    job = await rig.fails("install", "7.7.7")
    assert job.error
    assert job.error.message == "There is no mlx-lm 7.7.7 for this machine and its Python."
    with pytest.raises(InvalidValue, match="no version"):
        rig.start("install", "--index-url=elsewhere")


async def test_cancelled_in_the_middle(rig: Rig) -> None:
    await rig.does()
    waits = wheels.endless(rig.wheels, "0.2.0")
    job = rig.start("upgrade")
    await until(waits.exists, 30)
    await rig.manager.cancel(job.id)
    ended = rig.manager.job(job.id)
    assert (ended.state, ended.stage, ended.error) == ("cancelled", "cancelled", None)
    assert ended.finished_at
    assert rig.folders == {"0.1.0", "current"}
    assert end_orphans(rig.folder) == 0
    await rig.manager.cancel(job.id)  # of an ended one: list it no longer
    with pytest.raises(UnknownJob):
        rig.manager.job(job.id)


async def test_one_job_an_engine(rig: Rig) -> None:
    waits = wheels.endless(rig.wheels, "0.2.0")
    job = rig.start("install", "0.2.0")
    await until(waits.exists, 30)
    same = InstallEngine(kind="mlx-lm", version="0.2.0")
    assert rig.manager.start(same) == (rig.manager.job(job.id), False)
    with pytest.raises(Conflict, match="is being changed already: installing"):
        rig.start("install", "0.1.0")
    # Another Jupyter server sees the lock.
    other = Rig(rig.folder.parent.parent)
    assert (await other.fails()).error == Conflict(
        "Another Jupyter server installs or removes mlx-lm right now.",
        "Wait for it, then try again.",
        other.manager.jobs[0].error.log_tail if other.manager.jobs[0].error else (),
    ).problem
    await other.upstream.close()


async def test_not_removed_from_under_a_server(rig: Rig) -> None:
    await rig.does()
    program = rig.folder / "current" / "bin" / "mlx_lm.server"
    server = await asyncio.create_subprocess_exec(
        program, "--port", "0", env={"PATH": os.environ["PATH"]}, stderr=subprocess.PIPE
    )
    rig.servers = {server.pid: "tiny"}
    try:
        await until(lambda: running_from(rig.folder))
        job = await rig.fails("remove")
        assert job.error
        assert job.error.message == "The server 'tiny' runs from this mlx-lm."
        assert rig.folders == {"0.1.0", "current"}
        # It outlives two upgrades, and its environment with it.
        for version in ("0.2.0", "0.3.0"):
            wheels.engine(rig.wheels, version)
            await rig.does("upgrade")
        assert rig.folders == {"0.1.0", "0.2.0", "0.3.0", "current", "previous"}
        assert server.returncode is None
    finally:
        server.kill()
        await server.communicate()
    await rig.does("remove")
    assert rig.folders == set()


async def test_what_can_not_succeed_is_said_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Conflict, match="no earlier mlx-lm"):
        rig.start("rollback")
    with pytest.raises(EngineMissing, match="made no environment"):
        rig.start("remove")
    with pytest.raises(InvalidValue, match="needs no program"):
        rig.manager.start(InstallEngine(kind="remote"))
    with pytest.raises(InvalidValue, match="takes no version"):
        rig.start("rollback", "0.1.0")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(InstallFailed, match="on Linux"):
        rig.manager.start(InstallEngine(kind="mlx-openai-server"))
    assert rig.manager.jobs == ()


async def test_closing_ends_what_runs(rig: Rig) -> None:
    waits = wheels.endless(rig.wheels, "0.2.0")
    job = rig.start()
    await until(waits.exists, 30)
    await rig.manager.close()
    assert rig.manager.job(job.id).state == "cancelled"
    assert end_orphans(rig.folder) == 0


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("OSError: [Errno 28] No space left on device", "disk_full", "disk was full"),
        ("\u00d7 No solution found when resolving dependencies:", "install_failed", "fit together"),
        ("ERROR: ResolutionImpossible: for help visit", "install_failed", "fit together"),
        ("NameResolutionError: Failed to resolve 'index.example'", "install_failed", "be reached"),
        ("  Caused by: dns error: failed to lookup", "install_failed", "be reached"),
        ("The virtual environment was not created: ensurepip is not available", "install_failed",
         "no environments"),
        ("ERROR: Could not build wheels for x.", "install_failed", "Could not build wheels"),
        ("who knows", "install_failed", "could not be installed."),
    ],
)  # fmt: skip
def test_an_installers_words_mean_something(line: str, code: str, says: str) -> None:
    error = failure("mlx-lm 0.2.0", ["Looking in links", line])
    assert error.code == code
    assert says in error.message
    assert error.hint
    assert error.log_tail == ("Looking in links", line)
