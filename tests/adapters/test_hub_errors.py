"""What exceptions of the Hub's client mean, by exceptions that its own code made."""

from __future__ import annotations

import errno
import pickle
from typing import Any

import httpx2
import pytest
from huggingface_hub import errors as hub
from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]

from mlx_manager_jupyter.adapters.hub.errors import (
    explained,
    retry_after_seconds,
    worth_retrying,
)
from mlx_manager_jupyter.adapters.hub.redaction import redacted
from mlx_manager_jupyter.errors import (
    BadToken,
    ChangedOnHub,
    ChecksumMismatch,
    DiskFull,
    DownloadFailed,
    GatedModel,
    HubFailed,
    HubUnreachable,
    MLXManagerError,
    NotFound,
    Offline,
    RateLimited,
    UnknownModel,
)

API = "https://huggingface.co/api/models/org/name"
LIST = "https://mirror.example/wrong/api/models"
SIGNED = "https://cdn.example/xet/abc?X-Amz-Signature=5ec2e7&Expires=9"
SECRETS = ("hf_5ecret", "5ec2e7", "pa55word")


def refused(status: int, *, url: str = API, token: bool = False, **headers: str) -> BaseException:
    """What huggingface_hub raises for such an answer; headers with _ for -."""
    sent = {"authorization": "Bearer hf_5ecret"} if token else {}
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx2.Request("GET", url, headers=sent)
    with pytest.raises(hub.HfHubHTTPError) as caught:
        hf_raise_for_status(httpx2.Response(status, headers=told, request=request))
    return caught.value


def because(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


WORDS = "You need the right to read gated repos"
QUOTA = '"api";r=0;t=55'
CASES: dict[str, tuple[BaseException, type[MLXManagerError], str, bool, float | None]] = {
    "gated, no token": (
        refused(401, X_Error_Code="GatedRepo"),
        GatedModel,
        "/org/name and accept its conditions, then log in with `hf auth login`",
        False,
        None,
    ),
    "gated, not on the list": (
        refused(403, token=True, X_Error_Code="GatedRepo"),
        GatedModel,
        "not on its list",
        False,
        None,
    ),
    "gated, token of nobody": (
        refused(401, token=True, X_Error_Code="GatedRepo"),
        BadToken,
        "even public",
        False,
        None,
    ),
    "forbidden, no token": (
        refused(403, X_Error_Message=WORDS),
        GatedModel,
        "log in",
        False,
        None,
    ),
    "forbidden, narrow token": (
        refused(403, token=True, X_Error_Message=WORDS),
        BadToken,
        WORDS,
        False,
        None,
    ),
    "missing or private": (
        refused(401, X_Error_Code="RepoNotFound"),
        UnknownModel,
        "without a token both look alike",
        False,
        None,
    ),
    "bare 401": (refused(401), UnknownModel, "both look alike", False, None),
    "missing, with a token": (
        refused(404, token=True, X_Error_Code="RepoNotFound"),
        UnknownModel,
        "not on the Hub, or it is private",
        False,
        None,
    ),
    "not a Hub": (refused(404, url=LIST), HubFailed, "HF_ENDPOINT", False, None),
    "bad token": (
        refused(401, token=True, X_Error_Message="Invalid credentials in Authorization header"),
        BadToken,
        "Log in again with `hf auth login`",
        False,
        None,
    ),
    "revision": (
        refused(404, X_Error_Code="RevisionNotFound"),
        UnknownModel,
        "no such revision",
        False,
        None,
    ),
    "file": (refused(404, X_Error_Code="EntryNotFound"), NotFound, "no such file", False, None),
    "disabled": (
        refused(403, X_Error_Message="Access to this resource is disabled."),
        HubFailed,
        "was disabled",
        False,
        None,
    ),
    "bad request": (
        refused(400, X_Error_Message="Invalid cursor."),
        HubFailed,
        "(HTTP 400): Invalid cursor.",
        False,
        None,
    ),
    "too many, for so long": (refused(429, Retry_After="7"), RateLimited, "in 7 s", True, 7),
    "too many, by the quota": (refused(429, RateLimit=QUOTA), RateLimited, "in 55 s", True, 55),
    "too many, until long ago": (
        refused(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
        RateLimited,
        "in 0 s",
        True,
        0,
    ),
    "too many, nonsense": (refused(429, Retry_After="soon"), RateLimited, "later", True, None),
    "fault": (refused(503, Retry_After="3"), HubUnreachable, "(HTTP 503)", True, 3),
    "fault with a quota that is not used up": (
        refused(500, RateLimit='"api";r=9;t=55'),
        HubUnreachable,
        "(HTTP 500)",
        True,
        None,
    ),
    "signed address too old": (refused(403, url=SIGNED), HubUnreachable, "403", True, None),
    "no answer": (httpx2.ReadTimeout("…"), HubUnreachable, "in time", True, None),
    "no answer, by the loop": (TimeoutError(), HubUnreachable, "in time", True, None),
    "no network": (
        httpx2.ConnectError("[Errno -2] Name or service not known"),
        HubUnreachable,
        "Name or service not known",
        True,
        None,
    ),
    "cut": (ConnectionResetError(104, "reset"), HubUnreachable, "reset", True, None),
    "no scheme": (httpx2.UnsupportedProtocol("no http"), HubFailed, "HF_ENDPOINT", False, None),
    "header": (
        httpx2.LocalProtocolError("Illegal header value b'Bearer hf_5ecret\n'"),
        BadToken,
        "characters",
        False,
        None,
    ),
    "offline": (hub.OfflineModeIsEnabled("…"), Offline, "HF_HUB_OFFLINE", False, None),
    "not on this disk, offline": (
        because(hub.LocalEntryNotFoundError("…"), hub.OfflineModeIsEnabled("…")),
        Offline,
        "offline",
        False,
        None,
    ),
    "not on this disk, gated": (
        because(hub.LocalEntryNotFoundError("…"), refused(401, X_Error_Code="GatedRepo")),
        GatedModel,
        "org/name",
        False,
        None,
    ),
    "not on this disk": (hub.LocalEntryNotFoundError("?"), HubUnreachable, "?", True, None),
    "not an id": (hub.HFValidationError("Repo id …"), UnknownModel, "the id", False, None),
    "xet": (hub.XetDownloadError(f"failed {SIGNED}"), HubUnreachable, "cdn", True, None),
    "metadata": (hub.FileMetadataError("no ETag"), HubUnreachable, "no ETag", True, None),
    "no room": (OSError(errno.ENOSPC, "No space left"), DiskFull, "No room", False, None),
    "no room for you": (OSError(errno.EDQUOT, "Quota"), DiskFull, "No room", False, None),
    "file too short": (
        OSError("Consistency check failed: file should be of size 5 but has size 4 (x)"),
        ChecksumMismatch,
        "wrong length",
        True,
        None,
    ),
    "closed folder": (
        PermissionError(errno.EACCES, "Permission denied"),
        DownloadFailed,
        "Permission denied",
        False,
        None,
    ),
    "anything": (RuntimeError(f"{SIGNED} hf_5ecret"), HubFailed, "<token>", False, None),
    "our own": (ChangedOnHub("It changed."), ChangedOnHub, "It changed.", True, None),
}


@pytest.mark.parametrize("name", CASES)
def test_explained(name: str) -> None:
    error, kind, says, again, seconds = CASES[name]
    found = explained(error)
    assert type(found) is kind
    assert says in str(found)
    assert worth_retrying(error) == worth_retrying(found) == again
    assert retry_after_seconds(error) == retry_after_seconds(found) == seconds
    for secret in SECRETS:
        assert secret not in repr(found.problem)
    # Over the wire it is the same error, whose hint still says the time.
    assert type(MLXManagerError.of(found.problem)) is kind


def test_model_that_was_asked_for_is_named() -> None:
    found = explained(refused(401, url=SIGNED, X_Error_Code="GatedRepo"), "org/asked")
    assert "https://huggingface.co/org/asked" in str(found)
    found = explained(refused(404), "org/asked")
    assert found.message.startswith("org/asked is not on the Hub")


def test_error_of_ours_stays_itself() -> None:
    own = RateLimited("Slower.")
    own.retry_after_seconds = 4.0
    assert explained(own) is own
    assert retry_after_seconds(own) == 4


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"GET {SIGNED}.", "GET https://cdn.example/xet/abc"),
        ("http://me:pa55word@proxy:3128/", "http://proxy:3128/"),
        ("{'authorization': 'Bearer hf_5ecret'}", "{'authorization': '<token>'}"),
        ("token hf_5ecret and api_org_5ecret", "token <token> and <token>"),
        ("nothing to hide: https://huggingface.co/a/b", None),
        ("hf_hub_download with hf_xet", None),
    ],
)
def test_redacted(text: str, safe: str | None) -> None:
    assert redacted(text) == (text if safe is None else safe)


def test_long_answers_are_cut() -> None:
    error = refused(418, X_Error_Message="x" * 5_000)
    assert len(explained(error).message) < 500


def test_wait_survives_the_worker() -> None:
    """The download's process hands on seconds, not exceptions; huggingface_hub's can be pickled."""
    error: Any = pickle.loads(pickle.dumps(refused(429, Retry_After="7")))  # noqa: S301  our own
    assert retry_after_seconds(error) == 7
