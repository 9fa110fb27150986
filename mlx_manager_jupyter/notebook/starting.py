"""A server's start as one output of the cell."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Self

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.display import Live, card, facts
from mlx_manager_jupyter.notebook.server_rows import doing

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Server


class Start:
    """Drawn anew while it goes on. Wait for it in a ``with``: that says how a wait has ended."""

    def __init__(self) -> None:
        self._live = Live()
        self._begun = monotonic()
        self._latest: Server | None = None

    def show(self, server: Server) -> None:
        """Draw how far it is, four times a second at most."""
        self._latest = server
        says = f"{doing(server)} · {fmt.duration(monotonic() - self._begun)}"
        self._live.tick(card(server, says, facts(server)), doing(server))

    def ready_in(self, seconds: float | None) -> str:
        """How long it took, as the engine's start was measured if it was."""
        return f"ready in {fmt.seconds(seconds or monotonic() - self._begun)}"

    def end(self, server: Server, says: str) -> None:
        """Draw it for the last time."""
        known = facts(server, shared_client().gateway_url)
        note = [server.note] if server.note else []
        self._live.show(card(server, says, [*known, *note]), "done")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        server = self._latest
        if kind is None or server is None:
            return
        if server.state == "stopped":
            says = "interrupted: stopped again"
        elif issubclass(kind, KeyboardInterrupt):
            says = "goes on without you"
        else:
            says = server.state
        self._live.show(card(server, says, facts(server)), says)
