"""MLX Manager for Jupyter: the models on your own machine as a native part of the notebook.

Public names load on first use (PEP 562): the Jupyter server, every kernel and the command line
all import this module, and none of them should pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlx_manager_jupyter.client.reply import Reply as Reply
    from mlx_manager_jupyter.errors import MLXManagerError as MLXManagerError
    from mlx_manager_jupyter.notebook.access import env as env
    from mlx_manager_jupyter.notebook.chat import chat as chat
    from mlx_manager_jupyter.notebook.downloads import downloads as downloads
    from mlx_manager_jupyter.notebook.downloads import pull as pull
    from mlx_manager_jupyter.notebook.metrics import metrics as metrics
    from mlx_manager_jupyter.notebook.models import models as models
    from mlx_manager_jupyter.notebook.models import resolve as resolve
    from mlx_manager_jupyter.notebook.models import search as search
    from mlx_manager_jupyter.notebook.profiles import profile as profile
    from mlx_manager_jupyter.notebook.profiles import profiles as profiles
    from mlx_manager_jupyter.notebook.requests import requests as requests
    from mlx_manager_jupyter.notebook.servers import logs as logs
    from mlx_manager_jupyter.notebook.servers import restart as restart
    from mlx_manager_jupyter.notebook.servers import serve as serve
    from mlx_manager_jupyter.notebook.servers import servers as servers
    from mlx_manager_jupyter.notebook.servers import stop as stop
    from mlx_manager_jupyter.widgets.downloads_panel import DownloadsPanel as DownloadsPanel
    from mlx_manager_jupyter.widgets.metrics_panel import MetricsPanel as MetricsPanel
    from mlx_manager_jupyter.widgets.models_panel import ModelsPanel as ModelsPanel
    from mlx_manager_jupyter.widgets.profiles_panel import ProfilesPanel as ProfilesPanel
    from mlx_manager_jupyter.widgets.servers_panel import ServersPanel as ServersPanel

    __version__: str

_HOME = {
    "DownloadsPanel": "widgets.downloads_panel",
    "MLXManagerError": "errors",
    "MetricsPanel": "widgets.metrics_panel",
    "ModelsPanel": "widgets.models_panel",
    "ProfilesPanel": "widgets.profiles_panel",
    "Reply": "client.reply",
    "ServersPanel": "widgets.servers_panel",
    "chat": "notebook.chat",
    "downloads": "notebook.downloads",
    "env": "notebook.access",
    "logs": "notebook.servers",
    "metrics": "notebook.metrics",
    "models": "notebook.models",
    "profile": "notebook.profiles",
    "profiles": "notebook.profiles",
    "pull": "notebook.downloads",
    "requests": "notebook.requests",
    "resolve": "notebook.models",
    "restart": "notebook.servers",
    "search": "notebook.models",
    "serve": "notebook.servers",
    "servers": "notebook.servers",
    "stop": "notebook.servers",
}

__all__ = [  # noqa: PLE0604  the names are in the table above
    "__version__",
    *_HOME,
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name stands for
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  reads the disk

    try:
        return version("mlx-manager-jupyter")
    except PackageNotFoundError:  # a checkout on sys.path that was never installed
        return "0+unknown"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext mlx_manager_jupyter``: register the magics."""
    from mlx_manager_jupyter.notebook import magics  # noqa: PLC0415  kernels only

    magics.load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext mlx_manager_jupyter``: take the magics away again."""
    from mlx_manager_jupyter.notebook import magics  # noqa: PLC0415  kernels only

    magics.unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    import gc  # noqa: PLC0415  server only

    # What is loaded here stays. Counted while it comes, it would only bring on one more pass of the
    # collector over everything that Jupyter holds: 0.1 s of the start.
    collects = gc.isenabled()
    gc.disable()
    try:
        from mlx_manager_jupyter.extension.app import MLXManager  # noqa: PLC0415  server only
    finally:
        if collects:
            gc.enable()
    return [{"module": "mlx_manager_jupyter.extension.app", "app": MLXManager}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "mlx-manager-jupyter"}]
