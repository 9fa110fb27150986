"""The gateway: one OpenAI-compatible address for every server.

| concern | where |
|---|---|
| which server a name means | `router.Gateway` |
| what goes upstream: the name pinned, always streamed | `request` |
| one answer on its way, copied through | `chat.Chat` |
| a whole answer put together from a stream | `completion.Aggregate` |

An engine would load whatever model a request names, so the name upstream is pinned; a plain answer
can't be cancelled, so upstream is always streamed. Only what routing and accounting need is parsed.
"""

from __future__ import annotations

from mlx_manager_jupyter.services.gateway.chat import Chat
from mlx_manager_jupyter.services.gateway.router import Gateway

__all__ = ["Chat", "Gateway"]
