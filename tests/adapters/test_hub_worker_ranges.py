"""One connection to the store: proxies, certificates, places that move."""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hub.worker import ranges
from mlx_manager_jupyter.adapters.hub.worker.address import Place
from mlx_manager_jupyter.adapters.hub.worker.ranges import Ranges
from mlx_manager_jupyter.adapters.hub.worker.throttle import Throttle
from mlx_manager_jupyter.errors import DownloadFailed, HubUnreachable
from tests.fixtures.http_proxy import HttpProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 8
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Store(BaseHTTPRequestHandler):
    """Answers ranges; its class says how."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]]
    moved_to: str | None = None
    spoilt: dict[str, str]

    def do_GET(self) -> None:
        self.seen.append({name.lower(): each for name, each in self.headers.items()})
        if self.moved_to and not self.path.startswith("/there"):
            self.send_response(302)
            self.send_header("Location", self.moved_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"])
        assert found
        first, last = map(int, found.groups())
        self.send_response(206)
        answer = {
            "Content-Range": f"bytes {first}-{last}/{len(CONTENT)}",
            "Content-Length": str(last - first + 1),
            **self.spoilt,
        }
        for name, value in answer.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(CONTENT[first : last + 1])

    def log_message(self, *_: Any) -> None: ...


class Serving:
    """A store that runs."""

    def __init__(self, **how: Any) -> None:
        self.seen: list[dict[str, str]] = []
        kind = type("Kind", (Store,), {"seen": self.seen, "spoilt": {}, **how})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/file?Signature=s"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def store() -> Iterator[Serving]:
    serving = Serving()
    yield serving
    serving.close()


@pytest.fixture
def connection() -> Iterator[Ranges]:
    made = Ranges(5.0, Throttle())
    yield made
    made.close()


def test_one_connection_serves_many_ranges(store: Serving, connection: Ranges) -> None:
    place = Place(store.url(), {"user-agent": "test"})
    for start, end in ((0, 10), (10, 300), (2000, len(CONTENT))):
        with connection.ask(place, start, end, len(CONTENT)) as answer:
            assert answer.read() == CONTENT[start:end]
    assert {each["accept-encoding"] for each in store.seen} == {"identity"}


@pytest.mark.parametrize(
    "spoilt",
    [
        {"Content-Range": f"bytes 5-14/{len(CONTENT)}"},
        {"Content-Range": "bytes 0-9/7"},
        {"Content-Range": f"bytes 0-10/{len(CONTENT)}"},
        {"Content-Range": "nonsense"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_other_bytes_than_those_asked_for(connection: Ranges, spoilt: dict[str, str]) -> None:
    store = Serving(spoilt=spoilt)
    try:
        with pytest.raises(HubUnreachable, match="other bytes"):
            connection.ask(Place(store.url(), {}), 0, 10, len(CONTENT))
    finally:
        store.close()


def test_a_place_that_moves_does_not_get_the_token(store: Serving, connection: Ranges) -> None:
    old = Serving(moved_to=f"http://localhost:{store.port}/there")
    try:
        place = Place(old.url(), {"authorization": "Bearer secret"})
        with connection.ask(place, 0, 10, len(CONTENT)) as answer:
            assert answer.read() == CONTENT[:10]
    finally:
        old.close()
    assert old.seen[0]["authorization"] == "Bearer secret"
    assert "authorization" not in store.seen[0]


def test_a_place_that_moves_in_circles(connection: Ranges) -> None:
    old = Serving(moved_to="/again")
    try:
        with pytest.raises(HubUnreachable, match="from place to place"):
            connection.ask(Place(old.url(), {}), 0, 10, len(CONTENT))
    finally:
        old.close()


def test_a_proxy_for_http(
    store: Serving, connection: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpProxy() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
        with connection.ask(Place(store.url(), {}), 0, 10, len(CONTENT)) as answer:
            assert answer.read() == CONTENT[:10]
        basic = f"Basic {base64.b64encode(b'me:p@ss').decode()}"
        assert proxy.seen == [("GET", store.url(), basic)]
        connection.close()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with connection.ask(Place(store.url(), {}), 0, 10, len(CONTENT)) as answer:
            assert answer.read() == CONTENT[:10]
        assert len(proxy.seen) == 1


def test_a_proxy_of_another_kind_is_told(
    store: Serving, connection: Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1080")
    with pytest.raises(DownloadFailed, match="socks5"):
        connection.ask(Place(store.url(), {}), 0, 10, len(CONTENT))


@pytest.mark.parametrize("proxied", [False, True])
def test_certificates_are_checked(
    tmp_path: Path, store: Serving, monkeypatch: pytest.MonkeyPatch, *, proxied: bool
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    argv += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    argv += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    store.server.socket = context.wrap_socket(store.server.socket, server_side=True)
    place = Place(store.url("https", "localhost"), {})
    ranges._certificates.cache_clear()
    with HttpProxy() as proxy:
        if proxied:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        stranger = Ranges(5.0, Throttle())
        with pytest.raises(HubUnreachable, match=r"(?i)certificate"):
            stranger.ask(place, 0, 10, len(CONTENT))
        stranger.close()
        ranges._certificates.cache_clear()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        known = Ranges(5.0, Throttle())
        with known.ask(place, 0, 10, len(CONTENT)) as answer:
            assert answer.read() == CONTENT[:10]
        known.close()
        assert bool(proxy.seen) == proxied
        assert all(method == "CONNECT" for method, *_ in proxy.seen)
    ranges._certificates.cache_clear()
