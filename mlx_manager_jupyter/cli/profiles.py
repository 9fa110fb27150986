"""``jupyter mlx profiles``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.cli.connect import add_json, connected, tell, terminal_for
from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.notebook import profile_rows as rows
from mlx_manager_jupyter.notebook.options import SET
from mlx_manager_jupyter.notebook.table import line_width, plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.schema import Profile, ProfileProbe

#: Of a suggestion: memory is planned for it, so it is for people to choose.
_NOT_BY_ITSELF = "context_length"


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "profiles",
        help="see, make and change saved ways to run a model",
        description="A profile is a named way to run a model: an engine and its options. Its "
        "name is what you type to serve it and to ask it.",
    )
    add_json(parser)
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")

    def add(
        name: str, says: str, run: Callable[[argparse.Namespace], None]
    ) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        add_json(action)
        action.set_defaults(run=run, parser=action)
        return action

    add("list", "all of them; this is the default", _list)
    add("show", "what is set of one", _show).add_argument("name", metavar="NAME")
    _add_changes(add)
    copy = add("copy", "save the same under another name", _copy)
    copy.add_argument("name", metavar="NAME")
    copy.add_argument("to", metavar="NEW")
    delete = add("delete", "forget profiles; what runs from them goes on", _delete)
    delete.add_argument("names", metavar="NAME", nargs="+")
    export = add("export", "write all of them, or one, as JSON without secrets", _export)
    export.add_argument("name", metavar="NAME", nargs="?")
    export.add_argument("-o", "--output", metavar="FILE", help="instead of printing it")
    imported = add("import", "save the profiles of such a document, all or none", _import)
    imported.add_argument("file", metavar="FILE", help="- for standard input")
    imported.add_argument(
        "--on-conflict",
        choices=("refuse", "skip", "replace", "rename"),
        default="refuse",
        metavar="HOW",
        help="if a name is taken: refuse (the default), skip, replace or rename",
    )
    probe = add("probe", "try one on the running model: tools, thinking, a schema", _probe)
    probe.add_argument("name", metavar="NAME")
    points = add("starting-points", "ready-made beginnings by family of models", _points)
    points.add_argument("model", metavar="MODEL", nargs="?", default="", help="only those for it")


def _add_changes(
    add: Callable[[str, str, Callable[[argparse.Namespace], None]], argparse.ArgumentParser],
) -> None:
    create = add("create", "save a new one", _create)
    create.add_argument("name", metavar="NAME")
    create.add_argument("--model", metavar="M", help="an id of this machine, or a folder")
    create.add_argument(
        "--from-start",
        metavar="FAMILY",
        help="begin with the values of a starting point; see 'starting-points'",
    )
    create.add_argument(
        "--suggest", action="store_true", help="take what the model suggests, and say why"
    )
    create.add_argument(
        "--probe", action="store_true", help="try it on the running model once it is saved"
    )
    edit = add("edit", "change fields of one", _edit)
    edit.add_argument("name", metavar="NAME")
    edit.add_argument("--rename", metavar="NEW", help="the name that it shall have")
    edit.add_argument(
        "--unset", action="append", default=[], metavar="FIELD", help="back to its default"
    )
    flags, more = SET
    for parser in (create, edit):
        parser.add_argument(*flags, **more)


def _list(args: argparse.Namespace) -> None:
    with connected(args) as client:
        profiles = client.profiles.list()
    if args.json:
        tell(profiles)
    elif profiles:
        print(plain(rows.profile_columns(profiles), line_width()))
    else:
        hint = "No profile is saved. Make one: jupyter mlx profiles create NAME --model MODEL"
        print(hint, file=sys.stderr)


def _show(args: argparse.Namespace) -> None:
    with connected(args) as client:
        profile = client.profiles.get(args.name)
    if args.json:
        tell(profile)
    else:
        print(plain(rows.field_columns(profile), line_width()))


def _create(args: argparse.Namespace) -> None:
    with connected(args) as client:
        values: dict[str, Any] = _start(client, args.from_start) if args.from_start else {}
        values |= {"name": args.name}
        if args.model is not None:
            values["model"] = args.model
        values |= dict(args.set)
        if args.suggest:
            _take_suggestions(client, args, values)
        profile = client.profiles.create(values)
        told = _tried(client, args) if args.probe else None
    if args.json:
        tell({"profile": profile, "probe": told} if told else profile)
        return
    print(f"{profile.name} is saved.")
    if told:
        _print_findings(told)


def _start(client: Client, family: str) -> dict[str, Any]:
    points = {point.family: point for point in client.profiles.starting_points()}
    if family in points:
        return dict(points[family].values)
    hint = f"There are {', '.join(nearest(family, points) or points)}."
    raise InvalidValue(f"There is no starting point {family!r}.", hint)


def _take_suggestions(client: Client, args: argparse.Namespace, values: dict[str, Any]) -> None:
    check = client.profiles.check(values)
    terminal = terminal_for(args)
    for one in check.suggestions:
        if one.field not in values and one.field != _NOT_BY_ITSELF:
            values[one.field] = one.value
            terminal.say(f"{one.field}={rows.shown(one.value)}: {one.reason}")
    for note in check.notes:
        terminal.say(note)


def _edit(args: argparse.Namespace) -> None:
    changes: dict[str, Any] = dict(args.set) | dict.fromkeys(args.unset)
    if args.rename is not None:
        changes["name"] = args.rename
    if not changes:
        args.parser.error("say what to change: --set FIELD=VALUE, --unset FIELD or --rename NEW")
    with connected(args) as client:
        profile = client.profiles.edit(args.name, changes)
        stale = _to_restart(client, profile)
    if args.json:
        tell(profile)
    else:
        print(f"{profile.name} is saved.")
    for name in stale:
        terminal_for(args).say(
            f"{name} runs with the settings of before; to apply: jupyter mlx restart {name}"
        )


def _to_restart(client: Client, profile: Profile) -> list[str]:
    return [
        server.name
        for server in client.servers.list()
        if server.profile == profile.name and server.restart_to_apply
    ]


def _copy(args: argparse.Namespace) -> None:
    with connected(args) as client:
        profile = client.profiles.copy(args.name, args.to)
    if args.json:
        tell(profile)
    else:
        print(f"{profile.name} is saved.")


def _delete(args: argparse.Namespace) -> None:
    deleted = []
    with connected(args) as client:
        for name in dict.fromkeys(args.names):
            gone = client.profiles.delete(name)
            deleted.append(gone)
            if not args.json:
                print(f"{name} is deleted.")
            for server in gone.servers:
                terminal_for(args).say(
                    f"The server {server} goes on; to end it: jupyter mlx stop {server}"
                )
    if args.json:
        tell(deleted)


def _export(args: argparse.Namespace) -> None:
    with connected(args) as client:
        document = client.profiles.export(args.name)
    for left_out in document.withheld:
        terminal_for(args).say(f"Left out, for it is secret: {left_out}")
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    if args.output is None:
        print(text)
        return
    Path(args.output).write_text(f"{text}\n", "utf-8")
    count = len(document.profiles)
    what = "1 profile" if count == 1 else f"{count} profiles"
    terminal_for(args).say(f"{what} written to {args.output}")


def _import(args: argparse.Namespace) -> None:
    try:
        content = sys.stdin.read() if args.file == "-" else Path(args.file).read_text("utf-8")
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValue(f"{args.file} is no JSON: {error}.") from error
    with connected(args) as client:
        told = client.profiles.import_(document, args.on_conflict)
    if args.json:
        tell(told)
        return
    for one in told:
        was = f" (it was {one.was})" if one.was else ""
        print(f"{one.name} is {one.did}{was}.")


def _probe(args: argparse.Namespace) -> None:
    with connected(args) as client:
        told = _tried(client, args)
    if args.json:
        tell(told)
    else:
        _print_findings(told)


def _tried(client: Client, args: argparse.Namespace) -> ProfileProbe:
    with terminal_for(args).step(f"Trying {args.name} on the running model"):
        return client.profiles.probe(args.name)


def _print_findings(told: ProfileProbe) -> None:
    print(plain(rows.finding_columns(told.findings), line_width()))


def _points(args: argparse.Namespace) -> None:
    with connected(args) as client:
        points = client.profiles.starting_points(args.model)
    if args.json:
        tell(points)
    elif points:
        print(plain(rows.point_columns(points), line_width()))
    else:
        print("There is none for that model; see them all without one.", file=sys.stderr)
