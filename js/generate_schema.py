"""Write what the browser knows of ``mlx_manager_jupyter/schema``, the definition of the wire.

``src/core/schema.ts`` holds the records that `ROOTS` name and whatever these refer to; docstrings
become comments. ``src/core/profile_fields.ts`` is the table that the form of a profile is built
from. ``--check`` writes nothing and exits 1 when a file is stale.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import json
import sys
import types
import typing
from datetime import datetime
from pathlib import Path

import msgspec

HERE = Path(__file__).resolve().parent
CORE = HERE / "src" / "core"
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
from mlx_manager_jupyter.schema import profile_form  # noqa: E402  the same

HEAD = "// Made by generate_schema.py from mlx_manager_jupyter/schema: do not edit.\n"

#: What the browser reads: the event stream and the answers of the routes that it calls.
ROOTS = (
    schema.AnyEvent,
    schema.Status,
    schema.MetricsHistory,
    schema.Key,
    schema.NewKey,
    schema.CreateKey,
    schema.Logs,
    schema.LogRun,
    schema.LogLine,
    schema.LogEnd,
    schema.Problem,
    schema.ModelQuery,
    schema.ModelPage,
    schema.Fit,
    schema.StartDownload,
    schema.StartServer,
    schema.ProfileCheck,
    schema.StartingPoint,
    schema.DeletedProfile,
    schema.ImportedProfile,
    schema.ProfileProbe,
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
        self._docs = all_docs()

    def text(self) -> str:
        """The whole module."""
        for root in ROOTS:
            self._type(root)
        union = " | ".join(member.__name__ for member in typing.get_args(schema.AnyEvent))
        events = _comment("One numbered frame of `GET events`.")
        events += _wrapped("export type AnyEvent =", union)
        return "\n".join([HEAD, *self._done.values(), events])

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


def all_docs() -> dict[tuple[str, str], str]:
    """What stands under each field: by record and field."""
    files = sorted(Path(schema.__path__[0]).glob("*.py"))
    return _field_docs("\n".join(file.read_text("utf-8") for file in files))


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


FIELD_TYPES = """\
/** What is typed for a field, and how it is read. */
export type FieldKind =
  'text' | 'integer' | 'number' | 'choice' | 'switch' | 'words' | 'pairs' | 'json';

/** One field of the form. Names with a dot are parts of a record. */
export interface FormField {
  readonly name: string;
  readonly label: string;
  readonly help: string;
  readonly kind: FieldKind;
  /** Its value while it is unset. */
  readonly initial: unknown;
  /** What happens while it is unset, in a few words. */
  readonly unset: string;
  readonly unit?: string;
  readonly example?: string;
  readonly long?: boolean;
  readonly options?: readonly (string | number)[];
  readonly minimum?: number;
  /** The minimum itself is too small. */
  readonly above?: boolean;
  readonly maximum?: number;
  /** Of the text, or of each word. */
  readonly pattern?: string;
}

export interface FormSection {
  readonly key: string;
  readonly title: string;
  readonly fields: readonly FormField[];
}
"""


def form_text() -> str:
    """The module with the form's table."""
    docs = all_docs()
    sections = []
    for section in profile_form.FORM:
        fields = [_form_field(field, docs) for field in section.fields]
        sections.append({"key": section.key, "title": section.title, "fields": fields})
    table = json.dumps(sections, indent=2, ensure_ascii=False)
    return f"{HEAD}\n{FIELD_TYPES}\nexport const FORM: readonly FormSection[] = {table};\n"


def _form_field(
    field: profile_form.FormField, docs: dict[tuple[str, str], str]
) -> dict[str, object]:
    """One row of the table: what the form says of a field, and what its type allows."""
    outer, _, inner = field.name.partition(".")
    record = schema.Distributed if inner else schema.Profile
    (known,) = (found for found in msgspec.structs.fields(record) if found.name == (inner or outer))
    initial = None if known.default is msgspec.NODEFAULT else known.default
    if known.default_factory is not msgspec.NODEFAULT:
        initial = known.default_factory()
    hint = typing.get_type_hints(record, include_extras=True)[known.name]
    shown = {
        "name": field.name,
        "label": field.label,
        "help": docs[record.__name__, known.name].replace("``", "`"),
        **_reading(msgspec.inspect.type_info(hint)),
        "options": _options(hint),
        "initial": initial,
        "unset": field.unset,
        "unit": field.unit,
        "example": field.example,
        "long": field.long or None,
    }
    return {key: value for key, value in shown.items() if value is not None or key == "initial"}


def _options(hint: object) -> tuple[object, ...] | None:
    """What a choice chooses from, in the order of the schema: msgspec sorts it."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return next(filter(None, map(_options, typing.get_args(hint))), None)
    return None


def _reading(kind: msgspec.inspect.Type) -> dict[str, object]:
    """How a value of that type is typed, and its range."""
    types_ = msgspec.inspect
    found: dict[str, object]
    match kind:
        case types_.UnionType(types=members):
            (member,) = (each for each in members if not isinstance(each, types_.NoneType))
            found = _reading(member)
        case types_.Metadata(type=inner):
            found = _reading(inner)
        case types_.IntType() | types_.FloatType():
            found = {
                "kind": "integer" if isinstance(kind, types_.IntType) else "number",
                "minimum": kind.gt if kind.ge is None else kind.ge,
                "above": True if kind.gt is not None else None,
                "maximum": kind.le,
            }
        case types_.StrType(pattern=pattern):
            # Python ends a text with \Z where JavaScript says $.
            found = {"kind": "text", "pattern": pattern and pattern.replace(r"\Z", "$")}
        case types_.LiteralType():
            found = {"kind": "choice"}
        case types_.BoolType():
            found = {"kind": "switch"}
        case types_.VarTupleType(item_type=item):
            found = {**_reading(item), "kind": "words"}
        case types_.DictType(value_type=value):
            found = {"kind": "pairs" if isinstance(value, types_.StrType) else "json"}
        case _:
            msg = f"no way to type a {kind!r}: teach it to {Path(__file__).name}"
            raise TypeError(msg)
    return found


def main() -> int:
    """Write the files, or compare them; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when a file is stale")
    check = parser.parse_args().check
    texts = {CORE / "schema.ts": Writer().text(), CORE / "profile_fields.ts": form_text()}
    stale = [
        path.name
        for path, text in texts.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if check and stale:
        sys.stderr.write(f"{', '.join(stale)}: stale. Run python js/{Path(__file__).name}\n")
        return 1
    if not check:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
