"""``jupyter mlx search``, ``resolve``, ``models`` and ``fit``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, explained, tell, terminal_for
from mlx_manager_jupyter.errors import CorruptWeights
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.options import SEARCH, searched
from mlx_manager_jupyter.notebook.table import line_width, plain
from mlx_manager_jupyter.schema import ModelQuery

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.schema import Verification

#: All models of a machine are one page.
_ALL = 10_000


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to ``jupyter mlx``."""
    search = nouns.add_parser(
        "search",
        help="find models on the Hugging Face Hub",
        description="Search the MLX models of the Hugging Face Hub; the best come first. The list "
        "of them is kept here, so that it works offline too.",
    )
    for flags, more in SEARCH:
        search.add_argument(*flags, **more)
    add_json(search)
    search.set_defaults(run=_search)

    resolve = nouns.add_parser(
        "resolve",
        help="the one model that loose words mean",
        description="Print the id of the one model that words such as 'qwen3 8b 4bit' mean, those "
        "on this machine first. If they mean several, fail and name them.",
    )
    resolve.add_argument("words", nargs="+", metavar="WORDS")
    add_json(resolve)
    resolve.set_defaults(run=_resolve)

    _add_models(
        nouns.add_parser("models", help="see, verify and remove the models of this machine")
    )

    fit = nouns.add_parser(
        "fit",
        help="does a model fit into memory now",
        description="Say whether a model fits into the memory that is free now, with the numbers "
        "and, if it does not, the best smaller build.",
    )
    fit.add_argument("model", nargs="+", metavar="MODEL", help="an id, or words that mean one")
    fit.add_argument("--context-length", type=int, metavar="N", help="tokens to have room for")
    fit.add_argument(
        "--concurrency", type=int, default=1, metavar="N", help="conversations at a time; 1"
    )
    fit.add_argument("--kv-bits", type=int, metavar="N", help="bits of the cache, if quantized")
    add_json(fit)
    fit.set_defaults(run=_fit)


def _add_models(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")
    add_json(actions.add_parser("list", help="all of them; this is the default"))
    for name, run, says in (
        ("rm", _remove, "remove every file of a model, complete or not"),
        ("verify", _verify, "read every file of a model again and compare its checksum"),
        ("prune", _prune, "remove what is left of downloads that nobody goes on with"),
    ):
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        if name != "prune":
            action.add_argument(
                "model", nargs="+", metavar="MODEL", help="an id, or words that mean one"
            )
        if name != "verify":
            action.add_argument(
                "-y", "--yes", action="store_true", help="don't ask; needed where nobody can answer"
            )
        add_json(action)
        action.set_defaults(run=run, parser=action)


def _search(args: argparse.Namespace) -> None:
    asked = searched(args)
    query = ModelQuery(source="hub", q=asked.pop("words"), details=True, **asked)
    with connected(args) as client, explained(client, args):
        page = client.models.search(query)
    if args.json:
        tell(page.models)
        return
    if page.models:
        print(plain(rows.model_columns(page.models), line_width()))
    shown = query.offset + len(page.models)
    if shown < page.total:
        print(f"{page.total:,} in all; go on with --offset {shown}", file=sys.stderr)
    elif not page.models and page.total:
        print(f"There are no more: {page.total:,} in all.", file=sys.stderr)
    elif not page.models:
        print("No model of the Hub is like that.", file=sys.stderr)


def _resolve(args: argparse.Namespace) -> None:
    with connected(args) as client, explained(client, args):
        found = client.models.resolve(" ".join(args.words))
    if args.json:
        tell(found)
    else:
        print(found.id)


def _list(args: argparse.Namespace) -> None:
    with connected(args) as client:
        models = client.models.search(ModelQuery(limit=_ALL)).models
        library = client.models.library()
    if args.json:
        tell(models)
        return
    if models:
        print(plain(rows.model_columns(models), line_width()))
    free = "" if library.free_bytes is None else f", {fmt.size(library.free_bytes)} free"
    count = "1 model" if library.models == 1 else f"{library.models:,} models"
    print(f"{count}, {fmt.size(library.size_bytes)}{free}", file=sys.stderr)


def _remove(args: argparse.Namespace) -> None:
    _confirmable(args)
    with connected(args) as client:
        model = _local(client, args)
        if not args.yes:
            _confirm(f"Remove {model}{_size(client, model)}?")
        pruned = client.models.delete(model)
    if args.json:
        tell(pruned)
    else:
        print(f"{model} is removed; {fmt.size(pruned.freed_bytes)} are free again.")


def _verify(args: argparse.Namespace) -> None:
    with connected(args) as client:
        model = _local(client, args)
        with terminal_for(args).step(f"Reading {model}"):
            told = client.models.verify(model)
    if args.json:
        tell(told)
    if not told.ok:
        raise _broken(told)
    if not args.json:
        print(f"{model} is whole: {told.files} files, {fmt.size(told.bytes)}.")
        for name in told.unverifiable:
            print(f"  {name} has nothing to be compared with")


def _broken(told: Verification) -> CorruptWeights:
    bad = ", ".join((*told.damaged, *(f"{name} (missing)" for name in told.missing)))
    model = told.model
    if told.revision is None:  # a folder: nobody but its owner knows where it came from
        return CorruptWeights(f"{model} is no whole model: {bad}.")
    if not told.damaged:
        return CorruptWeights(
            f"{model} is not complete: {bad}.", f"Get the rest: jupyter mlx pull {model}"
        )
    return CorruptWeights(
        f"{model} is damaged: {bad}.",
        f"Get it anew: jupyter mlx models rm {model} && jupyter mlx pull {model}",
    )


def _prune(args: argparse.Namespace) -> None:
    _confirmable(args)
    with connected(args) as client:
        if not args.yes:
            _confirm("Remove unfinished files of downloads that nobody goes on with?")
        pruned = client.models.prune()
    if args.json:
        tell(pruned)
        return
    for model in pruned.models:
        print(model)
    print(f"{fmt.size(pruned.freed_bytes)} are free again.")


def _fit(args: argparse.Namespace) -> None:
    with connected(args) as client:
        with explained(client, args):
            model = _known(client, " ".join(args.model))
        fit = client.models.fit(
            model,
            context_length=args.context_length,
            concurrency=args.concurrency,
            kv_bits=args.kv_bits,
        )
    if args.json:
        tell(fit)
        return
    print(fit.reason)
    context = f"{fit.context_length:,} tokens"
    if fit.concurrency > 1:
        context = f"{fit.concurrency} conversations of {context}"
    for what, size in (
        ("weights", fit.weights_bytes),
        (f"cache for {context}", fit.cache_bytes),
        ("the engine", fit.overhead_bytes),
        ("needed", fit.needed_bytes),
        ("free now", fit.available_bytes),
    ):
        print(f"  {fmt.memory(size):>9}  {what}")
    if other := fit.alternative:
        print(f"{other.id} would need {fmt.memory(other.needed_bytes)}.")


def _known(client: Client, words: str) -> str:
    """An id or a folder as it is; the catalogue need not know it."""
    if "/" in words and " " not in words:
        return words
    return client.models.resolve(words).id


def _local(client: Client, args: argparse.Namespace) -> str:
    words = " ".join(args.model)
    return words if "/" in words else client.models.resolve(words, "local").id


def _size(client: Client, model: str) -> str:
    for known in client.models.search(ModelQuery(limit=_ALL)).models:
        if known.id == model:
            return f" ({fmt.size(known.size_bytes or known.partial_bytes)})"
    return ""  # then removing it says why it can't be


def _confirmable(args: argparse.Namespace) -> None:
    """Wrong usage, exit code 2, where somebody must be asked and nobody is there."""
    if not args.yes and not sys.stdin.isatty():
        args.parser.error("nobody can be asked here whether that is meant: say so with -y")


def _confirm(question: str) -> None:
    """Ask before something goes for good; `SystemExit` unless the answer is yes."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        print("Nothing was removed.", file=sys.stderr)
        sys.exit(1)
