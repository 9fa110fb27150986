"""Errors in the shapes that clients know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError

#: From this status on it is not the client's fault.
SERVER_ERROR = 500


def problem_of(endpoint: str, error: MLXManagerError) -> dict[str, Any]:
    """The body of an error, as clients of this endpoint (a path below ``v1/``) expect it."""
    del endpoint
    return openai(error)


def openai(error: MLXManagerError) -> dict[str, Any]:
    """As OpenAI's interface tells them."""
    kind = "invalid_request_error" if error.status < SERVER_ERROR else "server_error"
    told = {"message": str(error), "type": kind, "param": None, "code": error.code}
    return {"error": told}
