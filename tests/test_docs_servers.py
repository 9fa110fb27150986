"""What docs/servers.md says in tables is what there is."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import get_args

import pytest

from mlx_manager_jupyter import errors
from mlx_manager_jupyter.cli import chat, logs, servers, status
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.errors.base import by_code
from mlx_manager_jupyter.extension import logs as rest_logs
from mlx_manager_jupyter.extension import servers as rest_servers
from mlx_manager_jupyter.extension import status as rest_status
from mlx_manager_jupyter.notebook.options import SERVE
from mlx_manager_jupyter.schema import StartServer
from mlx_manager_jupyter.schema.base import ServerState

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "servers.md").read_text("utf-8")


def first_cells(section: str) -> list[str]:
    """Of every row of the tables below a headline, up to the next one."""
    part = re.search(rf"^#+ {section}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert part, section
    rows = re.findall(r"^\| (.*?) \|", part[1], re.MULTILINE)
    return [row for row in rows if "`" in row]


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    assert targets
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []


def test_every_option_of_a_start_is_in_the_table() -> None:
    documented = {cell.strip("`").split()[0] for cell in first_cells("Options of a start")}
    assert documented == {flags[0] for flags, _ in SERVE if flags[0].startswith("-")}


def test_every_state_is_in_the_table() -> None:
    documented = [cell.strip("`") for cell in first_cells("States")]
    assert sorted(documented) == sorted(get_args(ServerState))


def test_every_code_is_one_that_an_error_has() -> None:
    documented = re.findall(r"`(\w+)`", " ".join(first_cells("When a start fails")))
    known = by_code(MLXManagerError)
    assert [code for code in documented if code not in known] == []
    for kind in (errors.ModelUnusable, errors.StartFailed):
        assert by_code(kind).keys() <= set(documented)


def test_every_command_is_in_the_table() -> None:
    documented = {
        words.split()[0]
        for cell in first_cells("Commands")
        for words in re.findall("`(.*?)`", cell)
    }
    parser = argparse.ArgumentParser()
    nouns = parser.add_subparsers()
    for noun in (servers, logs, status, chat):
        noun.add_to(nouns)
    assert documented == set(nouns.choices)


def test_every_request_is_in_the_table() -> None:
    documented = {cell.strip("`") for cell in first_cells("REST")}
    served = set()
    for module in (rest_servers, rest_logs, rest_status):
        for pattern, handler in module.HANDLERS:
            path = re.sub(r"\(.*?\)", "{name}", pattern).lstrip("/")
            verbs = ("GET", "POST", "PUT", "PATCH", "DELETE")
            served |= {f"{verb} {path}" for verb in verbs if verb.lower() in vars(handler)}
    assert documented == served


@pytest.mark.parametrize("field", StartServer.__struct_fields__)
def test_every_field_of_a_start_is_named(field: str) -> None:
    (row,) = re.findall(r"^\| `POST servers` \|.*$", TEXT, re.MULTILINE)
    assert f"`{field}`" in row
