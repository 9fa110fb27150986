"""Write ``openapi.json``: the REST interface, made of the handlers and of the records.

Paths, verbs, summaries, statuses, queries and bodies are read from the handlers themselves; the
records from ``mlx_manager_jupyter/schema``. Only what a verb answers can't be seen there: that is
`ANSWERS` below, one line a verb. ``--check`` writes nothing and exits 1 when the file is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

HERE = Path(__file__).resolve().parent
FILE = HERE / "openapi.json"
sys.path.insert(0, str(HERE.parent))

from js.generate_schema import all_docs  # noqa: E402  the checkout beside us, installed or not
from mlx_manager_jupyter import schema  # noqa: E402  the same
from mlx_manager_jupyter.extension.app import _routes  # noqa: E402  the same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API, V1 = "/mlx-manager/api", "/mlx-manager/v1"
VERBS = ("get", "post", "put", "patch", "delete")
NO_CONTENT = 204

#: What each verb of the REST interface answers; None for nothing.
ANSWERS: dict[str, Any] = {
    "GET status": schema.Status,
    "GET models": list[schema.Model],
    "POST models/prune": schema.Pruned,
    "GET models/{model}": schema.Model,
    "DELETE models/{model}": schema.Pruned,
    "GET models/{model}/fit": schema.Fit,
    "POST models/{model}/verify": schema.Verification,
    "GET resolve": schema.Resolution,
    "GET library": schema.Library,
    "GET catalogue": schema.Catalogue,
    "POST catalogue": schema.Catalogue,
    "GET downloads": list[schema.Download],
    "POST downloads": schema.Download,
    "GET downloads/{name}": schema.Download,
    "DELETE downloads/{name}": None,
    "POST downloads/{name}/pause": schema.Download,
    "POST downloads/{name}/resume": schema.Download,
    "GET profiles": list[schema.Profile],
    "POST profiles": schema.Profile,
    "POST profiles/check": schema.ProfileCheck,
    "GET profiles/export": schema.ProfileDocument,
    "POST profiles/import": list[schema.ImportedProfile],
    "GET profiles/starting-points": list[schema.StartingPoint],
    "GET profiles/{name}": schema.Profile,
    "PATCH profiles/{name}": schema.Profile,
    "DELETE profiles/{name}": schema.DeletedProfile,
    "POST profiles/{name}/copy": schema.Profile,
    "POST profiles/{name}/probe": schema.ProfileProbe,
    "GET servers": list[schema.Server],
    "POST servers": schema.Server,
    "GET servers/{name}": schema.Server,
    "DELETE servers/{name}": None,
    "POST servers/{name}/restart": schema.Server,
    "GET servers/{name}/logs": schema.Logs,
    "GET engines": list[schema.InstalledEngine],
    "POST engines": schema.EngineJob,
    "GET engines/jobs": list[schema.EngineJob],
    "GET engines/jobs/{name}": schema.EngineJob,
    "DELETE engines/jobs/{name}": None,
    "GET keys": list[schema.Key],
    "POST keys": schema.NewKey,
    "DELETE keys/{key_id}": None,
    "GET metrics": schema.MetricsHistory,
    "GET metrics/now": schema.Metrics,
    "GET requests": list[schema.RequestRecord],
    "GET events": schema.AnyEvent,
    "GET doctor": list[schema.Check],
}

#: Bodies that a handler takes as they come, since the manager itself says what is wrong.
BODIES: dict[str, Any] = {
    "POST profiles": schema.Profile,
    "POST profiles/import": schema.ProfileDocument,
}
#: What is answered as a stream, always or to those who accept one.
STREAMS: dict[str, tuple[str, ...]] = {
    "GET events": ("text/event-stream",),
    "GET servers/{name}/logs": ("application/json", "text/event-stream"),
    "GET requests": ("application/json", "application/x-ndjson"),
}

ABOUT = """\
Everything below `mlx-manager/api` is open to those who are logged in to Jupyter (its token as
`Authorization: token …`), and at the extension's loopback door to the bearer of the token in the
door's file. Everything below `mlx-manager/v1` (at the door: `v1`) is open to gateway keys alone,
and speaks as OpenAI's and Anthropic's interfaces do: their documents say how. Made by
docs/generate_openapi.py.
"""
UNKNOWN = (
    "{route} has no line in ANSWERS of docs/generate_openapi.py: write there which record it "
    "answers, then run `.venv/bin/python docs/generate_openapi.py`."
)
GONE = "No handler has {route}: take its line out of docs/generate_openapi.py, and run it."


class NotTold(Exception):
    """A handler and the tables above disagree; the message says what to do."""


class Verb:
    """One verb of a handler, read from its source."""

    def __init__(self, handler: type, verb: str) -> None:
        self.method = getattr(handler, verb)
        self.arguments = list(inspect.signature(self.method).parameters)[1:]
        self._names = vars(inspect.getmodule(handler))
        self.statuses: set[int] = set()
        self.bodies: list[Any] = []
        self.fields: dict[str, str] = {}
        """Single fields of its query, and of which type they are."""
        self.queries: list[Any] = []
        """The records that its query is read as."""
        for call in _calls(handler, self.method):
            self._look_at(call)

    def _look_at(self, call: ast.Call) -> None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        arguments = call.args
        if name == "read":
            self.bodies.append(self._value(arguments[0]))
        elif name == "query":
            self.queries.append(self._value(arguments[0]))
        elif name in {"count", "get_query_argument"}:
            kind = "integer" if name == "count" else "string"
            self.fields.setdefault(self._value(arguments[0]), kind)
        elif name in {"answer", "set_status"}:
            told = arguments[1:] if name == "answer" else arguments
            self.statuses |= {number for each in told for number in _numbers(each)} or {200}

    def _value(self, node: ast.expr) -> Any:  # noqa: ANN401  whatever it names
        return eval(ast.unparse(node), self._names)  # noqa: S307  our own source


def _numbers(part: ast.expr) -> Iterator[int]:
    for each in ast.walk(part):
        if isinstance(each, ast.Constant) and type(each.value) is int:
            yield each.value


def _calls(handler: type, method: Callable[..., object]) -> Iterator[ast.Call]:
    """The calls on ``self`` in a method and in the handler's own methods that it uses."""
    todo, seen = [method], set()
    while todo:
        tree = ast.parse(textwrap.dedent(inspect.getsource(todo.pop())))
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="self"))):
                    yield node
            match node:
                case ast.Attribute(value=ast.Name(id="self"), attr=name) if (
                    name.startswith("_") and name in vars(handler) and name not in seen
                ):
                    seen.add(name)
                    found = vars(handler)[name]
                    found = found.fget if isinstance(found, property) else found
                    todo += [found] if inspect.isfunction(found) else []


def served() -> Iterator[tuple[str, str, str, Verb]]:
    """Every verb of every handler: route as in `ANSWERS`, path, verb, what its source says."""
    for pattern, handler in _routes(API, V1):
        if pattern.endswith("/(.*)"):  # tells what is not there
            continue
        for verb in VERBS:
            if getattr(handler, verb).__qualname__ == "RequestHandler._unimplemented_method":
                continue
            told = Verb(handler, verb)
            path = pattern
            for name in told.arguments:
                path = re.sub(r"\([^()]*\)", f"{{{name}}}", path, count=1)
            route = path.removeprefix(f"{API}/").removeprefix(f"{V1.rpartition('/')[0]}/")
            yield f"{verb.upper()} {route}", path, verb, told


def document() -> dict[str, Any]:
    """The whole of it.

    Raises:
        NotTold: handlers and tables disagree.
    """
    verbs = list(served())
    routes = {route for route, _, _, _ in verbs}
    if gone := sorted((ANSWERS.keys() | BODIES.keys() | STREAMS.keys()) - routes):
        raise NotTold(GONE.format(route=gone[0]))
    kinds: list[Any] = [schema.Problem]
    for route, path, _, told in verbs:
        if path.startswith(V1):
            continue
        if route not in ANSWERS:
            raise NotTold(UNKNOWN.format(route=route))
        kinds += [ANSWERS[route], BODIES.get(route), *told.bodies, *told.queries]
    template = "#/components/schemas/{name}"
    schemas, components = msgspec.json.schema_components(kinds, ref_template=template)
    known = {repr(kind): found for kind, found in zip(kinds, schemas, strict=True)}
    _describe(components)
    paths: dict[str, Any] = {}
    for route, path, verb, told in verbs:
        told_of = _v1(route, told) if path.startswith(V1) else _rest(route, told, known, components)
        paths.setdefault(path, {})[verb] = told_of
    return {
        "openapi": "3.1.0",
        "info": {"title": "MLX Manager for Jupyter", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": _readable(components),
            "responses": {
                "Problem": _content(
                    "What went wrong, and what to do.", known[repr(schema.Problem)]
                ),
                "Refusal": _content("An error as the imitated interface tells it.", OBJECT),
            },
            "securitySchemes": {
                "jupyter": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "key": {"type": "http", "scheme": "bearer"},
            },
        },
    }


OBJECT = {"type": "object"}


def _content(words: str, what: object, *kinds: str) -> dict[str, Any]:
    content = {kind: {"schema": what} for kind in kinds or ("application/json",)}
    return {"description": words, "content": content}


def _operation(route: str, told: Verb, **more: Any) -> dict[str, Any]:
    verb, _, path = route.partition(" ")
    words = re.sub(r"\W+", "_", path).strip("_")
    text = inspect.cleandoc(told.method.__doc__ or "").partition("\nRaises:")[0]
    text = text.strip().replace("``", "`")
    summary, _, rest = text.partition("\n\n")
    return {
        "operationId": f"{verb.lower()}_{words}",
        "summary": " ".join(summary.split()),
        **({"description": rest} if rest else {}),
        "tags": [path.partition("/")[0]],
        **more,
    }


def _rest(
    route: str, told: Verb, known: dict[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    parameters = [_parameter(name, "path", {"type": "string"}) for name in _named(route)]
    parameters += [_parameter(name, "query", {"type": it}) for name, it in told.fields.items()]
    for query in told.queries:
        record = components[query.__name__]
        required = record.get("required", [])
        for name, kind in record["properties"].items():
            parameters.append(_parameter(name, "query", kind, required=name in required))
    answer, kinds = ANSWERS[route], STREAMS.get(route, ())
    responses: dict[str, Any] = {"default": {"$ref": "#/components/responses/Problem"}}
    for status in sorted(told.statuses or {200}):
        empty = status == NO_CONTENT
        words = "Done." if empty else "The answer."
        what = known[repr(answer)]
        responses[str(status)] = {"description": words} if empty else _content(words, what, *kinds)
    more: dict[str, Any] = {"security": [{"jupyter": []}]}
    if parameters:
        more["parameters"] = parameters
    if told.bodies:
        body = known[repr(BODIES.get(route, told.bodies[0]))]
        more["requestBody"] = {"content": {"application/json": {"schema": body}}}
    return _operation(route, told, **more, responses=dict(sorted(responses.items())))


def _v1(route: str, told: Verb) -> dict[str, Any]:
    asks = route.startswith("POST")
    kinds = ("application/json", "text/event-stream") if asks else ("application/json",)
    more: dict[str, Any] = {"security": [{"key": []}]}
    if names := _named(route):
        more["parameters"] = [_parameter(name, "path", {"type": "string"}) for name in names]
    if asks:
        takes = "multipart/form-data" if route.endswith("transcriptions") else "application/json"
        more["requestBody"] = {"required": True, "content": {takes: {"schema": OBJECT}}}
    answer = _content("The answer.", OBJECT, *kinds)
    refusal = {"$ref": "#/components/responses/Refusal"}
    operation = _operation(route, told, **more, responses={"200": answer, "default": refusal})
    if asks:
        whose = "Anthropic's" if route.startswith("POST v1/messages") else "OpenAI's"
        operation["summary"] = f"As the same path of {whose} interface, of the model that is named."
    return operation


def _named(route: str) -> list[str]:
    return re.findall(r"{(\w+)}", route)


def _parameter(name: str, place: str, kind: object, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required or place == "path", "schema": kind}


def _describe(components: dict[str, Any]) -> None:
    """Give fields the text that stands under them in the source."""
    docs = all_docs()
    for name, record in components.items():
        for field, kind in record.get("properties", {}).items():
            if text := docs.get((name, field)):
                kind["description"] = " ".join(text.split())


def _readable(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Patterns as JavaScript knows them, code marked as Markdown does."""
    if isinstance(value, dict):
        return {key: _readable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if isinstance(value, str):
        return value.replace(r"\Z", "$").replace("``", "`")
    return value


def main() -> int:
    """Write the file, or only look whether it is as it would be written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only look whether it is stale")
    check = parser.parse_args().check
    try:
        text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    except NotTold as problem:
        print(problem)
        return 1
    if check and (not FILE.exists() or FILE.read_text("utf-8") != text):
        print("docs/openapi.json is stale: run `.venv/bin/python docs/generate_openapi.py`")
        return 1
    if not check:
        FILE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
