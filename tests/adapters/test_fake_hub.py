"""The Hub of the tests does what it says: what it serves, refuses and counts, over plain HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from tests.fixtures.fake_hub.content import BLOCK, Made
from tests.fixtures.fake_hub.xet import CHUNK, Xorb
from tests.fixtures.hub import MEMBER, NOBODY, ROOT, STRANGER, FakeHub
from tests.fixtures.hub_model import (
    ALL,
    CONFIG,
    CONFIG_OID,
    CONFIG_PATH,
    FILES,
    SHA256,
    SIZE,
    TINY,
    WEIGHTS,
    WEIGHTS_PATH,
)
from tests.fixtures.hub_plain import get, signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


def test_made_bytes_are_the_same_from_wherever_they_are_read() -> None:
    assert hashlib.sha256(Made(SIZE, seed=8).read(0, SIZE)).digest() != hashlib.sha256(ALL).digest()
    for start, length in ((0, 5), (31, 2), (BLOCK - 1, 2), (BLOCK, BLOCK + 40), (SIZE - 3, 99)):
        assert WEIGHTS.read(start, length) == ALL[start : start + length]
    assert ALL[:BLOCK] != ALL[BLOCK : 2 * BLOCK]


def test_a_xorb_is_the_same_from_wherever_it_is_read() -> None:
    xorb = Xorb(WEIGHTS, 100, 100 + 3 * CHUNK + 7)
    whole = xorb.read(0, xorb.size)
    assert (xorb.chunks, len(whole)) == (4, 3 * CHUNK + 7 + 4 * 8)
    for start, length in ((0, 9), (7, 3), (CHUNK + 7, 5), (xorb.size - 3, 99), (5, 2 * CHUNK)):
        assert xorb.read(start, length) == whole[start : start + length]
    assert whole[8 : 8 + CHUNK] == ALL[100 : 100 + CHUNK]
    assert whole[-15:] == b"\0\7\0\0\0\7\0\0" + ALL[100 + 3 * CHUNK :][:7]


def test_a_small_file_comes_directly_and_an_lfs_file_from_the_second_origin(hub: FakeHub) -> None:
    config = get(hub.url + CONFIG_PATH)
    assert (config.status, config.body) == (200, CONFIG.encode())
    assert config.headers["ETag"] == f'"{CONFIG_OID}"'
    head = get(hub.url + WEIGHTS_PATH, "HEAD")
    assert head.headers["X-Linked-Etag"] == f'"{SHA256}"'
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
    assert said("/api/models/org/tiny-4bit", NOBODY)[::2] == (
        401,
        "Invalid credentials in Authorization header",
    )
    assert said("/api/models/org/tiny-4bit/revision/nope")[:2] == (404, "RevisionNotFound")
    assert said("/org/tiny-4bit/resolve/main/nope.json") == (
        404,
        "EntryNotFound",
        "Entry not found",
    )
    assert get(f"{hub.url}/api/models/org/gate/tree/main").status == 200
    for refused in ("/org/gate/resolve/main/config.json", "/api/models/org/gate/auth-check"):
        assert said(refused)[:2] == (401, "GatedRepo")
        status, code, message = said(refused, STRANGER)
        assert (status, code) == (403, "GatedRepo")
        assert message
        assert "not in the authorized list" in message
        assert get(hub.url + refused, Authorization=f"Bearer {MEMBER}").status == 200


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
