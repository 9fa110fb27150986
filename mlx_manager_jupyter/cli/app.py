"""What all commands share: the parser, how errors are told, and exit codes.

0 done; 1 failed, with the message on stderr; 2 wrong usage (argparse's own); 128 + the signal's
number when one ended it, so 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import msgspec

from mlx_manager_jupyter.cli import (
    chat,
    daemon,
    demo,
    doctor,
    downloads,
    engines,
    keys,
    logs,
    metrics,
    models,
    profiles,
    requests,
    servers,
    status,
)
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.notebook.format import hints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

NOUNS = (
    status,
    models,
    downloads,
    profiles,
    servers,
    logs,
    metrics,
    requests,
    chat,
    keys,
    engines,
    doctor,
    daemon,
    demo,
)

FAILED = 1
INTERRUPTED = 128 + signal.SIGINT
READER_LEFT = 128 + signal.SIGPIPE


class _Version(argparse.Action):
    """Like argparse's own, but it reads the package's metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from mlx_manager_jupyter import __version__  # noqa: PLC0415

        print(__version__)
        parser.exit()


def run(argv: Sequence[str] | None) -> int:
    """Parse, run the command, and turn whatever happens into an exit code."""
    args = parsed(argv)
    # A closed terminal or a service manager ends us as Ctrl-C does: what we started is stopped.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGHUP, _leave)
    try:
        args.run(args)
        # What can't be written shall be known here, not while the interpreter ends.
        sys.stdout.flush()
    except MLXManagerError as error:
        _tell(error, as_json=args.json)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return READER_LEFT
    except OSError as error:
        _drop_output()
        _tell(MLXManagerError(f"{error}."), as_json=args.json)
        return FAILED
    return 0


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line as read; usage errors end the process.

    Words may stand on both sides of an option; argparse takes the first lot and stops.
    """
    parser = _parser()
    args, more = parser.parse_known_args(argv)
    if more and (not hasattr(args, "words") or any(word.startswith("-") for word in more)):
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if more:
        args.words += more
    return args


def _drop_output() -> None:
    """Forget what stdout has not taken: at the end it would fail again, with a traceback."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter mlx",
        description="The models on your own machine as a native part of the notebook.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and leave")
    nouns = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for noun in NOUNS:
        noun.add_to(nouns)
    parser.set_defaults(json=False)
    return parser


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _tell(error: MLXManagerError, *, as_json: bool) -> None:
    if as_json:
        told: dict[str, object] = {"code": error.code, "message": error.message, "hint": error.hint}
        if error.candidates:
            told["candidates"] = error.candidates
        print(msgspec.json.encode(told).decode(), file=sys.stderr)
        return
    for line in error.log_tail:
        print(f"  | {line}", file=sys.stderr)
    print(f"jupyter mlx: {error.message}", file=sys.stderr)
    for line in hints(error):
        print(line, file=sys.stderr)
