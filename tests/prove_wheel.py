"""Prove the wheel, not the tree: `./dev wheel`, the same by hand and in CI.

Builds the sdist, builds the wheel from it where there is no Node, looks inside, installs it into a
fresh environment and asks Jupyter itself whether both extensions are enabled.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
NAME = "mlx_manager_jupyter"
LAB = "share/jupyter/labextensions/mlx-manager-jupyter"
WANTED = (
    rf"{NAME}/__init__\.py",
    rf"{NAME}/py\.typed",
    rf"{NAME}/static/chat_stream\.js",
    rf"{NAME}/static/chat_stream\.css",
    rf"{NAME}/static/servers_panel\.js",
    rf"{NAME}/static/servers_panel\.css",
    rf"{NAME}/notebooks/01_quickstart\.ipynb",
    rf".*\.data/data/{LAB}/package\.json",
    rf".*\.data/data/{LAB}/install\.json",
    rf".*\.data/data/{LAB}/static/remoteEntry\.[^/]+\.js",
    rf".*\.data/data/etc/jupyter/jupyter_server_config\.d/{NAME}\.json",
    r".*\.dist-info/licenses/LICENSE",
)
UNWANTED = re.compile(
    r"\.map$|\.tsx?$|build_log\.json$|node_modules|\.ipynb_checkpoints|__pycache__"
    rf"|^tests/|^js/|{NAME}/labextension/"
)


def fail(text: str) -> NoReturn:
    sys.exit(f"prove_wheel: {text}")


def run(*argv: str | Path, env: dict[str, str]) -> str:
    """Run a command that must succeed; its output, free of colours, shown only if it does not."""
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    if done.returncode:
        fail(f"`{' '.join(map(str, argv))}` failed:\n{told}")
    return told


def inspect(wheel: Path) -> None:
    """The wheel holds both JavaScript outputs and the notebook, and nothing of this machine."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for pattern in WANTED:
            if not any(re.fullmatch(pattern, name) for name in names):
                fail(f"the wheel lacks {pattern}")
        if unwanted := [name for name in names if UNWANTED.search(name)]:
            fail(f"the wheel should not hold {unwanted}")
        if len(names) != len(set(names)):
            fail("the wheel holds a file twice")
        paths = (re.escape(f"{path}/") for path in (ROOT, Path.home(), tempfile.gettempdir()))
        told = re.compile("|".join(["^//# sourceMappingURL=", *paths]).encode(), re.MULTILINE)
        if telling := [name for name in names if told.search(archive.read(name))]:
            fail(f"a source map or a path of this machine is in {telling}")


def without_node(*first: Path) -> dict[str, str]:
    """An environment that finds programs in these folders only, and no one's Jupyter settings."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("JUPYTER")}
    env["PATH"] = os.pathsep.join(map(str, first))
    if found := shutil.which("node", path=env["PATH"]):
        fail(f"{found} is in the way of the proof")
    return env


def enabled(command: str, shown: str, env: dict[str, str]) -> None:
    """Ask Jupyter whether the extension is enabled and valid."""
    told = run("jupyter", *command.split(), "list", env=env)
    if not re.search(shown, " ".join(told.split())):
        fail(f"`jupyter {command} list` does not show the extension enabled and OK:\n{told}")


def main() -> None:
    """Run the proof; exit with a message at the first thing that does not hold."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        here, venv = Path(folder), Path(folder) / "venv"
        run(sys.executable, "-m", "build", "--sdist", "-o", here, ROOT, env=dict(os.environ))
        (sdist,) = here.glob("*.tar.gz")
        pip = (sys.executable, "-m", "pip")
        run(*pip, "wheel", "--no-deps", "-w", here, sdist, env=without_node(here / "none"))
        (wheel,) = here.glob("*.whl")
        inspect(wheel)

        run(sys.executable, "-m", "venv", venv, env=dict(os.environ))
        env = without_node(venv / "bin")
        run("python", "-m", "pip", "install", wheel, env=env)
        env["HOME"] = folder
        enabled("server extension", rf"{NAME} enabled .*{NAME} \S+ OK", env)
        enabled("labextension", r"mlx-manager-jupyter v\S+ enabled OK", env)
        run("jupyter", "mlx", "--help", env=env)
        installed = run("python", "-m", "pip", "freeze", env=env).splitlines()
        if engines := [line for line in installed if re.match(r"mlx(?!-manager-jupyter)", line)]:
            fail(f"the base install brought {engines}")
        print(
            f"wheel proven: {wheel.name}, {wheel.stat().st_size / 1000:.0f} kB; {len(installed)} "
            "packages installed, no Node, no MLX; server extension and labextension enabled OK "
            f"({time.monotonic() - start:.0f} s)"
        )


if __name__ == "__main__":
    main()
