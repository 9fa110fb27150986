"""The Hugging Face Hub, and what is fetched from it."""

from __future__ import annotations

from mlx_manager_jupyter.errors.base import MLXManagerError


class HubFailed(MLXManagerError):
    """The Hugging Face Hub did not give what was asked for."""

    status = 502
    code = "hub_failed"

    retry_after_seconds: float | None = None
    """How long the Hub asked to wait. Stays in this process: the hint says it to people."""


class HubUnreachable(HubFailed):
    """No answer from the Hub: no network, a time-out, or a fault on its side."""

    status = 503
    code = "hub_unreachable"


class Offline(HubFailed):
    """The settings say that the Hub is never asked."""

    status = 503
    code = "offline"


class RateLimited(HubFailed):
    """The Hub wants fewer requests."""

    status = 503
    code = "rate_limited"


class GatedModel(HubFailed):
    """The model's authors want to be asked first, or its files need a token."""

    status = 403
    code = "gated"


class BadToken(HubFailed):
    """The Hub refuses the token of this machine."""

    status = 403
    code = "bad_token"


class DownloadFailed(MLXManagerError):
    """A download did not come to its end."""

    status = 502
    code = "download_failed"


class ChecksumMismatch(DownloadFailed):
    """What arrived is not what the Hub says the file is."""

    code = "checksum"


class ChangedOnHub(DownloadFailed):
    """The repo changed while it was downloaded."""

    status = 409
    code = "changed_on_hub"
