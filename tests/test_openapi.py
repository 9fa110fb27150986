"""The OpenAPI document has every verb of every handler and no other, and says how to mend it."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from docs import generate_openapi
from mlx_manager_jupyter.extension.app import _routes

DOCUMENT = json.loads(generate_openapi.FILE.read_text("utf-8"))
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def without_names(path: str) -> str:
    return re.sub(r"{\w+}|\([^()]*\)", "*", path)


def test_it_is_as_the_handlers_and_records_are() -> None:
    made = json.loads(json.dumps(generate_openapi.document()))
    assert made == DOCUMENT, "run `.venv/bin/python docs/generate_openapi.py`"


def test_it_has_every_verb_of_every_handler_and_no_other() -> None:
    served = {
        f"{verb} {without_names(pattern)}"
        for pattern, handler in _routes(generate_openapi.API, generate_openapi.V1)
        for verb in VERBS
        if "_unimplemented_method" not in getattr(handler, verb.lower()).__qualname__
        and not pattern.endswith("/(.*)")  # whatever else
    }
    paths = DOCUMENT["paths"].items()
    assert served == {
        f"{verb.upper()} {without_names(path)}" for path, verbs in paths for verb in verbs
    }


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own() -> None:
    operations = [each for verbs in DOCUMENT["paths"].values() for each in verbs.values()]
    assert all(each["summary"] for each in operations)
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    for each in operations:
        given = [(one["name"], one["in"]) for one in each.get("parameters", ())]
        assert len(set(given)) == len(given), each["operationId"]


def test_its_schemas_are_schemas_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT))):
        found = DOCUMENT
        for step in reference.split("/"):
            found = found[step]


def test_a_verb_that_nobody_told_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(generate_openapi.ANSWERS, "GET status")
    with pytest.raises(generate_openapi.NotTold, match="GET status has no line in ANSWERS"):
        generate_openapi.document()


def test_a_verb_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(generate_openapi.ANSWERS, "GET weather", None)
    with pytest.raises(generate_openapi.NotTold, match="No handler has GET weather"):
        generate_openapi.document()
