"""``serve``, ``servers``, ``stop``, ``restart`` and ``logs``: what those magics call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.client.feed import shared_feed
from mlx_manager_jupyter.errors import BadRequest, InvalidValue
from mlx_manager_jupyter.notebook.display import dot
from mlx_manager_jupyter.notebook.durations import seconds_in
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.records import Records
from mlx_manager_jupyter.notebook.server_rows import doing, remarks, server_columns
from mlx_manager_jupyter.notebook.starting import Start
from mlx_manager_jupyter.schema import Server, StartServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlx_manager_jupyter.notebook.table import Column
    from mlx_manager_jupyter.schema import EngineChoice, ServerLoad


class Servers(Records[Server]):
    """Servers, as a list that shows itself as a table.

    Attributes:
        loads: what each of them does at this moment, by its name.
    """

    _kind = Server
    _nothing = "No server runs. Start one with %mlx_serve MODEL."

    def __init__(
        self, servers: Iterable[Server] = (), loads: Mapping[str, ServerLoad] | None = None
    ) -> None:
        super().__init__(servers)
        self.loads = dict(loads or {})

    def _columns(self) -> Sequence[Column]:
        return server_columns(self, self.loads)

    def _cell(self, column: Column, row: int) -> str:
        mark = dot(self[row].state) if column.title == "name" else ""
        return mark + super()._cell(column, row)

    def _foot(self) -> Sequence[str]:
        return remarks(self)


class Log(list[str]):
    """The last lines of a log, as a list that shows itself as text."""

    def __repr__(self) -> str:
        return "\n".join(self) or "The log is empty so far."

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001  IPython's
        printer.text(repr(self))


@short_errors
def servers() -> Servers:
    """All servers: running, starting, and those that failed.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    status = shared_client().status()
    return Servers(status.servers, status.loads)


def status(name: str | None = None) -> Servers:
    """All servers, or the one of that name.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
    """
    found = servers()
    if name is None:
        return found
    return Servers([shared_client().servers.get(name)], found.loads)


@short_errors
def stop(*names: str) -> None:
    """Stop servers; returns when their processes are gone and their memory is free.

    Args:
        names: of the servers; a failed one is dismissed.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
    """
    if not names:
        raise BadRequest("Say which servers to stop.", "mlx.servers() lists them.")
    for name in names:
        shared_client().servers.stop(name)


@short_errors
def logs(name: str, lines: int = 50) -> Log:
    """The last lines of a server's log.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
    """
    return Log(shared_client().servers.logs(name, lines).lines)


@short_errors
def serve(
    target: str,
    *,
    name: str | None = None,
    engine: EngineChoice | None = None,
    port: int | None = None,
    context_length: int | None = None,
    ttl: float | str | None = None,
    keep: bool | None = None,
    force: bool = False,
    wait: bool = True,
    **fields: Any,
) -> Server:
    """Start serving a model and show how that goes.

    Args:
        target: a profile, a model of the local cache, or a folder.
        name: what to call the server; by default the profile's or the model's name.
        engine: the program that runs it, or ``auto``.
        port: the engine's; by default the first free one.
        context_length: tokens of a conversation to have room for.
        ttl: end it after so long without a request: seconds, or as ``"20m"``.
        keep: let it outlive the Jupyter server.
        force: start it though the memory says no.
        wait: return when it answers; otherwise at once.
        fields: any other field of a profile, for this server alone.

    Returns:
        The server: ready, or with ``wait=False`` starting.

    Raises:
        MLXManagerError: it can't start, or failed; with a hint and the last lines of its log.
        KeyboardInterrupt: stopped waiting; a server that this call started is stopped too.
    """
    wanted = StartServer(
        model=target,
        name=name,
        engine=engine,
        port=port,
        context_length=context_length,
        ttl=_seconds(ttl) if isinstance(ttl, str) else ttl,
        keep=keep,
        force=force,
        set=fields,
    )
    return started(wanted, wait=wait)


def started(wanted: StartServer, *, wait: bool) -> Server:
    """What `serve` does, of a request that is written already."""
    calls = shared_client().servers
    start = Start()
    if not wait:
        answer = calls.start(wanted)
        start.end(answer.server, doing(answer.server))
        return answer.server
    with start:
        answer = calls.serve(wanted, shared_feed(), start.show)
    took = answer.server.ready_seconds if answer.is_new else None
    says = "ready, it was running already"
    start.end(answer.server, start.ready_in(took) if answer.is_new else says)
    return answer.server


@short_errors
def restart(name: str, *, wait: bool = True) -> Server:
    """Stop a server and start it again, with its profile as that is by now.

    Args:
        name: of the server; one that failed is tried again.
        wait: return when it answers; otherwise at once.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
        MLXManagerError: it can't start, or failed; with a hint and the last lines of its log.
        KeyboardInterrupt: stopped waiting; it goes on.
    """
    calls = shared_client().servers
    server = calls.restart(name)
    start = Start()
    if not wait:
        start.end(server, doing(server))
        return server
    with start:
        server = calls.ready(server, shared_feed(), start.show)
    start.end(server, start.ready_in(server.ready_seconds))
    return server


def _seconds(text: str) -> float:
    try:
        return seconds_in(text)
    except ValueError as error:
        raise InvalidValue(f"ttl: {error}.") from None
