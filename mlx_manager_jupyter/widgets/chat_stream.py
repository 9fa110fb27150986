"""An answer while it streams.

Custom messages ``{"o": offset, "d": delta, "k": "text" | "reasoning"}`` carry what is new, many
tokens at a time; the traits carry the whole, seldom. Messages that are sent before the view is
there are lost: a view that sees a gap in the offsets waits for the next full text. Offsets count
code points on both sides: to JavaScript's ``length`` an emoji is two.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from traitlets import Unicode

from mlx_manager_jupyter.widgets.base import Widget, built

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.gateway import Kind

#: One message a token makes the page stutter; at 25 a second it draws every frame.
DELTA_SECONDS = 0.04
#: Bounds what a view that attaches late has missed.
FULL_SECONDS = 0.5


class ChatStream(Widget):
    """Shows text as it comes; `finish` it, then replace it by something that can be saved.

    Args:
        server: who answers; named in the status line.
    """

    _esm = built("chat_stream.js")
    _css = built("chat_stream.css")

    text = Unicode(help="The answer so far.").tag(sync=True)
    reasoning = Unicode(help="The reasoning so far.").tag(sync=True)
    status = Unicode(help="A line below: what the model is doing.").tag(sync=True)

    def __init__(self, server: str) -> None:
        super().__init__(status=f"{server} · reading…")
        self._server = server
        self._whole: dict[Kind, str] = {"text": "", "reasoning": ""}
        self._sent: dict[Kind, int] = {"text": 0, "reasoning": 0}
        self._flushed = self._synced = 0.0

    def wait(self, words: str) -> None:
        """Say what the first piece waits for."""
        self.status = f"{words}…"

    def add(self, kind: Kind, delta: str) -> None:
        """Append a piece; what comes within `DELTA_SECONDS` travels together."""
        self._whole[kind] += delta
        now = monotonic()
        if now - self._flushed >= DELTA_SECONDS:
            self._flushed = now
            self._flush()
        if now - self._synced >= FULL_SECONDS:
            self._synced = now
            self._sync()

    def finish(self) -> None:
        """Send what is left."""
        self._flush()
        self._sync()

    def _flush(self) -> None:
        for kind, whole in self._whole.items():
            offset = self._sent[kind]
            if offset < len(whole):
                self.send({"o": offset, "d": whole[offset:], "k": kind})
                self._sent[kind] = len(whole)

    def _sync(self) -> None:
        doing = "writing" if self._whole["text"] else "thinking"
        with self.hold_sync():
            self.text, self.reasoning = self._whole["text"], self._whole["reasoning"]
            self.status = f"{self._server} · {doing}…"
