"""What all panels share: the picture that they draw, and the commands of their views."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
from traitlets import Dict

from mlx_manager_jupyter.client.feed import shared_feed
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.widgets.base import Widget
from mlx_manager_jupyter.widgets.commands import carry_out

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.feed import Picture


class Panel(Widget):
    """A live view of the extension.

    The view sends ``{"call", "command", …}`` and gets ``{"call", "ok", "result" | "problem"}``.
    """

    state = Dict(
        help="The latest snapshot as JSON, with `connection` (connecting, live, reconnecting, "
        "refused) and, if that is broken, the `problem`."
    ).tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        """Set traits, and follow what happens.

        Raises:
            TypeError: no such trait.
        """
        super().__init__(state={"connection": "connecting"}, **traits)
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
            outcome = {"ok": True, "result": msgspec.to_builtins(carry_out(message))}
        except MLXManagerError as error:
            outcome = {"ok": False, "problem": msgspec.to_builtins(error.problem)}
        self.send({"call": message.get("call"), **outcome})
