"""Putting an engine's command line under MLX's launcher. Blocking."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.distributed.hosts import spread_of
from mlx_manager_jupyter.adapters.engines.distributed.launcher import (
    check_env,
    first_port,
    launch_words,
    launcher_of,
    ports_needed,
)
from mlx_manager_jupyter.adapters.process import port_is_free
from mlx_manager_jupyter.errors import PortTaken

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Mapping
    from pathlib import Path
    from typing import Literal

    from mlx_manager_jupyter.schema import Profile
    from mlx_manager_jupyter.services.servers.matching import Match

HOSTFILE = "hosts.json"

#: The last lines of a log, as they are shown below a failure, and looked at for its cause.
LINES_TOLD = 20
#: Each rank that loses another one writes a trace, between the launcher's words and the end.
_LINES_OF_RANK = 50

#: How many places for the ranks' ports are looked at.
_TRIES = 1000


def spread_out(
    match: Match,
    argv: tuple[str, ...],
    *,
    port: int,
    taken: Collection[int],
    folder: Path,
    env: Mapping[str, str],
    secret: re.Pattern[str],
) -> tuple[str, ...]:
    """The command line that runs ``argv`` once for each rank.

    Args:
        match: the profile and what runs it.
        argv: the engine's own command line.
        port: where rank 0 answers.
        taken: ports of other servers.
        folder: of the server's logs; the list of hosts is written beside them.
        env: what every rank has to be told.
        secret: names of variables that must not be on a command line.

    Raises:
        InvalidValue: other machines can't be told what is in ``env`` of the profile.
        PortTaken: there are no ports for the ranks.
    """
    distributed = match.profile.distributed
    if distributed is None:
        return argv
    spread = spread_of(distributed)
    told = dict(env)
    hostfile = None
    if not spread.is_local:  # the others inherit nothing
        check_env(spread, [name for name in match.profile.env if secret.search(name)])
        told = {**match.profile.env, **env}
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hostfile = folder / HOSTFILE
        descriptor = os.open(hostfile, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(spread.hostfile)
    mine = next(iter(spread.hosts[0].ips), "127.0.0.1")
    words = launch_words(
        launcher_of(match.installation),
        spread,
        port=_ports(mine, port, ports_needed(spread), taken),
        hostfile=hostfile,
        folder=match.path,
        env=told,
    )
    return (*words, *argv)


def stdin_of(profile: Profile) -> Literal["empty", "silent", "full"]:
    """What a server's process is given to read.

    ``mlx.launch`` (0.32) reads its input without a pause when it has ended, and passes it on to
    every rank, with one busy thread each as long as a rank's own pipe has room: half a core was
    measured, for nothing, on a model that nobody asked. Ranks read nothing, so what is passed on
    stays in their pipes. For ssh it would reach a terminal, so other machines are given nothing.
    """
    distributed = profile.distributed
    if distributed is None:
        return "empty"
    return "full" if distributed.ranks else "silent"


def lines_that_tell(profile: Profile) -> int:
    """How many of a log's last lines may hold the cause of an end."""
    distributed = profile.distributed
    if distributed is None:
        return LINES_TOLD
    ranks = distributed.ranks or max(2, len(distributed.hosts))
    return LINES_TOLD + ranks * _LINES_OF_RANK


def _ports(host: str, port: int, count: int, taken: Collection[int]) -> int:
    """The first of so many free ports in a row."""
    first = first_port(port)
    for start in range(first, first + _TRIES):
        row = range(start, start + count)
        if not any(each in taken or not port_is_free(host, each) for each in row):
            return start
    message = f"No {count} ports in a row are free from {first} on, for the ranks to talk through."
    raise PortTaken(message, "End a program that holds ports, or take fewer ranks.")
