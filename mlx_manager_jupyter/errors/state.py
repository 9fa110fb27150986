"""Things are not so that it can be done now."""

from __future__ import annotations

from mlx_manager_jupyter.errors.base import MLXManagerError


class Conflict(MLXManagerError):
    """The request contradicts what is there."""

    status = 409
    code = "conflict"


class NameTaken(Conflict):
    """Another profile or server has this name."""

    code = "name_taken"


class PortTaken(Conflict):
    """Another program listens on that port."""

    code = "port_taken"


class ModelInUse(Conflict):
    """A server or a download works with the model's files."""

    code = "model_in_use"


class NotEnoughMemory(Conflict):
    """It would take more memory than is free now; ``candidates`` names smaller builds."""

    code = "not_enough_memory"


class AmbiguousModel(Conflict):
    """The words mean several models; ``candidates`` names them, best first."""

    code = "ambiguous_model"


class NotReady(MLXManagerError):
    """The server is known but does not answer yet, or no longer."""

    status = 503
    code = "not_ready"


class DiskFull(MLXManagerError):
    """No room on the disk."""

    status = 507
    code = "disk_full"


class StoreUnusable(MLXManagerError):
    """The state file can't be read or written."""

    code = "store_unusable"


class ExtensionUnreachable(MLXManagerError):
    """No Jupyter server with the extension answers."""

    status = 503
    code = "extension_unreachable"
