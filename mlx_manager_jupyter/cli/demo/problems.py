"""What can go wrong in the demo alone."""

from __future__ import annotations

from mlx_manager_jupyter.errors import MLXManagerError


class DemoFailed(MLXManagerError):
    """The demo did not come to its end."""

    code = "demo_failed"
