"""What the documents say in tables is what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.cli.app import parsed
from mlx_manager_jupyter.extension import doctor, downloads, engines, keys, models
from mlx_manager_jupyter.extension.settings import Settings
from mlx_manager_jupyter.schema import CreateKey, Key, ModelQuery

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MODELS = (ROOT / "docs" / "models.md").read_text("utf-8")
ENGINES = (ROOT / "docs" / "engine-environments.md").read_text("utf-8")
KEYS = (ROOT / "docs" / "keys.md").read_text("utf-8")


#: Every document whose commands a reader may type.
DOCUMENTS = [README, *(path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md")))]
COMMANDS = sorted(
    {
        line.split("  #")[0].strip()
        for document in DOCUMENTS
        for block in re.findall(r"^```(?:sh|bash)\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
        for line in block.replace("\\\n", "").splitlines()
        if line.startswith("jupyter mlx ")
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_is_understood(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[2:]
    assert parsed(words).run


def first_cells(text: str) -> list[str]:
    """Of every row of every table."""
    return re.findall(r"^\| (.*?) \|", text, re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [
        *("README.md", "CONTRIBUTING.md"),
        *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
    ],
)
def test_what_a_document_links_to_is_there(path: str) -> None:
    document = ROOT / path
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text("utf-8"))
    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_setting_is_in_the_readme_with_its_variable() -> None:
    rows = re.findall(r"^\| `(\w+)`.*?\| ([^|]*)\|", README, re.MULTILINE)
    documented = {name: variable.split(",")[0].strip(" `") for name, variable in rows}
    for name, trait in Settings.class_own_traits(config=True).items():
        assert name in documented
        told = re.search(r"env: (\w+)", trait.help)
        assert documented[name] == (told[1] if told else "")


@pytest.mark.parametrize(
    ("document", "nouns"),
    [(MODELS, (models, downloads)), (ENGINES, (engines, doctor)), (KEYS, (keys,))],
)
def test_every_request_is_in_the_table(document: str, nouns: tuple[ModuleType, ...]) -> None:
    documented = {cell.strip("`") for cell in first_cells(document) if re.match("`[A-Z]", cell)}
    served = set()
    for pattern, handler in (pair for noun in nouns for pair in noun.HANDLERS):
        path = re.sub(r"\(.*\)", "{id}", pattern).lstrip("/")
        served |= {
            f"{verb} {path}"
            for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")
            if verb.lower() in vars(handler)
        }
    assert documented == served


def test_every_field_of_the_query_is_named() -> None:
    told = re.search(r"The query of `GET models` is(.*?)`GET events`", MODELS, re.DOTALL)
    assert told
    assert set(re.findall(r"`(\w+)`", told[1])) >= set(ModelQuery.__struct_fields__)


def test_every_field_of_a_key_is_told() -> None:
    assert {cell.strip("`") for cell in first_cells(KEYS)} >= set(CreateKey.__struct_fields__)
    (listed,) = re.findall(r"^\| `keys`, `keys list` \|(.*)", KEYS, re.MULTILINE)
    assert re.findall(r"`(\w+)`", listed) == list(Key.__struct_fields__)
