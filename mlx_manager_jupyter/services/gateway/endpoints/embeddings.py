"""``embeddings``: texts become vectors, in one piece."""

from __future__ import annotations

import base64
from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from mlx_manager_jupyter.errors import BadRequest, UpstreamFailed
from mlx_manager_jupyter.services.gateway import fields, offered, pinned
from mlx_manager_jupyter.services.gateway.fields import Fields, value
from mlx_manager_jupyter.services.gateway.relay import PlainRelay, Request

if TYPE_CHECKING:
    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.tally import Tally
    from mlx_manager_jupyter.services.servers import ManagedServer


async def parse(asked: Asked) -> EmbeddingsRequest:
    """Read a request for vectors.

    Raises:
        BadRequest: when it is no JSON object, or lacks ``input``.
    """
    return await fields.parsed(asked.body, EmbeddingsRequest.of)


class EmbeddingsRequest(Request):
    """What is to be embedded stays as it came: a text, many, or what else an engine takes."""

    packed = False
    """Whether vectors shall come in base64, as OpenAI's own clients ask, which engines ignore."""

    @classmethod
    def of(cls, given: Fields) -> EmbeddingsRequest:
        """Look at the fields that matter here.

        Raises:
            BadRequest: when one of them is missing, or is not what it should be.
        """
        if given.get("input", b"") in (b"", *_NOTHING):
            raise BadRequest("'input' is missing or empty.", "Send a text, or a list of texts.")
        request = cls(given, value(given, "model", str, ""), stream=False)
        request.packed = value(given, "encoding_format", str | None) == "base64"
        return request

    def relay(self, server: ManagedServer, tally: Tally) -> EmbeddingsRelay:
        """The engine's own embeddings.

        Raises:
            NotOffered: when the model does not embed.
        """
        offered.check(server, EmbeddingsRelay.path)
        return EmbeddingsRelay(self, server, tally)


class Vector(msgspec.Struct):
    """One of the answer."""

    index: int
    embedding: list[float] | str
    object: str = "embedding"


class Vectors(msgspec.Struct):
    """The answer, as far as anybody reads it."""

    data: msgspec.Raw
    usage: dict[str, Any] | None = None


class EmbeddingsRelay(PlainRelay):
    """Puts the client's name for the model back."""

    path = "embeddings"

    def __init__(self, request: EmbeddingsRequest, server: ManagedServer, tally: Tally) -> None:
        super().__init__(msgspec.json.encode(pinned.fields_for(request.fields, server)), tally)
        self._model = request.model
        self._packed = request.packed

    def plain(self, body: bytes) -> bytes:
        """OpenAI's list, in the encoding that was asked for.

        Raises:
            UpstreamFailed: when it is nothing of the kind.
        """
        try:
            said = msgspec.json.decode(body, type=Vectors)
            data = _packed(said.data) if self._packed else said.data
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UpstreamFailed(f"The engine's answer is no list of vectors: {error}.") from error
        self.tally.usage(said.usage)
        told = {"object": "list", "data": data, "model": self._model, "usage": said.usage}
        return msgspec.json.encode(told)


_NOTHING = tuple(msgspec.Raw(empty) for empty in (b"null", b'""', b"[]"))


def _packed(data: msgspec.Raw) -> list[Vector]:
    """Floats become base64 of their 32 bits each, lowest byte first."""
    vectors = msgspec.json.decode(data, type=list[Vector])
    for vector in vectors:
        if not isinstance(vector.embedding, str):
            vector.embedding = base64.b64encode(array("f", vector.embedding).tobytes()).decode()
    return vectors
