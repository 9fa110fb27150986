"""``docs/profiles.md`` names every field once, with an example that can be saved."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlx_manager_jupyter.cli.app import _parser
from mlx_manager_jupyter.extension import profiles
from mlx_manager_jupyter.notebook.options import field
from mlx_manager_jupyter.schema import Profile
from mlx_manager_jupyter.services.profiles.validation import make

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = (DOCS / "profiles.md").read_text("utf-8")
FIELDS = dict(re.findall(r"^\| `([a-z_]+)` \| `([^`]+)` \|", DOCUMENT, re.MULTILINE))
#: What some examples need beside them.
NEEDS: dict[str, dict[str, Any]] = {
    "host": {"host_confirmed": True},
    "command": {"model": None},
    "ready_path": {"command": ["x", "{port}"]},
    "base_url": {"engine": "remote"},
    "api_key_env": {"engine": "remote", "base_url": "http://x/v1"},
}


def test_every_field_is_there_once_in_its_order() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| `", DOCUMENT, re.MULTILINE)
    assert rows == list(Profile.__struct_fields__)


@pytest.mark.parametrize("name", Profile.__struct_fields__)
def test_each_example_can_be_saved(name: str) -> None:
    read, value = field(f"{name}={FIELDS[name]}")
    assert read == name
    profile = make({"name": "x", "model": "org/m", **NEEDS.get(name, {}), name: value})
    assert getattr(profile, name) != getattr(Profile(name="y"), name)


def test_what_it_links_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", DOCUMENT)
    assert targets
    assert [target for target in targets if not (DOCS / target).exists()] == []


def test_every_request_is_in_the_table() -> None:
    told = set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE) [^`]+)`", DOCUMENT, re.MULTILINE))
    served = set()
    for pattern, handler in profiles.HANDLERS:
        path = pattern.replace("([^/]+)", "{name}").lstrip("/")
        verbs = ("GET", "POST", "PATCH", "DELETE")
        served |= {f"{verb} {path}" for verb in verbs if verb.lower() in vars(handler)}
    assert told == served


def test_every_command_is_understood() -> None:
    lines = re.findall(r"^jupyter mlx (profiles .*)$", DOCUMENT, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert _parser().parse_args(line.split()).run
    told = re.findall(r"^\| `profiles \[?(\w+(?:-\w+)?)", DOCUMENT, re.MULTILINE)
    for action in told:
        with pytest.raises(SystemExit) as left:
            _parser().parse_args(["profiles", action, "--help"])
        assert left.value.code == 0
