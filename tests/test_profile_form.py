"""The form of a profile says something about every field, and nothing about any other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlx_manager_jupyter.schema import Distributed, Profile
from mlx_manager_jupyter.schema.profile_form import FORM

SCRIPT = Path(__file__).parents[1] / "js" / "generate_schema.py"
TABLE = SCRIPT.parent / "src" / "core" / "profile_fields.ts"
FIELDS = [field.name for section in FORM for field in section.fields]


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, object]]:
    """What the browser gets, by field."""
    text = TABLE.read_text("utf-8").partition("FORM: readonly FormSection[] = ")[2]
    return {
        field["name"]: field
        for section in json.loads(text.rstrip().rstrip(";"))
        for field in section["fields"]
    }


def test_every_field_of_a_profile_has_one_place_in_the_form() -> None:
    whole = {*Profile.__struct_fields__} - {"distributed"}
    parts = {f"distributed.{name}" for name in Distributed.__struct_fields__}
    assert sorted(FIELDS) == sorted(whole | parts)


def test_every_field_has_a_label_and_a_help_that_ends_as_a_sentence(
    table: dict[str, dict[str, object]],
) -> None:
    assert sorted(table) == sorted(FIELDS)
    for field in table.values():
        assert field["label"]
        assert re.fullmatch(r"\S.*\.", str(field["help"])), field["name"]


def test_labels_and_sections_are_told_apart() -> None:
    labels = [field.label for section in FORM for field in section.fields]
    assert len({*labels}) == len(labels)
    assert len({section.key for section in FORM}) == len(FORM)


def test_the_table_knows_types_ranges_and_defaults(table: dict[str, dict[str, object]]) -> None:
    def shown(name: str, *keys: str) -> list[object]:
        return [table[name].get(key) for key in keys]

    assert shown("temperature", "kind", "minimum", "maximum") == ["number", 0.0, 2.0]
    assert shown("repetition_penalty", "minimum", "above") == [0.0, True]
    assert shown("port", "kind", "minimum", "maximum", "initial") == ["integer", 1, 65535, None]
    assert shown("kv_bits", "kind", "options", "unit") == ["choice", [2, 3, 4, 6, 8], "bits"]
    assert shown("restart", "options", "initial") == [["on-failure", "never"], "on-failure"]
    assert shown("on_demand", "kind", "initial") == ["switch", True]
    assert shown("aliases", "kind", "initial", "pattern")[:2] == ["words", []]
    assert shown("env", "kind") == ["pairs"]
    assert shown("chat_template_args", "kind") == ["json"]
    assert shown("distributed.ranks", "kind", "minimum") == ["integer", 2]


def test_a_stale_table_fails_the_check(tmp_path: Path) -> None:
    assert _check(SCRIPT) == 0
    # The same script over a copy of what it writes, one word of it changed.
    for name in ("schema.ts", "profile_fields.ts"):
        target = tmp_path / "js" / "src" / "core" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((TABLE.parent / name).read_text("utf-8"), "utf-8")
    (tmp_path / "mlx_manager_jupyter").symlink_to(SCRIPT.parents[1] / "mlx_manager_jupyter")
    copy = tmp_path / "js" / SCRIPT.name
    copy.write_text(SCRIPT.read_text("utf-8"), "utf-8")
    assert _check(copy) == 0
    stale = tmp_path / "js" / "src" / "core" / TABLE.name
    stale.write_text(stale.read_text("utf-8").replace('"Temperature"', '"Heat"'), "utf-8")
    assert _check(copy) == 1


def _check(script: Path) -> int:
    return subprocess.run([sys.executable, script, "--check"], capture_output=True).returncode
