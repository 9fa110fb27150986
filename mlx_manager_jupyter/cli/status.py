"""``jupyter mlx status`` and ``env``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.cli.connect import add_json, connected, tell
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook import rows
from mlx_manager_jupyter.notebook.server_rows import remarks, server_columns
from mlx_manager_jupyter.notebook.table import line_width, plain

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.schema import Download, Status

#: What `keys` shows for one that was made here.
_LABEL = "jupyter mlx env"
#: Seconds that it opens the gateway: a shell may stay open for a week, and nobody revokes its key.
_LASTS = 7 * 86_400.0


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands to ``jupyter mlx``."""
    status = nouns.add_parser(
        "status",
        help="the extension, the machine, and what happens on it",
        description="Show where the extension runs, the machine and its memory, the gateway, the "
        "servers and the downloads.",
    )
    add_json(status)
    status.set_defaults(run=_status)

    env = nouns.add_parser(
        "env",
        help="base URL and key for any OpenAI client",
        description="Make a key of the gateway and print it with the base URL, for a shell to "
        'take: eval "$(jupyter mlx env)". The key is valid for a week, unless it is revoked '
        "before.",
    )
    add_json(env)
    env.set_defaults(run=_env)


def _status(args: argparse.Namespace) -> None:
    with connected(args) as client:
        status, downloads = client.status(), client.downloads.list()
    if args.json:
        tell({**msgspec.to_builtins(status), "downloads": downloads})
        return
    for title, says in _facts(status):
        print(f"{title:<10} {says}")
    if status.servers:
        print(f"\n{plain(server_columns(status.servers, status.loads), line_width())}")
        for remark in remarks(status.servers):
            print(remark)
    under_way = [each for each in downloads if _is_news(each)]
    if under_way:
        print(f"\n{plain(rows.download_columns(under_way), line_width())}")
        for problem in rows.problems(under_way):
            print(problem)


def _facts(status: Status) -> list[tuple[str, str]]:
    machine, memory = status.hardware, status.memory
    free, total = fmt.memory(memory.available_bytes), fmt.memory(memory.total_bytes)
    none = [] if status.servers else [("servers", "none")]
    return [
        ("extension", f"{status.version}, process {status.pid}"),
        ("machine", f"{machine.chip}, {machine.system}, {machine.cores} cores"),
        ("memory", f"{free} free of {total}"),
        ("gateway", status.gateway_url),
        *none,
    ]


def _is_news(download: Download) -> bool:
    return download.state not in ("done", "cancelled")


def _env(args: argparse.Namespace) -> None:
    with connected(args) as client:
        key = client.keys.create(_LABEL, expires_in_seconds=_LASTS).secret
        url = client.gateway_url
    if args.json:
        tell({"base_url": url, "api_key": key})
    else:
        given = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key}
        words = (f"{name}={shlex.quote(value)}" for name, value in given.items())
        print(f"export {' '.join(words)}")
