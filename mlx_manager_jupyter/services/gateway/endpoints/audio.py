"""``audio/transcriptions``: speech becomes text. It comes as a form, with the sound in a part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.errors import BadRequest
from mlx_manager_jupyter.services.gateway import fields, offered
from mlx_manager_jupyter.services.gateway.form import Form
from mlx_manager_jupyter.services.gateway.relay import PlainRelay, Request

if TYPE_CHECKING:
    from typing import Any

    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


async def parse(asked: Asked) -> TranscriptionRequest:
    """Read a form; the sound in it is not looked at.

    Raises:
        BadRequest: when it is no form, lacks a ``file``, or wants a stream.
    """

    def read() -> TranscriptionRequest:
        return TranscriptionRequest.of(Form.of(asked.content_type, asked.body))

    return await fields.off_loop(len(asked.body), read)


class TranscriptionRequest(Request):
    """A form that stays as it came, but for the name of the model."""

    form: Form

    @classmethod
    def of(cls, form: Form) -> TranscriptionRequest:
        """Look at the parts that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        if "file" not in form.parts:
            raise BadRequest("'file' is missing.", "Send the sound in a part of that name.")
        if form.text("stream").lower() not in {"", "false", "0"}:
            raise BadRequest("Transcriptions can't be streamed.", "Leave 'stream' out.")
        request = cls({}, form.text("model"), stream=False)
        request.form = form
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> TranscriptionRelay:
        """The engine's own.

        Raises:
            NotOffered: when the model does not listen.
        """
        offered.check(server, TranscriptionRelay.path)
        body = self.form.with_text("model", server.stored.served_name)
        relay = TranscriptionRelay(body, tally)
        relay.content_type = self.form.content_type
        return relay


class TranscriptionRelay(PlainRelay):
    """Passes text, subtitles or JSON on as they are: none of them names the model."""

    path = "audio/transcriptions"

    def plain(self, body: bytes) -> bytes:
        """The same; some engines say what it took."""
        if body.startswith(b"{"):
            try:
                said: dict[str, Any] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
                self.tally.usage(fields.value(said, "usage", dict[str, object] | None))
            except (msgspec.DecodeError, UnicodeDecodeError, BadRequest):
                pass  # a text may begin like that
        return body
