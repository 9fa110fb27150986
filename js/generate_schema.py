"""Write ``src/core/schema.ts`` from ``mlx_manager_jupyter/schema``, the definition of the wire.

Only what reaches a browser is written: the records that `ROOTS` name and whatever these refer to.
Docstrings become comments. ``--check`` writes nothing and exits 1 when the file is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
import types
import typing
from datetime import datetime
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
TARGET = HERE / "src" / "core" / "schema.ts"
LINE_LENGTH = 100
SCALARS: dict[object, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    datetime: "string",
    type(None): "null",
    typing.Any: "unknown",
}

sys.path.insert(0, str(HERE.parent))
from mlx_manager_jupyter import schema  # noqa: E402  the checkout beside us, installed or not

#: What the browser reads: the event stream and the answers of the routes that it calls.
ROOTS = (
    schema.AnyEvent,
    schema.Status,
    schema.Logs,
    schema.Problem,
    schema.ModelQuery,
    schema.ModelPage,
    schema.Fit,
    schema.StartDownload,
    schema.StartServer,
    schema.ProfileCheck,
    schema.StartingPoint,
    schema.InstallEngine,
    schema.Pruned,
    schema.Verification,
)


class Writer:
    """Collects the declarations, each once, dependencies before dependants."""

    def __init__(self) -> None:
        self._done: dict[str, str] = {}
        self._aliases = {
            value: name
            for name, value in vars(schema).items()
            if typing.get_origin(value) is typing.Literal
        }
        files = sorted(Path(schema.__path__[0]).glob("*.py"))
        self._docs = _field_docs("\n".join(file.read_text("utf-8") for file in files))

    def text(self) -> str:
        """The whole module."""
        for root in ROOTS:
            self._type(root)
        union = " | ".join(member.__name__ for member in typing.get_args(schema.AnyEvent))
        events = _comment("One numbered frame of `GET events`.")
        events += _wrapped("export type AnyEvent =", union)
        head = "// Made by generate_schema.py from mlx_manager_jupyter/schema: do not edit.\n"
        return "\n".join([head, *self._done.values(), events])

    def _type(self, annotation: object) -> str:
        """The TypeScript of one annotation; declares what it mentions."""
        if annotation in SCALARS:
            return SCALARS[annotation]
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return self._record(annotation)
        origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Literal:
            return self._literal(annotation, arguments)
        if origin in {typing.Union, types.UnionType}:
            return " | ".join(self._type(member) for member in arguments)
        if origin is tuple and arguments[1:] == (...,):
            item = self._type(arguments[0])
            return f"readonly ({item})[]" if " | " in item else f"readonly {item}[]"
        if origin is dict:
            return f"Readonly<Record<{', '.join(map(self._type, arguments))}>>"
        msg = f"no TypeScript for {annotation!r}: teach it to {Path(__file__).name}"
        raise TypeError(msg)

    def _literal(self, annotation: object, values: tuple[object, ...]) -> str:
        union = " | ".join(f"'{v}'" if isinstance(v, str) else str(v) for v in values)
        name = self._aliases.get(annotation)
        if name is None:
            return union
        self._done.setdefault(name, f"export type {name} = {union};\n")
        return name

    def _record(self, record: type[msgspec.Struct]) -> str:
        name = record.__name__
        if name in self._done:
            return name
        hints = typing.get_type_hints(record)
        tag = record.__struct_config__.tag
        lines = [f"  readonly type: '{tag}';\n"] if tag else []
        for field in msgspec.structs.fields(record):
            lines.append(_comment(self._docs.get((name, field.name)), indent="  "))
            head = f"readonly {field.encode_name}:"
            lines.append(_wrapped(head, self._type(hints[field.name]), indent="  "))
        doc = _comment(inspect.getdoc(record))
        self._done[name] = f"{doc}export interface {name} {{\n{''.join(lines)}}}\n"
        return name


def _wrapped(head: str, kind: str, indent: str = "") -> str:
    """``head kind;``, where a union too long for one line gets a line a member."""
    line = f"{indent}{head} {kind};"
    if len(line) > LINE_LENGTH:
        members = kind.split(" | ")
        line = "".join([indent, head, *(f"\n{indent}  | {member}" for member in members), ";"])
    return line + "\n"


def _comment(doc: str | None, indent: str = "") -> str:
    if not doc:
        return ""
    lines = doc.replace("``", "`").splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    body = "".join(f"{indent} * {line}".rstrip() + "\n" for line in lines)
    return f"{indent}/**\n{body}{indent} */\n"


def _field_docs(source: str) -> dict[tuple[str, str], str]:
    """The string under a field is its docstring; Python itself throws it away."""
    docs: dict[tuple[str, str], str] = {}
    for record in ast.walk(ast.parse(source)):
        if not isinstance(record, ast.ClassDef):
            continue
        for field, below in zip(record.body, record.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs[record.name, name] = inspect.cleandoc(text)
    return docs


def main() -> int:
    """Write the file, or compare it; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when schema.ts is stale")
    text = Writer().text()
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{TARGET.name} is stale: run python js/{Path(__file__).name}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
