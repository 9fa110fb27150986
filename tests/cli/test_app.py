"""``jupyter mlx`` itself: version, help, usage."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

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
