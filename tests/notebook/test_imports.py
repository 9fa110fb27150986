"""What importing and loading cost, seen from fresh interpreters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Nothing of these before something is asked of the extension.
LATER = {
    "aiohttp", "anywidget", "huggingface_hub", "httpx2", "ipywidgets", "jupyter_server", "pandas",
    "psutil", "tinydb", "tornado",
}  # fmt: skip

LOAD = """
import json, sys, time
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
shell.run_cell("1 + 1")
before, began = set(sys.modules), time.perf_counter()
assert shell.run_line_magic("load_ext", "mlx_manager_jupyter") is None
seconds = time.perf_counter() - began
assert "mlx_serve" in shell.magics_manager.magics["line"]
print(json.dumps({"modules": sorted(set(sys.modules) - before), "seconds": seconds}))
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout.splitlines()[-1]


def loaded(statement: str) -> set[str]:
    return set(json.loads(run(f"{statement}\nimport json, sys\nprint(json.dumps([*sys.modules]))")))


def test_importing_the_package_loads_nothing_else() -> None:
    modules = loaded("import mlx_manager_jupyter")
    assert {name for name in modules if name.startswith("mlx_manager_jupyter.")} == set()
    assert modules.isdisjoint(LATER | {"IPython", "msgspec", "importlib.metadata"})


def test_loading_the_magics_is_quick_and_light() -> None:
    runs = [json.loads(run(LOAD)) for _ in range(3)]
    assert LATER.isdisjoint(runs[0]["modules"])
    seconds = min(each["seconds"] for each in runs)  # ours, not the neighbours'
    print(f"%load_ext: {seconds * 1000:.0f} ms")
    assert seconds < 0.15


def test_the_server_loads_nothing_of_the_kernels_tower() -> None:
    modules = loaded(
        "import mlx_manager_jupyter\n"
        "mlx_manager_jupyter._jupyter_server_extension_points()\n"
        "mlx_manager_jupyter._jupyter_labextension_paths()"
    )
    ours = {name for name in modules if name.startswith("mlx_manager_jupyter.")}
    assert "mlx_manager_jupyter.extension.app" in ours
    towers = ("client", "notebook", "widgets", "cli")
    assert not [name for name in ours if name.split(".")[1] in towers]


def test_every_public_name_is_there() -> None:
    names = run("import mlx_manager_jupyter as m\nprint([getattr(m, n) and n for n in m.__all__])")
    for name in ("serve", "servers", "stop", "chat", "ServersPanel", "Reply", "__version__"):
        assert f"'{name}'" in names
    assert run("import mlx_manager_jupyter as m\nprint('serve' in dir(m), hasattr(m, 'nope'))") == (
        "True False"
    )
