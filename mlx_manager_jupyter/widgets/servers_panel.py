"""The running servers as a widget: the same view as the sidebar's, in any notebook front end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
from traitlets import Dict

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.client.feed import shared_feed
from mlx_manager_jupyter.errors import BadRequest, MLXManagerError
from mlx_manager_jupyter.widgets.base import Widget, built

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.feed import Picture

#: Lines of log that a panel shows when the view does not say how many.
LOG_LINES = 200


class ServersPanel(Widget):
    """Running servers, live: memory, speed, logs, stop and restart.

    The view sends ``{"id", "command", …}`` and gets ``{"id", "ok", "result" | "problem"}``.
    """

    _esm = built("servers_panel.js")
    _css = built("servers_panel.css")

    state = Dict(
        help="The latest snapshot as JSON, with `connection` (connecting, live, reconnecting, "
        "refused) and, if that is broken, the `problem`."
    ).tag(sync=True)

    def __init__(self) -> None:
        super().__init__(state={"connection": "connecting"})
        self.on_msg(self._receive)
        self._leave = shared_feed().listen(self._draw)

    def close(self) -> None:
        """Take the panel away everywhere, and stop following the events for it."""
        self._leave()
        super().close()

    def _draw(self, picture: Picture) -> None:
        facts = msgspec.to_builtins(picture.state) if picture.state else {}
        problem = msgspec.to_builtins(picture.problem)
        self.state = {**facts, "connection": picture.link, "problem": problem}

    def _receive(self, _widget: Widget, message: dict[str, Any], _buffers: list[bytes]) -> None:
        # A stop takes seconds, for which the kernel should not have to wait.
        threading.Thread(target=self._answer, args=(message,), daemon=True).start()

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            outcome = {"ok": True, "result": msgspec.to_builtins(_carry_out(message))}
        except MLXManagerError as error:
            outcome = {"ok": False, "problem": msgspec.to_builtins(error.problem)}
        self.send({"id": message.get("id"), **outcome})


def _carry_out(message: dict[str, Any]) -> object:
    servers = shared_client().servers
    match message:
        case {"command": "ping"}:  # a view asks whether a kernel stands behind it
            return None
        case {"command": "stop", "name": str(name)}:
            servers.stop(name)
            return None
        case {"command": "restart", "name": str(name)}:
            return servers.restart(name)
        case {"command": "logs", "name": str(name)}:
            return servers.logs(name, int(message.get("lines", LOG_LINES)))
        case _:
            raise BadRequest(f"There is no command {message.get('command')!r} of that form.")
