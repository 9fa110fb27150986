"""``jupyter mlx demo``: JupyterLab on the quick-start notebook, until Ctrl-C."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from mlx_manager_jupyter.cli.demo import jupyter, model, notebook, profile
from mlx_manager_jupyter.cli.demo.problems import DemoFailed
from mlx_manager_jupyter.cli.terminal import Terminal
from mlx_manager_jupyter.client.daemon_lock import home as default_home

if TYPE_CHECKING:
    from argparse import Namespace

#: We say where to go: on the notebook, not just somewhere in JupyterLab.
QUIET = ("--Application.log_level=WARN",)


def lab(args: Namespace) -> None:
    """Build the model, open JupyterLab, and wait; Jupyter and its servers end with us.

    Raises:
        MLXManagerError: the model can't be built, or Jupyter does not come up.
    """
    terminal = Terminal()
    home = args.home or default_home()
    weights = model.ensure(home, terminal)
    copy, fresh = notebook.place(home / "demo")
    if not fresh:
        terminal.say(f"Opening {copy} as you left it; delete it for a new one.")

    options = [f"--ServerApp.root_dir={copy.parent}", *QUIET]
    if args.port:
        options.append(f"--ServerApp.port={args.port}")
    if args.no_browser:
        options.append("--ServerApp.open_browser=False")
    env = {"MLX_MANAGER_HOME": str(home)}
    with jupyter.running("jupyterlab", [*options, str(copy)], env, terminal) as server:
        profile.ensure(server.client, weights)
        url = _url(server)
        if args.json:
            told = {
                "url": url,
                "notebook": str(copy),
                "model": str(weights),
                "profile": profile.NAME,
            }
            print(msgspec.json.encode(told).decode(), flush=True)
        terminal.say(f"\n    {url}\n\nCtrl-C stops JupyterLab and the models that it serves.")
        if code := server.process.wait():
            raise DemoFailed(f"Jupyter ended with code {code}.")


def _url(server: jupyter.Jupyter) -> str:
    """Where the browser goes; Jupyter writes that file before it loads extensions."""
    info = json.loads(server.info.read_text())
    token = f"?token={info['token']}" if info["token"] else ""
    return f"{info['url']}lab/tree/{notebook.NAME}{token}"
