"""An engine that is not there, does not start, or fails."""

from __future__ import annotations

from mlx_manager_jupyter.errors.base import MLXManagerError


class EngineMissing(MLXManagerError):
    """The engine is not installed."""

    status = 424
    code = "engine_missing"


class InstallFailed(MLXManagerError):
    """An engine could not be installed; what was there before is there still."""

    status = 502
    code = "install_failed"


class StartFailed(MLXManagerError):
    """The engine did not come up."""

    status = 502
    code = "start_failed"


class OutOfMemory(StartFailed):
    """The engine ran out of memory."""

    code = "out_of_memory"


class EngineCrashed(StartFailed):
    """The engine ended by itself."""

    code = "engine_crashed"


class UpstreamFailed(MLXManagerError):
    """The engine refused or broke off a request."""

    status = 502
    code = "upstream_failed"
