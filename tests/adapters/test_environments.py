"""Environments of engines: real ones, made by pip from small local wheels, and their folders."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from mlx_manager_jupyter.adapters.environments import (
    MARKER,
    RECIPES,
    EngineFolder,
    builder,
    end_orphans,
    pythons,
    run,
    running_from,
)
from mlx_manager_jupyter.adapters.environments.builders import Pip, Uv
from mlx_manager_jupyter.adapters.environments.folder import installed_version, unusable
from mlx_manager_jupyter.adapters.environments.recipes import checked
from mlx_manager_jupyter.errors import Conflict, DiskFull, InstallFailed, InvalidValue
from tests.fixtures import wheels
from tests.fixtures.processes import until

if TYPE_CHECKING:
    from pathlib import Path

MLX_LM, OPENAI = RECIPES["mlx-lm"], RECIPES["mlx-openai-server"]


@pytest.fixture
def folder(tmp_path: Path) -> EngineFolder:
    made = EngineFolder(tmp_path / "engines", MLX_LM)
    with made.locked():
        pass
    return made


def pretend(folder: EngineFolder, version: str) -> Path:
    """An environment that was settled, without a Python in it."""
    made = folder.path / version
    (made / "bin").mkdir(parents=True)
    return made


def in_use(folder: EngineFolder) -> tuple[Path | None, Path | None]:
    return folder.current, folder.previous


def program(environment: Path) -> subprocess.Popen[bytes]:
    """A process that runs from it, as a server does."""
    script = environment / "bin" / "runs"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("import time; time.sleep(60)")
    return subprocess.Popen([sys.executable, str(script)])


# --- folders ------------------------------------------------------------------------------------


def test_a_switch_remembers_the_one_before_and_can_be_taken_back(folder: EngineFolder) -> None:
    old, new = pretend(folder, "0.1"), pretend(folder, "0.2")
    assert in_use(folder) == (None, None)
    folder.switch(old)
    assert in_use(folder) == (old, None)
    folder.switch(new)
    assert in_use(folder) == (new, old)
    assert (folder.path / "current").readlink().name == "0.2"
    folder.switch(old)
    assert in_use(folder) == (old, new)


def test_a_kill_between_the_two_links_leaves_the_old_one_in_use(folder: EngineFolder) -> None:
    old, new = pretend(folder, "0.1"), pretend(folder, "0.2")
    folder.switch(old)
    (folder.path / "previous").symlink_to("0.1")  # the first of the two steps
    assert in_use(folder) == (old, None)
    folder.sweep()
    assert old.exists()
    assert not new.exists()


def test_a_link_that_leads_elsewhere_is_none(folder: EngineFolder, tmp_path: Path) -> None:
    (folder.path / "current").symlink_to(tmp_path)
    assert folder.current is None
    (folder.path / "current").unlink()
    (folder.path / "current").symlink_to("gone")
    assert folder.current is None


def test_leftovers_go_but_not_from_under_a_server(folder: EngineFolder) -> None:
    for name in ("0.1", "0.2", "0.3", ".new-aaaa", ".gone-bbbb"):
        pretend(folder, name)
    folder.switch(folder.path / "0.2")
    folder.switch(folder.path / "0.3")
    server = program(folder.path / "0.1")
    try:
        assert running_from(folder.path / "0.1") == [server.pid]
        folder.sweep()
        assert {each.name for each in folder.path.iterdir() if each.is_dir()} == {
            *("0.1", "0.2", "0.3", "current", "previous")
        }
    finally:
        server.kill()
        server.wait()
    folder.sweep()
    assert not (folder.path / "0.1").exists()


def test_a_similar_name_is_not_the_same_environment(folder: EngineFolder) -> None:
    pretend(folder, "0.1")
    server = program(folder.path / "0.10")
    try:
        assert running_from(folder.path / "0.1") == []
    finally:
        server.kill()
        server.wait()


def test_removing_leaves_nothing(folder: EngineFolder) -> None:
    folder.switch(pretend(folder, "0.1"))
    folder.remove()
    assert folder.current is None
    assert not any(each.is_dir() for each in folder.path.iterdir())


def test_only_one_works_in_a_folder_at_a_time(folder: EngineFolder) -> None:
    with folder.locked(), pytest.raises(Conflict, match="Another Jupyter"), folder.locked():
        pass
    with folder.locked():
        pass


def test_a_lock_ends_with_its_process(folder: EngineFolder) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from mlx_manager_jupyter.adapters.environments import EngineFolder, RECIPES\n"
        f"with EngineFolder(Path({str(folder.path.parent)!r}), RECIPES['mlx-lm']).locked():\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Conflict), folder.locked():
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with folder.locked():
        pass


def test_a_place_that_can_not_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "engines").write_text("a file")
    with (
        pytest.raises(InstallFailed, match="can't be used"),
        EngineFolder(tmp_path / "engines", MLX_LM).locked(),
    ):
        pass
    assert isinstance(unusable(tmp_path, OSError(28, "No space left on device")), DiskFull)


# --- what is made of what -----------------------------------------------------------------------


def test_linux_needs_the_cpu_backend_by_name() -> None:
    assert MLX_LM.requirements("0.32.2", "linux") == ["mlx-lm==0.32.2", "mlx[cpu]"]
    assert MLX_LM.requirements("0.32.2", "darwin") == ["mlx-lm==0.32.2"]


def test_what_a_machine_can_not_have_is_refused_beforehand() -> None:
    OPENAI.refuse("darwin", "arm64", "15.1")
    with pytest.raises(InstallFailed, match="mflux") as refused:
        OPENAI.refuse("linux")
    assert "engine_paths" in (refused.value.hint or "")
    with pytest.raises(InstallFailed, match="Apple silicon"):
        MLX_LM.refuse("darwin", "x86_64", "15.1")
    with pytest.raises(InstallFailed, match=r"macOS 14 or newer, this is 13\.6"):
        MLX_LM.refuse("darwin", "arm64", "13.6.1")
    MLX_LM.refuse("linux", "aarch64")


@pytest.mark.parametrize("version", ["", "-r", "../x", "1 2", "1;2", "latest", "1" * 65])
def test_only_a_version_is_a_version(version: str) -> None:
    with pytest.raises(InvalidValue):
        checked(version)
    assert checked("0.32.2rc1") == "0.32.2rc1"


def test_a_python_that_the_engine_refuses_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version managers put names on PATH behind which there is nothing."""
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    assert pythons.accepted(MLX_LM) == sys.executable
    assert pythons.accepted(OPENAI) != str(shim)
    real = tmp_path / "python3.11"
    real.write_text("#!/bin/sh\necho 3.11\n")
    real.chmod(0o755)
    assert pythons.accepted(OPENAI) == str(real)
    real.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InstallFailed, match=r"needs Python 3\.12 or 3\.11"):
        Pip().create(tmp_path / "new", OPENAI)
    # uv brings one.
    assert "3.12" in Uv("uv").create(tmp_path / "new", OPENAI)


def test_uv_is_taken_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    assert builder().name == "pip"
    with pytest.raises(InstallFailed, match="uv is not here"):
        builder("uv")
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert builder().name == "uv"
    assert builder("pip").name == "pip"


def test_the_newest_is_read_from_what_uv_says(tmp_path: Path) -> None:
    said = ["Resolved 1 package in 3ms", "Would install 1 package", " + mlx-lm==0.32.2"]
    assert Uv("uv").newest(tmp_path, "mlx-lm", said) == "0.32.2"
    assert Uv("uv").newest(tmp_path, "mlx", said) is None
    assert Pip().newest(tmp_path, "mlx-lm", []) is None


# --- real environments --------------------------------------------------------------------------


async def test_pip_makes_one_that_can_be_moved_to_its_name(
    tmp_path: Path, folder: EngineFolder
) -> None:
    index = wheels.index(tmp_path / "wheels", "0.1.0", "0.2.0")
    env = {**os.environ, **wheels.environment(index)}
    fresh, tool = folder.fresh(), builder("pip")
    lines: list[str] = []

    async def command(argv: list[str]) -> None:
        assert await run(argv, env=env, cwd=tmp_path, line=lines.append) == 0, lines

    await command(tool.create(fresh, MLX_LM))
    await command(tool.ask_newest(fresh, "mlx-lm"))
    assert tool.newest(fresh, "mlx-lm", lines) == "0.2.0"
    assert installed_version(fresh, "mlx-lm") is None
    await command(tool.install(fresh, MLX_LM.requirements("0.1.0")))
    settled = folder.settle(fresh)
    assert settled == folder.path / "0.1.0"
    assert not fresh.exists()
    # Its program runs under its new name, with the Python beside it.
    await command([str(folder.executable(settled)), "--help"])
    assert "--prompt-cache-size" in " ".join(lines)
    assert folder.executable(settled).read_text().startswith(f"#!{settled}/bin/python")


def test_without_the_program_it_is_no_engine(folder: EngineFolder) -> None:
    fresh = folder.fresh()
    (fresh / "bin").mkdir(parents=True)
    with pytest.raises(InstallFailed, match=r"has no mlx_lm\.server"):
        folder.settle(fresh)


# --- commands -----------------------------------------------------------------------------------


async def test_lines_come_as_they_are_printed_without_logins(tmp_path: Path) -> None:
    script = "printf 'one\\rtwo\\nhttps://me:secret@host/simple\\n' ; printf three >&2; exit 3"
    lines: list[str] = []
    code = await run(["sh", "-c", script], env={}, cwd=tmp_path, line=lines.append)
    assert code == 3
    assert lines == ["one", "two", "https://host/simple", "three"]


async def test_cancelling_leaves_no_process(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 300 & echo started; wait; sleep 300"
    marker = str(tmp_path)
    lines: list[str] = []
    env = {"PATH": os.environ["PATH"], MARKER: marker}
    task = asyncio.create_task(run(["sh", "-c", script], env=env, cwd=tmp_path, line=lines.append))
    await until(lambda: lines)
    task.cancel()
    began = time.monotonic()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - began < 10
    assert end_orphans(tmp_path) == 0


def test_orphans_are_found_by_their_mark(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], MARKER: str(tmp_path)}
    orphan = subprocess.Popen(["sleep", "300"], env=env, start_new_session=True)
    assert end_orphans(tmp_path / "other") == 0
    assert end_orphans(tmp_path) == 1
    assert not psutil.pid_exists(orphan.pid)
    orphan.wait(5)
