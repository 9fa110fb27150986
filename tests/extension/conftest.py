"""A real Jupyter server with the extension, its door open, and the fake engine behind it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from mlx_manager_jupyter.extension.door import CONNECTION_VARIABLE
from tests.fixtures.models import make

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator

    from jupyter_server.serverapp import ServerApp

    from mlx_manager_jupyter.extension.app import MLXManager

FAKE_ENGINE = Path(__file__).parents[1] / "fixtures" / "fake_engine.py"


@pytest.fixture
def jp_server_config() -> dict[str, Any]:
    """Enable the extension, and let the fake engine stand in for mlx-lm."""
    return {
        "ServerApp": {
            "jpserver_extensions": {"mlx_manager_jupyter": True},
            "allow_unauthenticated_access": False,
        },
        "MLXManager": {"engine_paths": {"mlx-lm": str(FAKE_ENGINE)}},
        "ServerManager": {"stop_grace": 0.5},
    }


@pytest.fixture
def extension(jp_serverapp: ServerApp, jp_asyncio_loop: AbstractEventLoop) -> Iterator[MLXManager]:
    """The extension, started as Jupyter starts it, and stopped as Jupyter stops it."""
    (app,) = jp_serverapp.extension_manager.extension_apps["mlx_manager_jupyter"]
    jp_asyncio_loop.run_until_complete(app._start_jupyter_server_extension(jp_serverapp))
    yield app
    jp_asyncio_loop.run_until_complete(app.stop_extension())


@dataclass
class Door:
    """A client of the door: `fetch` never raises for a status."""

    url: str
    token: str

    async def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        token: str | None = None,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> HTTPResponse:
        """Ask the door; ``token`` is the door's own unless given."""
        given = self.token if token is None else token
        authorization = {"Authorization": f"Bearer {given}"} if given else {}
        return await AsyncHTTPClient().fetch(
            self.url + path,
            method=method,
            headers={**authorization, **(headers or {})},
            body=None if method in {"GET", "DELETE"} else json.dumps(body or {}),
            raise_error=False,
            request_timeout=60,
        )

    async def json(self, path: str, **options: Any) -> Any:
        """The JSON of a successful answer."""
        response = await self.fetch(path, **options)
        assert response.code < 300, response.body
        return json.loads(response.body) if response.body else None


@pytest.fixture
def door(extension: MLXManager) -> Door:
    """The way that kernels take."""
    connection = json.loads(Path(os.environ[CONNECTION_VARIABLE]).read_text("utf-8"))
    assert connection["url"] == extension.door.url
    return Door(url=connection["url"], token=connection["token"])


@pytest.fixture
def jupyter_url(http_server: object, http_server_port: tuple[object, int], jp_base_url: str) -> str:
    """Jupyter's own address, behind Jupyter's own login."""
    assert http_server
    return f"http://127.0.0.1:{http_server_port[1]}{jp_base_url}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny model that real engines load too."""
    return make("chat", tmp_path / "tiny-chat")


@pytest.fixture
def fake_env(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Fault switches for the fake engine, as a profile's ``env``."""

    def env(**switches: object) -> dict[str, str]:
        return {
            "FAKE_ENGINE": json.dumps(switches),
            "FAKE_ENGINE_JOURNAL": str(tmp_path / "journal.jsonl"),
        }

    return env
