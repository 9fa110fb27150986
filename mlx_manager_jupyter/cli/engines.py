"""``jupyter mlx engines``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, get_args

from mlx_manager_jupyter.cli.connect import add_json, connected, tell, terminal_for
from mlx_manager_jupyter.notebook.table import Column, line_width, plain
from mlx_manager_jupyter.schema import EngineKind, InstallEngine

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.schema import EngineJob, InstalledEngine

#: Those that are programs of their own.
KINDS = [kind for kind in get_args(EngineKind) if kind not in ("remote", "command")]

_ACTIONS = {
    "install": "install one into an environment of its own; what is there stays as it is",
    "upgrade": "install the newest version, or another one, and use it once it has answered",
    "rollback": "use the version before the latest upgrade again",
    "remove": "remove the environments that MLX Manager made for it",
}


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "engines",
        help="see, install, upgrade and roll back the programs that run models",
        description="Engines live in environments of their own, so that neither they nor Jupyter "
        "break each other. A new one is used once it has loaded a tiny model and answered; until "
        "then, and if it does not, the one before stays in use.",
    )
    add_json(parser)
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")
    add_json(actions.add_parser("list", help="all of this machine; this is the default"))
    for name, says in _ACTIONS.items():
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        action.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
        if name in ("install", "upgrade"):
            action.add_argument("--version", metavar="V", help="the newest by default")
        add_json(action)
        action.set_defaults(run=_act, action=name)


def _list(args: argparse.Namespace) -> None:
    with connected(args) as client, terminal_for(args).late_step("Looking for engines"):
        engines = client.engines.list()
    if args.json:
        tell(engines)
    elif engines:
        print(plain(_columns(engines), line_width()))
        for engine in engines:
            if engine.problem:
                print(f"{engine.kind}: {engine.problem.message} {engine.problem.hint or ''}")
    else:
        print(
            "There is no engine. Install one: jupyter mlx engines install mlx-lm", file=sys.stderr
        )


def _columns(engines: list[InstalledEngine]) -> list[Column]:
    return [
        Column("engine", [engine.kind for engine in engines]),
        Column("version", [engine.version or "" for engine in engines]),
        Column("in use", ["yes" if engine.selected else "" for engine in engines]),
        Column("found", [engine.source for engine in engines], rank=1),
        Column("before", [engine.previous_version or "" for engine in engines], rank=2),
        Column("program", [engine.path or "" for engine in engines], rank=3),
    ]


def _act(args: argparse.Namespace) -> None:
    version = getattr(args, "version", None)
    wanted = InstallEngine(kind=args.kind, action=args.action, version=version)
    terminal = terminal_for(args)
    step = terminal.begin(f"{args.action} {args.kind}")

    def show(job: EngineJob) -> None:
        latest = job.log_tail[-1] if job.log_tail else ""
        step.progress(f"{job.stage}  {latest}" if not latest.startswith("==") else job.stage)

    try:
        with connected(args) as client:
            job = client.engines.run(wanted, show)
    except BaseException:
        step.end("✗")
        raise
    step.end(f"✓ {job.stage} in")
    if args.json:
        tell(job)
