"""What can go wrong in the demo alone."""

from __future__ import annotations

from mlx_manager_jupyter.errors import MLXManagerError


class DemoFailed(MLXManagerError):
    """The demo did not come to its end."""

    code = "demo_failed"


class DownloadFailed(MLXManagerError):
    """The package with the weights can't be had, or is not what it was."""

    code = "download_failed"


class DiskFull(MLXManagerError):
    """No room for the model."""

    code = "disk_full"
