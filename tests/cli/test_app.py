"""``jupyter mlx`` itself: version, help, usage."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from tests.cli.conftest import MLX

if TYPE_CHECKING:
    from tests.cli.conftest import Commands


def test_version_goes_to_stdout(commands: Commands) -> None:
    done = commands.run("--version")
    assert done.returncode == 0
    assert re.match(r"\d+\S*\n$", done.stdout)


def test_help_names_every_command(commands: Commands) -> None:
    done = commands.run("--help")
    assert done.returncode == 0
    for name in ("demo", "search", "resolve", "pull", "downloads", "models", "fit", "daemon"):
        assert name in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nosuch"],
        ["demo", "--nope"],
        ["demo", "--port", "0"],
        ["demo", "--port", "x"],
        ["search", "--bits", "four"],
        ["search", "--sort", "beauty"],
        ["search", "--limit", "0"],
        ["search", "--offset", "-1"],
        ["resolve"],
        ["pull"],
        ["downloads", "pause"],
        ["models", "rm", "some model"],
        ["models", "prune", "--json"],
        ["daemon"],
    ],
)
def test_wrong_usage_is_2_and_says_what_is_right(words: list[str], commands: Commands) -> None:
    done = commands.run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: jupyter mlx")


def test_a_reader_that_has_left_is_no_traceback(commands: Commands) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        done = _writing_to(pipe, commands)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_cannot_be_written_is_an_error(commands: Commands) -> None:
    with Path(os.devnull).open("rb") as unwritable:
        done = _writing_to(unwritable, commands)
    assert done.returncode == 1
    assert set(json.loads(done.stderr)) == {"code", "message", "hint"}


def _writing_to(stdout: IO[bytes], commands: Commands) -> subprocess.CompletedProcess[str]:
    argv = [*MLX, "daemon", "status", "--json"]
    return subprocess.run(
        argv, env=commands.env, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False
    )


def test_the_parser_imports_nothing_heavy() -> None:
    heavy = ["httpx2", "nbclient", "nbformat", "mlx", "jupyter_client", "IPython", "pandas"]
    code = f"""
import sys
from mlx_manager_jupyter.cli import app
app._parser()
print(*(name for name in {heavy} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
