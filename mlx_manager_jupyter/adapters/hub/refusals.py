"""What an answer of the Hub with a status of 400 or more means."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hub.redaction import first_line
from mlx_manager_jupyter.errors import (
    BadToken,
    GatedModel,
    HubFailed,
    HubUnreachable,
    MLXManagerError,
    NotFound,
    RateLimited,
    UnknownModel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from httpx2 import Response

#: "Too slow" and "too early": said by what stands before the Hub, and gone with the next try.
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}

LOG_IN_AGAIN = (
    "Log in again with `hf auth login`, or go on without a token: `hf auth logout`, "
    "and unset HF_TOKEN if it is set."
)
_TRY_THE_NETWORK = (
    "Check the network and the proxy (HTTPS_PROXY), or try again later. "
    "Models on this machine work without the Hub."
)


def refusal(error: BaseException, response: Response, model: str | None) -> MLXManagerError:
    """The error for ``response``; ``error`` is what huggingface_hub made of it."""
    has_token = "authorization" in response.request.headers
    if response.status_code == HTTPStatus.UNAUTHORIZED and has_token:
        # Whoever is known to the Hub gets a 403 or a 404, so this token is nobody's.
        message = "The Hub refuses the token of this machine, and so even public models."
        return BadToken(message, LOG_IN_AGAIN)
    by_name = _by_name(error, model, has_token=has_token)
    return by_name or _by_status(error, response, model, has_token=has_token)


def unreachable(message: str, retry_after_seconds: float | None = None) -> HubUnreachable:
    """The Hub gave no answer, or one that a later try may better."""
    found = HubUnreachable(message, _TRY_THE_NETWORK)
    found.retry_after_seconds = retry_after_seconds
    return found


def _by_name(error: BaseException, model: str | None, *, has_token: bool) -> MLXManagerError | None:
    """By the reason that the Hub named (``X-Error-Code``), which huggingface_hub made a class."""
    from huggingface_hub import errors as hub  # noqa: PLC0415

    named = model or "The model"
    match error:
        case hub.GatedRepoError():
            return _gated(model, has_token=has_token)
        case hub.RevisionNotFoundError():
            return UnknownModel(f"{named} has no such revision on the Hub.", "Leave it unset.")
        case hub.RemoteEntryNotFoundError():
            return NotFound(f"{named} has no such file on the Hub.")
        # The same class also stands for a bare 401, which says nothing of the repo.
        case hub.RepositoryNotFoundError() if "X-Error-Code" in error.response.headers:
            return _missing(named, has_token=has_token)
        case hub.DisabledRepoError():
            return HubFailed(f"{named} was disabled on the Hub.", "Choose another model.")
    return None


def _by_status(
    error: BaseException, response: Response, model: str | None, *, has_token: bool
) -> MLXManagerError:
    said = first_line(str(getattr(error, "server_message", None) or ""))
    status = response.status_code
    wait = seconds_to_wait(response.headers)
    found: MLXManagerError
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND} and model:
        found = _missing(model, has_token=has_token)
    elif status == HTTPStatus.FORBIDDEN and has_token:
        found = BadToken(
            f"The token of this machine may not do that: {said or 'forbidden'}.",
            "Give it the right to read this repo at https://huggingface.co/settings/tokens.",
        )
    elif status == HTTPStatus.FORBIDDEN and said:
        found = _gated(model, has_token=False)
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        found = _rate_limited(wait, has_token=has_token)
    # The store behind the Hub says a bare 403 where a signed address has grown too old.
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {*_PASSING, HTTPStatus.FORBIDDEN}:
        found = unreachable(f"The Hub has a fault of its own (HTTP {status}).", wait)
    else:
        found = HubFailed(
            f"The Hub refused the request (HTTP {status}): {said or 'no reason'}.",
            "If HF_ENDPOINT is set, check that a Hub is there.",
        )
    return found


def _gated(model: str | None, *, has_token: bool) -> GatedModel:
    named = model or "The model"
    page = f"https://huggingface.co/{model}" if model else "the model's page on huggingface.co"
    if has_token:
        return GatedModel(
            f"{named} is gated, and your account is not on its list.",
            f"Visit {page} and accept its conditions; some authors answer by hand, later.",
        )
    return GatedModel(
        f"{named} is gated: its authors want to know who downloads it.",
        f"Visit {page} and accept its conditions, then log in with `hf auth login`.",
    )


def _missing(named: str, *, has_token: bool) -> UnknownModel:
    if has_token:
        return UnknownModel(
            f"{named} is not on the Hub, or it is private and your account may not see it.",
            "Check the spelling.",
        )
    return UnknownModel(
        f"{named} is not on the Hub, or it is private: without a token both look alike.",
        "Check the spelling; for a private model log in with `hf auth login`.",
    )


def _rate_limited(seconds: float | None, *, has_token: bool) -> RateLimited:
    when = "later" if seconds is None else f"in {seconds:.0f} s"
    more = "" if has_token else " With a free account (`hf auth login`) the Hub allows more."
    found = RateLimited("The Hub wants fewer requests.", f"Try again {when}.{more}")
    found.retry_after_seconds = seconds
    return found


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """By ``Retry-After``, a number or a date; or until the Hub's quota begins anew."""
    # The module names its exports in a way that mypy does not see.
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]  # noqa: PLC0415

    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return float(told)
    with suppress(ValueError, TypeError):  # TypeError: a date that does not say where
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    quota = parse_ratelimit_headers(headers)
    return float(quota.reset_in_seconds) if quota and quota.remaining == 0 else None
