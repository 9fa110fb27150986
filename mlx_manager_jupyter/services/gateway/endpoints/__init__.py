"""What the gateway offers: one file for each endpoint, which says how it is read and relayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.gateway.endpoints import (
    audio,
    chat,
    completions,
    embeddings,
    images,
    messages,
    responses,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mlx_manager_jupyter.services.gateway.asked import Asked
    from mlx_manager_jupyter.services.gateway.relay import Request

#: By the path below ``v1/``: reads a request. It raises `BadRequest` for one that is none.
ENDPOINTS: Mapping[str, Callable[[Asked], Awaitable[Request]]] = {
    "chat/completions": chat.parse,
    "completions": completions.parse,
    "responses": responses.parse,
    "messages": messages.parse,
    "messages/count_tokens": messages.parse_count,
    "embeddings": embeddings.parse,
    "audio/transcriptions": audio.parse,
    "images/generations": images.parse,
}
