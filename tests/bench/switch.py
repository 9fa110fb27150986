"""A Jupyter server extension that ends and begins the sampling of ours, to see what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from mlx_manager_jupyter.extension.managers import SETTING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


class SwitchHandler(APIHandler):
    """``POST`` and ``DELETE bench/sampling``."""

    @web.authenticated
    async def post(self) -> None:
        self.settings[SETTING].metrics.open()
        await self.finish()

    @web.authenticated
    async def delete(self) -> None:
        await self.settings[SETTING].metrics.close()
        await self.finish()


def _load_jupyter_server_extension(app: ServerApp) -> None:
    path = url_path_join(app.base_url, "bench/sampling")
    app.web_app.add_handlers(".*$", [(path, SwitchHandler)])  # type: ignore[no-untyped-call]


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.bench.switch"}]
