"""What a real Jupyter server answers is what the OpenAPI document says, field by field."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from tests.extension.conftest import Door

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text("utf-8"))
API = "/mlx-manager/api"


def strict() -> dict[str, Any]:
    """The records, with no field beside those that are told."""
    components: dict[str, Any] = copy.deepcopy(DOCUMENT["components"])
    for schema in components["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return components


COMPONENTS = strict()


def operation(method: str, path: str) -> dict[str, Any]:
    """What the document says of a request."""
    for told, verbs in DOCUMENT["paths"].items():
        pattern = re.sub(r"{\w+}", "[^/]+", told)
        if re.fullmatch(pattern, path) and method.lower() in verbs:
            found: dict[str, Any] = verbs[method.lower()]
            return found
    raise AssertionError(f"the document has no {method} {path}")


async def ask(door: Door, request: str, body: Any = None) -> Any:
    """Ask, and compare the answer with the document."""
    method, _, path = request.partition(" ")
    path, _, query = path.partition("?")
    told = operation(method, f"{API}/{path}")
    for name in re.findall(r"(\w+)=", query):
        assert name in {each["name"] for each in told["parameters"]}, request
    got = await door.fetch(f"{API[1:]}/{path}{query and '?' + query}", method=method, body=body)
    response = told["responses"].get(str(got.code), told["responses"]["default"])
    if got.code >= 400:
        response = DOCUMENT["components"]["responses"]["Problem"]
    else:
        assert str(got.code) in told["responses"], (request, got.code, got.body)
    if "content" not in response:
        assert not got.body, request
        return None
    answer = json.loads(got.body)
    schema = response["content"]["application/json"]["schema"]
    found = Draft202012Validator({**schema, "components": COMPONENTS}).iter_errors(answer)
    assert [f"{request}: {error.json_path}: {error.message}" for error in found] == []
    return answer


async def test_answers_are_as_told(door: Door, model: Path) -> None:
    """The nouns in their order: what is made by one request is read by the next."""
    path = str(model).replace("/", "%2F")
    status = await ask(door, "GET status?loads=true")
    assert status["servers"] == []
    await ask(door, "POST profiles", {"name": "p", "model": str(model), "max_tokens": 9})
    await ask(door, "PATCH profiles/p", {"temperature": 0.5})
    await ask(door, "POST profiles/p/copy", {"name": "q"})
    await ask(door, "POST profiles/check", {"name": "r", "model": str(model)})
    document = await ask(door, "GET profiles/export?name=q")
    await ask(door, "DELETE profiles/q")
    assert await ask(door, "POST profiles/import?on_conflict=skip", document)
    assert len(await ask(door, "GET profiles")) == 2
    assert await ask(door, "GET profiles/starting-points")

    await ask(door, "POST servers", {"model": "p"})
    assert await ask(door, "GET servers")
    await ask(door, "GET servers/p")
    await ask(door, "GET servers/p/logs?lines=5")
    await ask(door, f"GET models/{path}")
    await ask(door, f"GET models/{path}/fit?context_length=100")
    await ask(door, "GET models?source=local")
    assert await ask(door, "GET metrics/now")
    await ask(door, "GET metrics")
    await ask(door, "DELETE servers/p")

    made = await ask(door, "POST keys", {"label": "test", "expires_in_seconds": 60})
    assert await ask(door, "GET keys")
    await ask(door, f"DELETE keys/{made['key']['id']}")
    for rest in ("downloads", "engines", "engines/jobs", "library", "catalogue", "requests"):
        await ask(door, f"GET {rest}")


async def test_errors_are_as_told(door: Door) -> None:
    for request in ("GET servers/nobody", "GET profiles/nobody", "GET downloads/nobody"):
        assert (await ask(door, request))["code"], request
    assert (await ask(door, "POST servers", {"nonsense": 1}))["message"]
