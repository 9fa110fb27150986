"""``jupyter mlx doctor``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, tell, terminal_for
from mlx_manager_jupyter.errors import MLXManagerError, NotReady
from mlx_manager_jupyter.schema import Check

if TYPE_CHECKING:
    import argparse

_MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "doctor",
        help="look at everything, and say what to do about it",
        description="Look at everything that a bug report needs: versions, machine, engines, "
        "folders, ports, both extensions, failed servers. Secrets are never shown. Fails if "
        "something does not work.",
    )
    parser.add_argument("--hub", action="store_true", help="ask the Hugging Face Hub as well")
    add_json(parser)
    parser.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> None:
    from mlx_manager_jupyter.client import here  # noqa: PLC0415  on use

    checks = here.checks()
    try:
        with connected(args) as client, terminal_for(args).late_step("Looking"):
            checks += client.doctor(hub=args.hub)
            checks += here.compared(client.status().version)
    except MLXManagerError as error:
        tail = tuple(error.log_tail)
        says = error.message
        checks.append(
            Check(name="extension", state="fail", says=says, hint=error.hint, details=tail)
        )
    if args.json:
        tell(checks)
    else:
        for check in checks:
            _print(check)
    if failed := [check for check in checks if check.state == "fail"]:
        names = ", ".join(check.name for check in failed)
        raise NotReady(f"Something does not work: {names}.", failed[0].hint)


def _print(check: Check) -> None:
    print(f"{_MARKS[check.state]} {check.name}: {check.says}")
    for line in check.details:
        print(f"    | {line}")
    if check.hint and check.state != "ok":
        print(f"    → {check.hint}")
    sys.stdout.flush()
