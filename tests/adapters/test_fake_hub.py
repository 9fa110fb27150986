"""The Hub of the tests does what it says: each fault, over plain HTTP, with nobody's client."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import psutil
import pytest

from tests.fixtures.fake_hub.content import BLOCK, Made
from tests.fixtures.hub import MEMBER, NOBODY, ROOT, STRANGER, FakeHub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIZE = 3_000_000
MADE = Made(SIZE, seed=7)
ALL = MADE.read(0, SIZE)
WEIGHTS = "/org/tiny/resolve/main/model.safetensors"
CONFIG = "/org/tiny/resolve/main/config.json"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def hub(running: FakeHub) -> FakeHub:
    """One repo with a small and an LFS file; no faults, an empty log."""
    running.clear()
    running.forget("org/tiny")
    weights = {"size": SIZE, "seed": 7}
    running.add("org/tiny", files={"config.json": '{"a": 1}', "model.safetensors": weights})
    running.reset()
    return running


class Got(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
    error: type[BaseException] | None


def get(url: str, method: str = "GET", timeout: float = 20.0, **headers: str) -> Got:
    """One request on a connection of its own; ``error`` is how the body ended too early."""
    where = urlsplit(url)
    assert where.hostname
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
    try:
        connection.request(method, url.removeprefix(f"http://{where.netloc}"), headers=headers)
        answer = connection.getresponse()
        body, error = bytearray(), None
        try:
            while piece := answer.read1(1 << 16):
                body += piece
        except (OSError, http.client.HTTPException) as problem:
            error = type(problem)
        if error is None and method != "HEAD" and answer.length:
            error = http.client.IncompleteRead
        return Got(answer.status, dict(answer.headers.items()), bytes(body), error)
    finally:
        connection.close()


def signed(hub: FakeHub) -> str:
    """The address of the weights on the second origin."""
    answer = get(hub.url + WEIGHTS, "HEAD")
    assert answer.status == 302
    return answer.headers["Location"]


def test_made_bytes_are_the_same_from_wherever_they_are_read() -> None:
    assert hashlib.sha256(Made(SIZE, seed=8).read(0, SIZE)).digest() != hashlib.sha256(ALL).digest()
    for start, length in ((0, 5), (31, 2), (BLOCK - 1, 2), (BLOCK, BLOCK + 40), (SIZE - 3, 99)):
        assert MADE.read(start, length) == ALL[start : start + length]
    assert ALL[:BLOCK] != ALL[BLOCK : 2 * BLOCK]


def test_a_small_file_comes_directly_and_an_lfs_file_from_the_second_origin(hub: FakeHub) -> None:
    config = get(hub.url + CONFIG)
    assert (config.status, config.body) == (200, b'{"a": 1}')
    oid = hashlib.sha1(b"blob 8\0" + config.body).hexdigest()  # noqa: S324  git's
    assert config.headers["ETag"] == f'"{oid}"'
    head = get(hub.url + WEIGHTS, "HEAD")
    assert head.headers["X-Linked-Etag"] == f'"{hashlib.sha256(ALL).hexdigest()}"'
    assert head.headers["X-Linked-Size"] == str(SIZE)
    assert head.headers["X-Repo-Commit"] == config.headers["X-Repo-Commit"]
    assert head.headers["Location"].startswith(hub.cdn)
    assert get(head.headers["Location"]).body == ALL


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [("bytes=10-19", 10, 20), ("bytes=2999990-", SIZE - 10, SIZE), ("bytes=-7", SIZE - 7, SIZE)],
)
def test_a_range_gives_exactly_that_part(hub: FakeHub, wanted: str, start: int, stop: int) -> None:
    part = get(signed(hub), Range=wanted)
    assert (part.status, part.body) == (206, ALL[start:stop])
    assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{SIZE}"
    assert hub.sent("model.safetensors", "cdn") == stop - start


def test_a_range_behind_the_end_is_refused(hub: FakeHub) -> None:
    part = get(signed(hub), Range=f"bytes={SIZE}-")
    assert (part.status, part.headers["Content-Range"]) == (416, f"bytes */{SIZE}")


def test_a_url_is_good_only_as_signed_and_only_for_a_while(hub: FakeHub) -> None:
    url = signed(hub)
    assert get(url[:-1] + ("0" if url[-1] != "0" else "1")).status == 403
    assert get(url.replace("model.safetensors", "model.safetensorz")).status == 403
    assert get(url.replace("Expires=", "Expires=9")).status == 403
    hub.urls_live(0)
    old = signed(hub)
    hub.urls_live(3600)
    assert get(old).status == 403
    assert get(url, Range="bytes=0-0").status == 206


def test_the_second_origin_records_a_token_that_should_not_have_come(hub: FakeHub) -> None:
    assert get(signed(hub), Authorization=f"Bearer {MEMBER}").status == 400
    assert [entry["authorized"] for entry in hub.log(origin="cdn")] == [True]


def test_refusals_are_worded_as_the_hub_words_them(hub: FakeHub) -> None:
    def said(path: str, token: str = "") -> tuple[int, str | None, str | None]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = get(hub.url + path, "GET", 20.0, **headers)
        return answer.status, answer.headers.get("X-Error-Code"), answer.headers["X-Error-Message"]

    hub.add("org/secret", files={"config.json": "{}"}, private=True)
    hub.add("org/gate", files={"config.json": "{}"}, gated="manual")
    for missing in ("/api/models/org/secret", "/api/models/org/none", "/api/models/none"):
        assert said(missing) == (401, "RepoNotFound", "Invalid username or password.")
        assert said(missing, STRANGER) == (404, "RepoNotFound", "Repository not found")
    assert get(f"{hub.url}/api/models/org/secret", Authorization=f"Bearer {MEMBER}").status == 200
    assert said("/api/models/org/tiny", NOBODY)[::2] == (
        401,
        "Invalid credentials in Authorization header",
    )
    assert said("/api/models/org/tiny/revision/nope")[:2] == (404, "RevisionNotFound")
    assert said("/org/tiny/resolve/main/nope.json") == (404, "EntryNotFound", "Entry not found")
    assert get(f"{hub.url}/api/models/org/gate/tree/main").status == 200
    for refused in ("/org/gate/resolve/main/config.json", "/api/models/org/gate/auth-check"):
        assert said(refused)[:2] == (401, "GatedRepo")
        status, code, message = said(refused, STRANGER)
        assert (status, code) == (403, "GatedRepo")
        assert message
        assert "not in the authorized list" in message
        assert get(hub.url + refused, Authorization=f"Bearer {MEMBER}").status == 200


def test_status_comes_with_its_headers_as_often_as_told(hub: FakeHub) -> None:
    hub.fault("status", "config", skip=1, times=2, status=429, headers={"Retry-After": "3"})
    answers = [get(hub.url + CONFIG) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert answers[1].body == b'{"error": "told so by a test"}'
    assert [fault["hits"] for fault in hub.faults()] == [2]
    assert [entry["faults"] for entry in hub.log()] == [[], ["status"], ["status"], []]


def test_a_fault_hits_only_its_path_origin_and_method(hub: FakeHub) -> None:
    hub.fault("status", "safetensors", origin="cdn")
    hub.fault("status", "config", method="HEAD", status=500)
    assert get(signed(hub)).status == 503
    assert get(hub.url + CONFIG).status == 200
    assert get(hub.url + CONFIG, "HEAD").status == 500
    hub.clear()
    assert get(signed(hub)).status == 200


def test_delay_and_hang(hub: FakeHub) -> None:
    hub.fault("delay", "config", seconds=0.3)
    started = time.monotonic()
    assert get(hub.url + CONFIG).status == 200
    assert time.monotonic() - started >= 0.3
    hub.fault("hang", "safetensors")
    with pytest.raises(TimeoutError):
        get(hub.url + WEIGHTS, timeout=0.2)
    hub.until(lambda hub: hub.log("safetensors")[0]["done"])
    assert hub.log("safetensors")[0]["status"] is None


def raw(url: str, silence: float = 10.0) -> tuple[bytes, type[BaseException] | None]:
    """Body and end of the connection, as a socket sees them: None is a FIN."""
    where = urlsplit(url)
    path = url.removeprefix(f"http://{where.netloc}")
    with socket.create_connection((where.hostname, where.port), timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        connection.settimeout(silence)
        answer = bytearray()
        try:
            while piece := connection.recv(1 << 16):
                answer += piece
        except OSError as problem:
            return bytes(answer.partition(b"\r\n\r\n")[2]), type(problem)
    return bytes(answer.partition(b"\r\n\r\n")[2]), None


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
    hub.fault("cut", "/api/models/org/tiny", at=10)
    answer = get(f"{hub.url}/api/models/org/tiny")
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
    hub.fault("gated", "org/tiny")
    assert get(hub.url + CONFIG).status == 401
    assert get(hub.url + CONFIG, Authorization=f"Bearer {MEMBER}").status == 403
    assert get(f"{hub.url}/api/models/org/tiny/tree/main").status == 200
    hub.clear()
    hub.fault("etag", etag="f" * 64)
    assert get(hub.url + WEIGHTS, "HEAD").headers["X-Linked-Etag"] == f'"{"f" * 64}"'
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
    kept.request("GET", CONFIG)
    assert kept.getresponse().read() == b'{"a": 1}'
    url = signed(hub)
    with hub.offline():
        for gone in (hub.url + CONFIG, url):
            with pytest.raises(ConnectionRefusedError):
                get(gone)
        with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
            ask_again(kept)
    kept.close()
    assert get(url).body == ALL
    with hub.offline("cdn"):
        assert get(hub.url + CONFIG).status == 200
        with pytest.raises(ConnectionRefusedError):
            get(url)


def ask_again(kept: http.client.HTTPConnection) -> None:
    kept.auto_open = False
    kept.request("GET", CONFIG)
    kept.getresponse()


def test_connections_are_counted_and_the_test_s_own_are_not_in_the_log(hub: FakeHub) -> None:
    url = signed(hub)
    for _ in range(2):
        get(url, Range="bytes=0-9")
    assert hub.connections() == {"hub": 1, "cdn": 2}
    log = hub.log()
    assert [entry["origin"] for entry in log] == ["hub", "cdn", "cdn"]
    assert [entry["range"] for entry in log] == [None, "bytes=0-9", "bytes=0-9"]
    assert urlsplit(url).query.rpartition("Signature=")[2] not in json.dumps(log)
    hub.reset()
    assert (hub.log(), hub.connections()) == ([], {"hub": 0, "cdn": 0})


def test_a_branch_moves_and_old_commits_stay_as_they_were(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "notes.txt").write_text("one")
    first = hub.add("org/moving", tmp_path, tag="v1")["commit"]
    (tmp_path / "sub" / "notes.txt").write_text("two")
    second = hub.add("org/moving", tmp_path)["commit"]
    third = hub.add("org/moving", keep=True, files={"new.txt": "three"}, branch="next")["commit"]
    for revision, text in (("main", b"two"), (first, b"one"), ("v1", b"one"), ("next", b"two")):
        answer = get(f"{hub.url}/org/moving/resolve/{revision}/sub/notes.txt")
        assert answer.body == text
    known = json.loads(get(f"{hub.url}/api/models/org/moving/refs").body)
    heads = {each["name"]: each["targetCommit"] for each in known["branches"]}
    assert heads == {"main": second, "next": third}


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    code = (
        "import time\nfrom tests.fixtures.hub import FakeHub\n"
        "with FakeHub() as hub:\n    print(hub.pid, flush=True)\n    time.sleep(600)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdout
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lists_filter_sort_and_go_page_by_page(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{'org' if number % 2 else 'other'}/model-{number:04}-4bit",
            "downloads": number,
            "tags": ["mlx", "4-bit"] if number % 4 == 1 else ["mlx"],
            "pipeline_tag": "text-generation",
        }
        for number in range(2500)
    ]
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text(json.dumps([*rows, "org/bare"]))

    def listed(url: str) -> tuple[list[str], str | None]:
        answer = get(url)
        link = answer.headers.get("Link")
        ids = [row["id"] for row in json.loads(answer.body)]
        return ids, link and link.partition("<")[2].partition(">")[0]

    with FakeHub(catalogue=catalogue) as hub:
        seen: list[str] = []
        page: str | None = f"{hub.url}/api/models?filter=mlx&sort=downloads&limit=1000"
        pages = 0
        while page:
            ids, page = listed(page)
            seen += ids
            pages += 1
        assert (pages, len(seen), len(set(seen))) == (3, 2500 + 1, 2500 + 1)
        assert seen[0] == "org/model-2499-4bit"
        wanted = "author=org&filter=mlx,4-bit&search=MODEL+-00"
        ids, _ = listed(f"{hub.url}/api/models?{wanted}&sort=downloads")
        assert ids == [f"org/model-{number:04}-4bit" for number in range(97, 0, -4)]
        assert listed(f"{hub.url}/api/models?pipeline_tag=image-to-text")[0] == []
        one = json.loads(get(f"{hub.url}/api/models?limit=1&sort=downloads&expand=downloads").body)
        assert one == [{"_id": one[0]["_id"], "id": "org/model-2499-4bit", "downloads": 2499}]
        assert get(f"{hub.url}/api/models?expand=nonsense").status == 400
