"""``serve``, ``servers`` and ``stop``: what the magics of the same names call."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.client.feed import shared_feed
from mlx_manager_jupyter.errors import MLXManagerError, NotReady, UnknownServer
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.display import (
    TICK_SECONDS,
    Live,
    card,
    doing,
    facts,
    table,
    up_time,
)
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.schema import Server, StartServer

if TYPE_CHECKING:
    import pandas as pd

    from mlx_manager_jupyter.client.client import Client


class Servers(list[Server]):
    """Servers, as a list that shows itself as a table."""

    def to_frame(self) -> pd.DataFrame:
        """One row a server, one column a field of the record."""
        import pandas as pd  # noqa: PLC0415  a third of a second that few calls need

        columns = list(Server.__struct_fields__)
        return pd.DataFrame([msgspec.structs.asdict(server) for server in self], columns=columns)

    def _repr_html_(self) -> str:
        return self._bundle()["text/html"]

    def __repr__(self) -> str:
        return self._bundle()["text/plain"]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ANN401, ARG002, FBT001  IPython's
        printer.text(repr(self))

    def _bundle(self) -> dict[str, str]:
        if not self:
            text = "No server runs. Start one with %mlx_serve MODEL."
            return {"text/html": f"<p>{text}</p>", "text/plain": text}
        rows = [
            (
                server.name,
                str(MLXManagerError.of(server.error)) if server.error else doing(server),
                fmt.short_model(server.model),
                server.engine,
                fmt.size(server.size_bytes) if server.size_bytes else "",
                str(server.port or ""),
                up_time(server),
            )
            for server in self
        ]
        header = ("name", "state", "model", "engine", "size", "port", "up")
        return table(header, rows, [server.state for server in self])


@short_errors
def servers() -> Servers:
    """All servers: running, starting, and those that failed.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    return Servers(shared_client().servers.list())


def status(name: str | None = None) -> Servers:
    """All servers, or the one of that name.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
    """
    return servers() if name is None else Servers([shared_client().servers.get(name)])


@short_errors
def stop(name: str) -> None:
    """Stop a server; returns when its processes are gone and its memory is free.

    Raises:
        UnknownServer: there is none of that name; the message names the nearest ones.
    """
    shared_client().servers.stop(name)


@short_errors
def serve(
    target: str,
    *,
    name: str | None = None,
    wait: bool = True,
    keep: bool | None = None,
    **fields: Any,
) -> Server:
    """Start serving a model and show how that goes.

    Args:
        target: a profile, a model of the local cache, or a folder.
        name: what to call the server; by default the profile's or the model's name.
        wait: return when it answers; otherwise at once.
        keep: let it outlive the Jupyter server.
        fields: ``engine``, ``port`` and any other field of a profile, for this server alone.

    Returns:
        The server: ready, or with ``wait=False`` starting.

    Raises:
        MLXManagerError: it can't start, or failed; with a hint and the last lines of its log.
        KeyboardInterrupt: stopped waiting; a server that this call started is stopped too.
    """
    own = {key: fields.pop(key) for key in ("engine", "port") if key in fields}
    client = shared_client()
    begun = monotonic()
    live = Live()
    started = client.servers.start(
        StartServer(model=target, name=name, keep=keep, set=fields, **own)
    )
    server = started.server
    if wait:
        try:
            server = _until_ready(client, server, live, begun)
        except KeyboardInterrupt:
            if started.is_new:
                client.servers.stop(server.name)
                live.show(card(server, "interrupted: stopped again", ()), "interrupted")
            raise
    says = doing(server)
    if server.state == "ready":
        took = server.ready_seconds if started.is_new else None
        says = f"ready in {fmt.seconds(took or monotonic() - begun)}"
        if not started.is_new:
            says = "ready, it was running already"
    live.show(card(server, says, facts(server, client.gateway_url)), "done")
    return server


def _until_ready(client: Client, server: Server, live: Live, begun: float) -> Server:
    """Wait for an end of the start. What counts is asked for; events only say when to ask."""
    changed = threading.Event()
    leave = shared_feed().listen(lambda _: changed.set())
    try:
        while server.state in ("starting", "loading", "stopping"):
            says = f"{doing(server)} · {fmt.duration(monotonic() - begun)}"
            live.tick(card(server, says, facts(server)), doing(server))
            changed.wait(TICK_SECONDS)
            changed.clear()
            server = client.servers.get(server.name)
    except UnknownServer:
        live.show(card(server, "was stopped while it started", ()), "stopped")
        raise NotReady(f"{server.name} was stopped while it started.") from None
    finally:
        leave()
    if server.state != "ready":
        live.show(card(server, server.state, facts(server)), server.state)
        error = server.error or NotReady(f"{server.name} is {server.state}.").problem
        raise MLXManagerError.of(error)
    return server
