"""Servers that are somebody else's: asked how they are, never started or ended."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.errors import UnknownServer
from tests.services.extensions import another_jupyter, extension

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUICK: dict[str, Any] = {"health_interval": 0.1, "health_timeout": 0.5}


class Elsewhere:
    """Another machine's server, as far as ``GET /v1/models`` goes."""

    def __init__(self) -> None:
        self.status = 200
        self.key = ""
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                right = self.headers.get("Authorization", "") == (
                    f"Bearer {outer.key}" if outer.key else ""
                )
                self.send_response((outer.status if right else 401) if self._known else 404)
                self.end_headers()
                self.wfile.write(json.dumps({"object": "list", "data": []}).encode())

            @property
            def _known(self) -> bool:
                return self.path == "/v1/models"

            def log_message(self, *_: object) -> None:
                pass

        self._handler = Handler
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._serve()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _serve(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def again(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self._serve()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    server = Elsewhere()
    yield server
    server.stop()


async def test_it_is_ready_while_it_answers_and_says_what_is_wrong_while_not(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    async with extension(tmp_path, **QUICK) as one:
        profile = {"name": "far", "engine": "remote", "model": "big", "base_url": elsewhere.url}
        await one.profiles.create(profile)
        await one.ask(profile="far")
        ready = await one.ready("far")
        assert ready.base_url == elsewhere.url
        assert ready.pid is None
        assert ready.port is None
        assert ready.health == "ok"
        elsewhere.stop()
        failed = (await one.until(lambda seen: seen["far"].state == "failed"))["far"]
        assert failed.error
        assert failed.error.code == "upstream_failed"
        assert elsewhere.url in failed.error.message
        assert failed.error.hint
        elsewhere.again()
        await one.ready("far")
        elsewhere.status = 500
        failed = (await one.until(lambda seen: seen["far"].state == "failed"))["far"]
        assert failed.error
        assert "500" in failed.error.message
        await one.servers.stop("far")
        assert one.seen() == {}
        asked = elsewhere.asked
        await asyncio.sleep(0.4)
        assert elsewhere.asked == asked, "it is asked no more"
        with pytest.raises(UnknownServer):
            await one.servers.stop("far")


async def test_a_key_comes_from_the_environment_and_is_stored_nowhere(
    tmp_path: Path, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.key = "secret-of-theirs"
    monkeypatch.setenv("FAR_KEY", "wrong")
    async with extension(tmp_path, **QUICK) as one:
        profile = {"name": "far", "engine": "remote", "model": "big", "base_url": elsewhere.url}
        await one.profiles.create({**profile, "api_key_env": "FAR_KEY"})
        await one.ask(profile="far")
        failed = (await one.until(lambda seen: seen["far"].state == "failed"))["far"]
        assert failed.error
        assert "key" in failed.error.message
        assert "FAR_KEY" in (failed.error.hint or "")
        monkeypatch.setenv("FAR_KEY", "secret-of-theirs")
        await one.ready("far")
    stored = await asyncio.to_thread(one.store.path.read_text)
    assert "FAR_KEY" in stored
    assert "secret-of-theirs" not in stored


async def test_both_extensions_ask_for_themselves_and_either_may_forget_it(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    with another_jupyter() as other:
        async with extension(tmp_path, **QUICK) as one, extension(tmp_path, other, **QUICK) as two:
            profile = {"name": "far", "engine": "remote", "model": "big"}
            await one.profiles.create({**profile, "base_url": elsewhere.url})
            await one.ask(profile="far")
            await two.ready("far")
            await two.servers.stop("far")
            await one.until(lambda seen: not seen)


async def test_a_kept_one_is_there_again_when_jupyter_is(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    with another_jupyter() as first:
        async with extension(tmp_path, first, **QUICK) as one:
            profile = {"name": "far", "engine": "remote", "model": "big"}
            await one.profiles.create({**profile, "base_url": elsewhere.url})
            await one.ask(profile="far", keep=True)
            await one.ready("far")
    async with extension(tmp_path, **QUICK) as two:
        await two.ready("far")
