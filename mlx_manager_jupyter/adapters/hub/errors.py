"""What an exception of the Hub's client means, in words that a person can act on.

The texts of huggingface_hub's and httpx2's exceptions may hold signed addresses, and headers with
the token. So none of them is told on unread, and whoever raises what `explained` returns does so
``from None``: a traceback would print the cause's text.
"""

from __future__ import annotations

import errno

from mlx_manager_jupyter.adapters.hub.redaction import first_line
from mlx_manager_jupyter.adapters.hub.refusals import LOG_IN_AGAIN, refusal, unreachable
from mlx_manager_jupyter.errors import (
    BadToken,
    ChangedOnHub,
    ChecksumMismatch,
    DiskFull,
    DownloadFailed,
    HubFailed,
    HubUnreachable,
    MLXManagerError,
    Offline,
    RateLimited,
    UnknownModel,
)

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


def offline() -> Offline:
    """What every question to the Hub is answered with while it must not be asked."""
    return Offline(
        "The Hub is not asked: this extension is offline.",
        "Turn off c.MLXManager.offline_mode, or unset HF_HUB_OFFLINE. "
        "Models on this machine work without the Hub.",
    )


def not_an_id(model: str) -> UnknownModel:
    """What is not even the name of a repo."""
    return UnknownModel(
        f"{first_line(model)!r} can't be the id of a model.",
        "An id looks like `mlx-community/Qwen3-8B-4bit`.",
    )


def explained(error: BaseException, model: str | None = None) -> MLXManagerError:
    """What an exception of huggingface_hub, httpx2 or the file system means.

    Args:
        error: anything that a call to the Hub, or writing what it sent, raised. One of our own
            errors is returned as it is.
        model: the repo that was asked for; by default the one that the exception names.
    """
    # Whoever has such an exception in hand has paid for this import already.
    from huggingface_hub import errors as hub  # noqa: PLC0415

    found: MLXManagerError | None = None
    match error:
        case MLXManagerError():
            found = error
        # "Not on this disk" is only the end of the story: the cause says why the Hub did not help.
        case hub.LocalEntryNotFoundError(__cause__=BaseException() as cause):
            found = explained(cause, model)
        case hub.OfflineModeIsEnabled():
            found = offline()
        case hub.HFValidationError():
            found = not_an_id(model or str(error))
        case hub.XetDownloadError() | hub.FileMetadataError():
            found = unreachable(f"The Hub did not give a file: {_quoted(error)}.")
    return (
        found
        or _of_the_network(error, model)
        or _of_the_disk(error, model)
        or HubFailed(f"The Hub's answer could not be used: {_quoted(error)}.")
    )


def worth_retrying(error: BaseException) -> bool:
    """Whether the same request may succeed later, with nothing changed on this side."""
    later = HubUnreachable, RateLimited, ChecksumMismatch, ChangedOnHub
    return isinstance(explained(error), later)


def retry_after_seconds(error: BaseException) -> float | None:
    """How long the Hub asked to wait; None if it did not say."""
    found = explained(error)
    return found.retry_after_seconds if isinstance(found, HubFailed) else None


def _of_the_network(error: BaseException, model: str | None) -> MLXManagerError | None:
    import httpx2  # noqa: PLC0415  as above
    from huggingface_hub import errors as hub  # noqa: PLC0415

    found: MLXManagerError | None = None
    match error:
        case hub.HfHubHTTPError() | httpx2.HTTPStatusError():
            named = model or getattr(error, "repo_id", None)
            found = refusal(error, error.response, named)
        case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
            message = f"The Hub's address can't be used: {_quoted(error)}."
            found = HubFailed(message, "Correct HF_ENDPOINT, or unset it.")
        case httpx2.LocalProtocolError() | UnicodeEncodeError():
            found = BadToken("The token has characters that can't be sent.", LOG_IN_AGAIN)
        case httpx2.TimeoutException() | TimeoutError():
            found = unreachable("The Hub did not answer in time.")
        case httpx2.TransportError() | ConnectionError() | hub.LocalEntryNotFoundError():
            found = unreachable(f"The Hub can't be reached: {_quoted(error)}.")
    return found


def _of_the_disk(error: BaseException, model: str | None) -> MLXManagerError | None:
    if not isinstance(error, OSError):
        return None
    if error.errno in _NO_ROOM:
        return DiskFull(
            f"No room on the disk for {model or 'the download'}.", "Free some space and resume."
        )
    if error.errno == errno.EFBIG:
        return DiskFull(
            f"The disk takes no file as large as one of {model or 'the model'}.",
            "Use a cache on another disk, or lift the limit of file sizes (`ulimit -f`).",
        )
    # The only words by which huggingface_hub tells a file of the wrong length.
    if "Consistency check failed" in str(error):
        return ChecksumMismatch(
            f"A file of {model or 'the model'} arrived with the wrong length.",
            "Resume the download.",
        )
    return DownloadFailed(
        f"The files of {model or 'the model'} could not be written: {_quoted(error)}.",
        "Check that the folder of the cache exists and is yours.",
    )


def _quoted(error: BaseException) -> str:
    return first_line(str(error)) or type(error).__name__
