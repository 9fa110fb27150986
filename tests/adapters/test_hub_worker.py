"""Every fault at every moment: it ends in a whole model or in a clear error, and goes on then."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.hub import FakeHub
from tests.fixtures.jobs import MODEL, SEGMENT, SHARDS, Download, make_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Where = dict[str, Any]

#: Where a fault meets the worker.
PLAN: Where = {"path": f"/api/models/{MODEL}", "origin": "hub", "times": 1}
TREE = {"path": "/tree/", "origin": "hub", "times": 1}
SMALL = {"path": "/README.md", "method": "GET", "times": 1}
SMALL_HEAD = {"path": "/README.md", "method": "HEAD", "times": 1}
SEAL = {"path": "/config.json", "method": "GET", "times": 1}
ADDRESS = {"path": SHARDS[0], "method": "HEAD", "times": 1}
BYTES: Where = {"path": SHARDS[0], "origin": "cdn", "times": 1}
LATER_FILE = {"path": SHARDS[1], "origin": "cdn", "times": 1}
ALWAYS: Where = {"times": None}

FIRST, MIDDLE, LAST = 0, SEGMENT // 2, SEGMENT - 1


@dataclass
class Case:
    """One fault at one moment. ``error``: the code that it ends with; without one it ends well."""

    kind: str
    where: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    retry: bool = True
    again: int = 0
    """Bytes that may be sent twice."""


def case(name: str, kind: str, where: dict[str, Any], **more: Any) -> Any:
    known = {each: more.pop(each) for each in ("error", "retry", "again") if each in more}
    return pytest.param(Case(kind, where, more, **known), id=name)


def endings() -> Iterator[Any]:
    """How a body can break off, wherever that is."""
    moments = {"first": FIRST, "middle": MIDDLE, "last": LAST}
    for kind in ("cut", "reset", "stall", "truncate"):
        for moment, at in moments.items():
            for file, where in (("", BYTES), ("-later-file", LATER_FILE)):
                if not file or moment == "middle":
                    yield case(f"{kind}-{moment}{file}", kind, where, at=at)


CASES = [
    *endings(),
    case("cut-small", "cut", SMALL, at=1),
    case("cut-seal", "cut", SEAL, at=1),
    case("reset-small", "reset", SMALL, at=1),
    case("reset-seal", "reset", SEAL, at=1),
    case("truncate-small", "truncate", SMALL, at=1),
    case("flip-small", "flip", SMALL, at=1),
    case("flip-seal", "flip", SEAL, at=1),
    case("flip-first", "flip", BYTES, at=FIRST, again=700_000),
    case("flip-middle", "flip", BYTES, at=MIDDLE, again=700_000),
    case("flip-last", "flip", BYTES, at=600_000, again=700_000),
    case("flip-later-file", "flip", LATER_FILE, at=MIDDLE, again=700_000),
    case("flip-always", "flip", BYTES | ALWAYS, at=MIDDLE, error="checksum", retry=False),
    case("flip-small-always", "flip", SMALL | ALWAYS, at=1, error="checksum", retry=False),
    case("ignored-range", "ignore_range", BYTES | {"skip": 1}, again=700_000),
    case(
        "ignored-range-always",
        "ignore_range",
        BYTES | ALWAYS,
        error="hub_unreachable",
    ),
    case("429-plan", "status", PLAN, status=429, headers={"Retry-After": "0"}),
    case("429-address", "status", ADDRESS, status=429, headers={"Retry-After": "0"}),
    case("429-bytes", "status", BYTES, status=429, headers={"Retry-After": "0"}),
    case(
        "429-long",
        "status",
        BYTES | ALWAYS,
        status=429,
        headers={"Retry-After": "300"},
        error="rate_limited",
    ),
    case("429-always", "status", BYTES | ALWAYS, status=429, error="rate_limited"),
    case("500-plan", "status", PLAN, status=500),
    case("503-tree", "status", TREE, status=503),
    case("500-small", "status", SMALL_HEAD, status=500),
    case("500-address", "status", ADDRESS, status=500),
    case("500-bytes", "status", BYTES, status=500),
    case("503-bytes", "status", BYTES, status=503, headers={"Retry-After": "0"}),
    case("500-plan-always", "status", PLAN | ALWAYS, status=500, error="hub_unreachable"),
    case("500-bytes-always", "status", BYTES | ALWAYS, status=500, error="hub_unreachable"),
    case("expired", "expired", BYTES | {"times": 2}),
    case("expired-later", "expired", LATER_FILE | {"skip": 2}),
    case("expired-always", "expired", BYTES | ALWAYS, error="hub_unreachable"),
    case("410-bytes", "status", BYTES, status=410),
    case("404-address", "status", ADDRESS | ALWAYS, status=404, error="unknown_model", retry=False),
    case("gated-address", "gated", ADDRESS | ALWAYS, error="gated", retry=False),
    case("gated-small", "gated", SMALL_HEAD | ALWAYS, error="gated", retry=False),
    case("etag-address", "etag", ADDRESS | ALWAYS, error="changed_on_hub"),
    case("etag-small", "etag", {"path": "/README.md"}, error="changed_on_hub"),
    case("etag-seal", "etag", {"path": "/config.json"}, error="changed_on_hub"),
    case("hang-plan", "hang", PLAN),
    case("hang-tree", "hang", TREE),
    case("hang-small", "hang", SMALL),
    case("hang-address", "hang", ADDRESS),
    case("hang-bytes", "hang", BYTES),
    case("hang-plan-always", "hang", PLAN | ALWAYS, error="hub_unreachable"),
    case("slow", "slow", BYTES | ALWAYS, bytes_per_second=1_000_000),
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture(scope="module")
def shared_hub(source: Path) -> Iterator[FakeHub]:
    with FakeHub(repos={MODEL: source}) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: FakeHub) -> FakeHub:
    shared_hub.clear()
    shared_hub.come_back()
    shared_hub.add(MODEL, gated=False, private=False)
    shared_hub.reset()
    return shared_hub


@pytest.fixture
def download(tmp_path: Path, hub: FakeHub, source: Path) -> Iterator[Download]:
    made = Download(tmp_path, hub, source)
    yield made
    made.kill()


@pytest.mark.parametrize("case", CASES)
def test_fault_at_a_moment(download: Download, hub: FakeHub, case: Case) -> None:
    hub.fault(case.kind, **case.where, **case.more)
    state = download.run()
    assert hub.faults()[0]["hits"], "the fault did not meet the worker"
    if case.error is None:
        assert state.stage == "done", (state, download.log)
        assert download.is_served()
        assert download.fetched() <= download.weight_bytes + case.again
    else:
        assert state.stage == "failed"
        assert state.error is not None
        assert (state.error.code, state.retry) == (case.error, case.retry), download.log
        assert state.error.message
        assert not download.is_served()
        # What is mended on the other side is mended here, with what came before.
        hub.clear()
        assert download.run().stage == "done", download.log
        assert download.is_served()
    ended = download.state()
    assert (ended.bytes_done, ended.files_done) == (ended.bytes_total, ended.files_total)
    assert not download.parts()


def test_retry_after_may_be_a_date(download: Download, hub: FakeHub) -> None:
    when = formatdate(time.time() + 200, usegmt=True)
    hub.fault("status", **BYTES | ALWAYS, status=503, headers={"Retry-After": when})
    state = download.run()
    assert state.error is not None
    assert state.error.code == "hub_unreachable"
    assert state.retry
    assert state.retry_after_seconds == pytest.approx(200, abs=10)


def test_retry_after_is_waited_for(download: Download, hub: FakeHub) -> None:
    hub.fault("status", **BYTES, status=429, headers={"Retry-After": "1"})
    assert download.run().stage == "done"
    refused, *later = [each for each in hub.log(SHARDS[0], "cdn") if each["range"]]
    same = next(each for each in later if each["range"] == refused["range"])
    assert 0.9 < same["started"] - refused["started"] < 2.5


def test_nobody_there(download: Download, hub: FakeHub) -> None:
    with hub.offline():
        state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("hub_unreachable", True)
    assert download.run().stage == "done"
    assert download.is_served()


def test_the_store_goes_away_and_comes_back(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", path=SHARDS[0], origin="cdn", bytes_per_second=400_000)
    download.spec = type(download.spec)(**{**_fields(download), "tries": 8, "pause_seconds": 0.1})
    download.start()
    download.until(lambda: download.state().bytes_done > 100_000)
    with hub.offline("cdn"):
        refused = time.monotonic() + 0.3
        download.until(lambda: time.monotonic() > refused)
    hub.clear()
    assert download.end().stage == "done", download.log
    assert download.is_served()


@pytest.mark.parametrize(
    ("about", "token", "code"),
    [
        ({"gated": "manual"}, None, "gated"),
        ({"gated": "manual"}, "hf_stranger", "gated"),
        ({"private": True}, None, "unknown_model"),
        ({"private": True}, "hf_stranger", "unknown_model"),
        ({}, "hf_nobody", "bad_token"),
    ],
)
def test_refusals_are_told_apart_before_the_first_byte(
    download: Download, hub: FakeHub, about: dict[str, Any], token: str | None, code: str
) -> None:
    hub.add(MODEL, **about)
    if token:
        download.environment["HF_TOKEN"] = token
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == (code, False), download.log
    assert state.error.hint
    assert hub.sent("/resolve/") == hub.sent(origin="cdn") == 0
    # Nothing of it is in the cache, not even a trace.
    assert not download.cache.exists() or not list(download.cache.iterdir())


def test_a_missing_model_and_a_missing_revision(download: Download) -> None:
    download.spec = type(download.spec)(**{**_fields(download), "revision": "no-such-branch"})
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("unknown_model", False)
    download.spec = type(download.spec)(**{**_fields(download), "model": "org/none"})
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("unknown_model", False)


def test_offline_asks_nobody(download: Download, hub: FakeHub) -> None:
    download.environment["HF_HUB_OFFLINE"] = "1"
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("offline", False)
    assert sum(hub.connections().values()) == 0


def test_a_repo_without_weights(download: Download, hub: FakeHub) -> None:
    hub.add("org/torch", files={"config.json": "{}", "model.bin": {"size": 200_000}})
    download.spec = type(download.spec)(**{**_fields(download), "model": "org/torch"})
    state = download.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("no_weights", False)
    assert ".bin" in (state.error.hint or "")
    assert hub.sent("/resolve/") == 0


def _fields(download: Download) -> dict[str, Any]:
    return {name: getattr(download.spec, name) for name in download.spec.__struct_fields__}
