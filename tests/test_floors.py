"""What each floor may load, seen from a fresh interpreter.

import-linter reads the source of who imports whom; this sees what really arrives in `sys.modules`,
so also what a dependency brings along.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: Work of the extension's process: state, child processes, the Hub, the web server.
EXTENSION_ONLY = {"huggingface_hub", "jupyter_server", "psutil", "tinydb", "tornado"}
#: Costs of tens to hundreds of milliseconds that must wait until they are used.
HEAVY = {"anywidget", "ipywidgets", "mlx", "mlx_lm", "pandas", "transformers"}

FLOORS = {
    "mlx_manager_jupyter": EXTENSION_ONLY | HEAVY | {"IPython", "aiohttp", "httpx2", "msgspec"},
    "mlx_manager_jupyter.schema": EXTENSION_ONLY | HEAVY | {"IPython", "aiohttp", "httpx2"},
    "mlx_manager_jupyter.errors": EXTENSION_ONLY | HEAVY | {"IPython", "aiohttp", "httpx2"},
    "mlx_manager_jupyter.client": EXTENSION_ONLY | HEAVY | {"IPython", "aiohttp"},
    "mlx_manager_jupyter.cli": EXTENSION_ONLY | HEAVY | {"IPython", "aiohttp"},
    "mlx_manager_jupyter.services": HEAVY | {"IPython", "jupyter_server", "tornado"},
    "mlx_manager_jupyter.adapters": HEAVY | {"IPython", "jupyter_server", "tornado"},
    "mlx_manager_jupyter.extension.app": HEAVY
    | {"aiohttp", "difflib", "filelock", "huggingface_hub", "rapidfuzz"}
    # Of ours, what knows models, and what downloads: many modules, needed when somebody asks.
    | {f"mlx_manager_jupyter.services.models.{name}" for name in ("facts", "fit", "index", "kv")}
    | {"mlx_manager_jupyter.adapters.hub.worker.run"},
}

#: Prints what is a dataclass of ours, whether the collector runs, and how often it ran meanwhile.
START = """
import dataclasses, gc, json, sys
import jupyter_server.serverapp, mlx_manager_jupyter
before = gc.get_stats()
mlx_manager_jupyter._jupyter_server_extension_points()
passes = [now["collections"] - then["collections"] for now, then in zip(gc.get_stats(), before)]
ours = [
    f"{name}.{key}"
    for name, module in list(sys.modules.items())
    if name.startswith("mlx_manager_jupyter.")
    for key, value in vars(module).items()
    if isinstance(value, type) and value.__module__ == name and dataclasses.is_dataclass(value)
]
print(json.dumps([ours, gc.isenabled(), passes[-1]]))
"""

LOADED = """
import importlib, json, pkgutil, sys
package = importlib.import_module(sys.argv[1])
if sys.argv[1].endswith(("services", "adapters")):
    for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + "."):
        importlib.import_module(module.name)
print(json.dumps(list(sys.modules)))
"""


@pytest.mark.parametrize("module", FLOORS)
def test_a_floor_loads_nothing_of_another(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, module], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert FLOORS[module].isdisjoint(json.loads(done.stdout))


def test_jupyter_starts_with_little_of_ours() -> None:
    """Making a dataclass costs a millisecond, a `msgspec.Struct` nothing that one can measure."""
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    dataclasses, collects, passes = json.loads(done.stdout)
    assert dataclasses == []
    assert collects
    assert passes == 0, "loading brought on a pass of the collector over all that Jupyter has"
