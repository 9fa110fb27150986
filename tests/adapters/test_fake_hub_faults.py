"""The Hub of the tests does what it says: each fault, over plain HTTP and plain sockets."""

from __future__ import annotations

import http.client
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.fixtures.hub import MEMBER, FakeHub
from tests.fixtures.hub_model import (
    ALL,
    CONFIG,
    CONFIG_PATH,
    FILES,
    SIZE,
    TINY,
    WEIGHTS_PATH,
)
from tests.fixtures.hub_plain import get, raw, signed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add(TINY, files=FILES)
        yield hub


@pytest.fixture
def hub(running: FakeHub) -> FakeHub:
    """No faults, an empty log."""
    running.clear()
    running.reset()
    return running


def test_status_comes_with_its_headers_as_often_as_told(hub: FakeHub) -> None:
    hub.fault("status", "config", skip=1, times=2, status=429, headers={"Retry-After": "3"})
    answers = [get(hub.url + CONFIG_PATH) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert answers[1].body == b'{"error": "told so by a test"}'
    assert [fault["hits"] for fault in hub.faults()] == [2]
    assert [entry["faults"] for entry in hub.log()] == [[], ["status"], ["status"], []]


def test_a_fault_hits_only_its_path_origin_and_method(hub: FakeHub) -> None:
    hub.fault("status", "safetensors", origin="cdn")
    hub.fault("status", "config", method="HEAD", status=500)
    assert get(signed(hub)).status == 503
    assert get(hub.url + CONFIG_PATH).status == 200
    assert get(hub.url + CONFIG_PATH, "HEAD").status == 500
    hub.clear()
    assert get(signed(hub)).status == 200


def test_delay_and_hang(hub: FakeHub) -> None:
    hub.fault("delay", "config", seconds=0.3)
    started = time.monotonic()
    assert get(hub.url + CONFIG_PATH).status == 200
    assert time.monotonic() - started >= 0.3
    hub.fault("hang", "safetensors")
    with pytest.raises(TimeoutError):
        get(hub.url + WEIGHTS_PATH, timeout=0.2)
    hub.until(lambda hub: hub.log("safetensors")[0]["done"])
    assert hub.log("safetensors")[0]["status"] is None


@pytest.mark.parametrize(
    ("kind", "end"), [("cut", None), ("reset", ConnectionResetError), ("stall", TimeoutError)]
)
@pytest.mark.parametrize("at", [0, 1, 1_234_567])
def test_a_body_ends_after_exactly_so_many_bytes(
    hub: FakeHub, kind: str, at: int, end: type[BaseException] | None
) -> None:
    hub.fault(kind, "model.safetensors", origin="cdn", at=at, times=1)
    url = signed(hub)
    body, how = raw(url, silence=0.5 if kind == "stall" else 10.0)
    assert (body == ALL[:at], how) == (True, end)
    (entry,) = hub.log(origin="cdn")
    assert (entry["sent"], entry["length"], entry["faults"]) == (at, SIZE, [kind])
    assert get(url).body == ALL


def test_an_answer_of_the_api_can_be_cut_too(hub: FakeHub) -> None:
    hub.fault("cut", "/api/models/org/tiny-4bit", at=10)
    answer = get(f"{hub.url}/api/models/org/tiny-4bit")
    assert (len(answer.body), answer.error) == (10, http.client.IncompleteRead)


def test_truncate_is_short_and_consistent(hub: FakeHub) -> None:
    hub.fault("truncate", origin="cdn", at=1000)
    url = signed(hub)
    whole, part = get(url), get(url, Range="bytes=500-9999")
    assert (whole.headers["Content-Length"], whole.body, whole.error) == ("1000", ALL[:1000], None)
    assert part.body == ALL[500:1500]
    assert part.headers["Content-Range"] == f"bytes 500-1499/{SIZE}"


def test_flip_spoils_one_byte_of_the_file_wherever_it_is_asked_for(hub: FakeHub) -> None:
    hub.fault("flip", origin="cdn", at=2_000_000, times=2)
    url = signed(hub)
    assert get(url, Range="bytes=0-999").body == ALL[:1000]
    spoiled = get(url).body
    assert [at for at in range(SIZE) if spoiled[at] != ALL[at]] == [2_000_000]
    assert get(url, Range="bytes=2000000-2000001").body == bytes(
        [ALL[2_000_000] ^ 0xFF, ALL[2_000_001]]
    )
    assert get(url).body == ALL


def test_an_ignored_range_gives_all_of_it(hub: FakeHub) -> None:
    hub.fault("ignore_range", origin="cdn", times=1)
    url = signed(hub)
    answer = get(url, Range="bytes=10-19")
    assert (answer.status, answer.body) == (200, ALL)
    assert "Content-Range" not in answer.headers
    assert get(url, Range="bytes=10-19").status == 206


def test_expired_gated_and_another_etag(hub: FakeHub) -> None:
    hub.fault("expired", times=1)
    url = signed(hub)
    assert (get(url).status, get(url, Range="bytes=0-0").status) == (403, 206)
    hub.fault("gated", "org/tiny-4bit")
    assert get(hub.url + CONFIG_PATH).status == 401
    assert get(hub.url + CONFIG_PATH, Authorization=f"Bearer {MEMBER}").status == 403
    assert get(f"{hub.url}/api/models/org/tiny-4bit/tree/main").status == 200
    hub.clear()
    hub.fault("etag", etag="f" * 64)
    assert get(hub.url + WEIGHTS_PATH, "HEAD").headers["X-Linked-Etag"] == f'"{"f" * 64}"'
    assert get(signed(hub)).body == ALL


def test_slow_is_for_each_connection(hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=1_000_000)
    started = time.monotonic()
    assert get(signed(hub), Range="bytes=0-499999").body == ALL[:500_000]
    assert time.monotonic() - started >= 0.4


def test_what_was_sent_is_counted_while_it_runs_and_stops_with_its_client(hub: FakeHub) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=200_000)
    where = urlsplit(signed(hub))
    with socket.create_connection((where.hostname, where.port)) as connection:
        path = f"{where.path}?{where.query}"
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        hub.until(lambda hub: hub.sent(origin="cdn") > 20_000)
        assert not hub.log(origin="cdn")[0]["done"]
    hub.until(lambda hub: hub.log(origin="cdn")[0]["done"])
    assert hub.sent(origin="cdn") < SIZE


def test_offline_refuses_and_drops_and_comes_back_on_the_same_port(hub: FakeHub) -> None:
    kept = http.client.HTTPConnection(urlsplit(hub.url).netloc)
    kept.request("GET", CONFIG_PATH)
    assert kept.getresponse().read() == CONFIG.encode()
    url = signed(hub)
    with hub.offline():
        for gone in (hub.url + CONFIG_PATH, url):
            with pytest.raises(ConnectionRefusedError):
                get(gone)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            ask_again(kept)
    kept.close()
    assert get(url).body == ALL
    with hub.offline("cdn"):
        assert get(hub.url + CONFIG_PATH).status == 200
        with pytest.raises(ConnectionRefusedError):
            get(url)


def ask_again(kept: http.client.HTTPConnection) -> None:
    kept.auto_open = False
    kept.request("GET", CONFIG_PATH)
    kept.getresponse()
