"""Errors in the shapes that clients know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlx_manager_jupyter.errors import MLXManagerError

#: From this status on it is not the client's fault.
SERVER_ERROR = 500


def problem_of(endpoint: str, error: MLXManagerError) -> dict[str, Any]:
    """The body of an error, as clients of this endpoint (a path below ``v1/``) expect it."""
    return anthropic(error) if endpoint.partition("/")[0] == "messages" else openai(error)


def openai(error: MLXManagerError) -> dict[str, Any]:
    """As OpenAI's interface tells them."""
    kind = "invalid_request_error" if error.status < SERVER_ERROR else "server_error"
    told = {"message": str(error), "type": kind, "param": None, "code": error.code}
    return {"error": told}


#: https://docs.claude.com/en/api/errors, by status.
_ANTHROPIC = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def anthropic(error: MLXManagerError) -> dict[str, Any]:
    """As Anthropic's interface tells them, in a stream too."""
    other = "invalid_request_error" if error.status < SERVER_ERROR else "api_error"
    told = {"type": _ANTHROPIC.get(error.status, other), "message": str(error)}
    return {"type": "error", "error": told}
