"""A Jupyter server extension that watches the event loop it shares with ours."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

TICK = 0.005


class Probe:
    """Asks to be called every `TICK` seconds, and notes how much later the call came."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._on = False

    def take(self) -> list[float]:
        """What was noted since the last time, in seconds; it ticks from the first time on."""
        if not self._on:
            self._on = True
            self._ask()
        late, self._late = self._late, []
        return late

    def _ask(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TICK

        def called() -> None:
            self._late.append(loop.time() - due)
            self._ask()

        loop.call_at(due, called)


class LagHandler(JupyterHandler):
    """``GET bench/lag``."""

    def initialize(self, probe: Probe) -> None:
        self._probe = probe

    @web.authenticated
    def get(self) -> None:
        self.finish(json.dumps(self._probe.take()))


def _load_jupyter_server_extension(app: ServerApp) -> None:
    path = url_path_join(app.base_url, "bench/lag")
    routes = [(path, LagHandler, {"probe": Probe()})]
    app.web_app.add_handlers(".*$", routes)  # type: ignore[no-untyped-call]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.bench.lag"}]
