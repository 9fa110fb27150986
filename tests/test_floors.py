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
    "mlx_manager_jupyter.extension.app": HEAVY | {"huggingface_hub.hf_api"},
}

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
