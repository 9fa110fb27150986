"""``jupyter mlx pull`` and ``jupyter mlx downloads``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, explained, tell, terminal_for
from mlx_manager_jupyter.errors import BadRequest, MLXManagerError, UnknownDownload
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.options import PULL, pulled
from mlx_manager_jupyter.notebook.table import line_width, plain
from mlx_manager_jupyter.schema import StartDownload

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.schema import Download

_ACTIONS = {
    "pause": "stop a download where it is, until it is resumed",
    "resume": "go on with a paused or failed download, in the background",
    "cancel": "end a download and remove what it fetched; of an ended one: list it no longer",
}


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to ``jupyter mlx``."""
    pull = nouns.add_parser(
        "pull",
        help="download a model, verified",
        description="Download a model into the Hugging Face cache and print its folder. Ctrl-C "
        "pauses; the same command goes on with it.",
    )
    for flags, more in PULL:
        pull.add_argument(*flags, **more)
    add_json(pull)
    pull.set_defaults(run=_pull)

    downloads = nouns.add_parser("downloads", help="see, pause, resume and cancel downloads")
    add_json(downloads)
    downloads.set_defaults(run=_list)
    actions = downloads.add_subparsers(metavar="ACTION")
    listing = actions.add_parser("list", help="all downloads, oldest first; this is the default")
    add_json(listing)
    for name, says in _ACTIONS.items():
        action = actions.add_parser(name, help=says, description=f"{says[0].upper()}{says[1:]}.")
        action.add_argument("id", metavar="ID", help="of the list, or the model's id")
        add_json(action)
        action.set_defaults(run=_act, action=name)


def _pull(args: argparse.Namespace) -> None:
    given = pulled(args)
    wait = given.pop("wait")
    with connected(args) as client:
        with explained(client, args):
            wanted = client.downloads.named(StartDownload(**given))
        if wait:
            _fetch(client, wanted, args)
            return
        download = client.downloads.start(wanted).download
        if args.json:
            tell(download)
        else:
            print(f"{download.model} is {download.state}; see: jupyter mlx downloads")


def _fetch(client: Client, wanted: StartDownload, args: argparse.Namespace) -> None:
    terminal = terminal_for(args)
    step = terminal.begin(rows.label(wanted.model))
    seen: list[Download] = []

    def show(download: Download) -> None:
        seen[:] = [download]
        step.progress(rows.line(download))

    try:
        download = client.downloads.fetch(wanted, show)
    except BaseException as error:
        step.end("✗")
        if args.json and seen:
            tell(seen[0])
        if not isinstance(error, MLXManagerError):
            terminal.say(_interrupted(seen))
        raise
    step.end(f"✓ {fmt.size(download.bytes_done)} in")
    if args.json:
        tell(download)
    else:
        print(client.models.get(download.model).path or download.model)


def _interrupted(seen: list[Download]) -> str:
    if seen and seen[0].state == "paused":
        says = rows.figures(seen[0])[0]
        return f"It is {says}; go on with: jupyter mlx downloads resume {seen[0].id}"
    if seen:
        return "The download goes on: it was under way before."
    return "Nothing has come yet. One that was under way before goes on; see: jupyter mlx downloads"


def _list(args: argparse.Namespace) -> None:
    with connected(args) as client:
        downloads = client.downloads.list()
    if args.json:
        tell(downloads)
    elif downloads:
        print(plain(rows.download_columns(downloads), line_width()))
        for problem in rows.problems(downloads):
            print(problem)
    else:
        print("Nothing is being downloaded.", file=sys.stderr)


def _act(args: argparse.Namespace) -> None:
    with connected(args) as client:
        download = _named(args.id, client.downloads.list())
        match args.action:
            case "pause":
                download = client.downloads.pause(download.id)
            case "resume":
                download = client.downloads.resume(download.id)
            case "cancel":
                client.downloads.cancel(download.id)
                # An ended one is not listed any more.
                left = {each.id: each for each in client.downloads.list()}
                download = left.get(download.id, download)
    if args.json:
        tell(download)
    else:
        print(f"{download.model}: {', '.join(rows.figures(download))}")


def _named(given: str, downloads: list[Download]) -> Download:
    """The download of that id, or the only one of that model."""
    found = [each for each in downloads if each.id == given]
    found = found or [each for each in downloads if each.model.casefold() == given.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(each.id for each in found)
        raise BadRequest(f"{given} is downloaded {len(found)} times.", f"Give an id: {ids}.")
    raise UnknownDownload(f"There is no download {given!r}.", "See: jupyter mlx downloads")
