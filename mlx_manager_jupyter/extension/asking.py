"""What both ways to the gateway have in common: whose a request is, what it is, what it is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.errors import NotFound, TooLarge, Unauthorized
from mlx_manager_jupyter.services.gateway import ENDPOINTS, Asked, problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.extension.managers import Managers
    from mlx_manager_jupyter.schema import Key

#: Of a request: more than any picture or sound that a model takes, and what tornado allows by
#: itself.
LARGEST_BODY = 100 * 2**20

#: Of a stream: nobody on the way may keep it, or wait for more of it.
STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


async def key_of(managers: Managers, headers: Mapping[str, str]) -> Key:
    """The key of a request, as OpenAI's clients send it, or Anthropic's.

    Raises:
        Unauthorized: when there is none, or none of ours.
        TooManyRequests: when it has asked as often as it may.
    """
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    given = secret if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    key = await managers.keys.check(given.strip())
    if key is None:
        raise Unauthorized(
            "This gateway needs one of its own keys.",
            "Send it as 'Authorization: Bearer …', or as 'x-api-key'.",
        )
    return key


def asked_of(endpoint: str, headers: Mapping[str, str], body: bytes, key: Key) -> Asked:
    """The request itself."""
    return Asked(
        endpoint=endpoint,
        body=body,
        content_type=headers.get("Content-Type", "application/json"),
        key=key,
        lane="batch" if headers.get("X-MLX-Lane", "").lower() == "batch" else "interactive",
    )


def told(endpoint: str, error: MLXManagerError) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of an error, in the shape that clients of the endpoint know."""
    headers = {"Content-Type": "application/json"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return msgspec.json.encode(problem_of(endpoint, error)), headers


def missing(path: str) -> NotFound:
    """There is no such endpoint."""
    offered = ", ".join(["models", *ENDPOINTS])
    return NotFound(f"The gateway has no {path[:80]!r}.", f"It offers {offered}.")


def too_large() -> TooLarge:
    """The body has more than anybody may send."""
    most = f"{LARGEST_BODY // 2**20} MiB"
    return TooLarge(f"The body has more than {most}.", "Send smaller pictures or less sound.")
