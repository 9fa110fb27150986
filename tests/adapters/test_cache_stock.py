"""Caches as the genuine huggingface_hub makes them, beside what it says of them itself."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from huggingface_hub import scan_cache_dir

from mlx_manager_jupyter.adapters.cache import locate, partials, remove_partials, scan, verify
from mlx_manager_jupyter.errors import NoWeights
from tests.fixtures.hub import FakeHub
from tests.fixtures.hub_client import HubClient
from tests.fixtures.weights import safetensors, sharded, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODEL = "org/model"
SHARDS = [name for name in sharded(1, 2, 3) if "-of-" in name]
#: What mlx_lm fetches.
ALLOWED = ["*.json", "model*.safetensors", "*.py", "tokenizer.model", "*.txt", "*.jinja"]


def until(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    files = sharded(1, 2, 3)
    files |= {name: safetensors(number, 60_000) for number, name in enumerate(SHARDS, 2)}
    files |= {"tokenizer.json": b"{}", "README.md": b"# A model", "pytorch_model.bin": b"PK" * 9}
    with FakeHub(xet=True) as hub:
        hub.add(MODEL, write(tmp_path_factory.mktemp("model"), files), tag="v1")
        hub.add(MODEL, files={"generation_config.json": "{}"}, keep=True)
        yield hub


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def same(cache: Path) -> None:
    """Ours and theirs agree on what there is, and how large."""
    ours, theirs = scan(cache), scan_cache_dir(cache)
    assert theirs.warnings == []
    assert {name: model.size_bytes for name, model in ours.items()} == {
        repo.repo_id: repo.size_on_disk for repo in theirs.repos
    }
    assert {name: set(model.revisions) for name, model in ours.items()} == {
        repo.repo_id: {each.commit_hash for each in repo.revisions} for repo in theirs.repos
    }


def test_a_download_and_one_of_an_older_commit(hub: FakeHub, cache: Path) -> None:
    with HubClient(hub.environment(cache.parent)) as client:
        path = client("snapshot_download", MODEL)
        older = client("model_info", MODEL, revision="v1")["sha"]
        client("snapshot_download", MODEL, revision=older)
    same(cache)
    model = scan(cache)[MODEL]
    assert (model.complete, str(model.path)) == (True, path)
    assert set(model.revisions) == {older, model.revision}
    for revision, commit in ((None, model.revision), (older, older)):
        assert locate(MODEL, revision, cache=cache).revision == commit
        found = verify(cache, MODEL, revision)
        assert found.ok
        assert found.unverifiable == ()


def test_what_mlx_lm_fetches_is_complete(hub: FakeHub, cache: Path) -> None:
    with HubClient(hub.environment(cache.parent)) as client:
        client("snapshot_download", MODEL, allow_patterns=ALLOWED)
    same(cache)
    assert scan(cache)[MODEL].reason is None
    assert locate(MODEL, cache=cache).path == scan(cache)[MODEL].path
    assert verify(cache, MODEL).ok


@pytest.mark.parametrize(
    ("patterns", "lacking"),
    [
        (["*.json"], SHARDS[0]),
        (["*.json", SHARDS[0], SHARDS[2]], SHARDS[1]),
        (["config.json", "model*"], "tokenizer.json"),
        (["tokenizer*", "model*"], "config.json"),
    ],
)
def test_what_was_not_fetched_whole_is_not_complete(
    hub: FakeHub, cache: Path, patterns: list[str], lacking: str
) -> None:
    with HubClient(hub.environment(cache.parent)) as client:
        client("snapshot_download", MODEL, allow_patterns=patterns)
    same(cache)
    assert f"It lacks {lacking}" in (scan(cache)[MODEL].reason or "")
    with pytest.raises(NoWeights, match=lacking):
        locate(MODEL, cache=cache)
    found = verify(cache, MODEL)
    assert lacking in found.missing
    assert found.damaged == ()


def test_a_dry_run_leaves_no_model(hub: FakeHub, cache: Path) -> None:
    with HubClient(hub.environment(cache.parent)) as client:
        client("snapshot_download", MODEL, dry_run=True)
    assert scan_cache_dir(cache).warnings
    assert scan(cache) == {}
    (left,) = partials(cache)
    assert left.path == cache / "models--org--model"


def test_payloads_that_xet_puts_into_the_shared_store(hub: FakeHub, cache: Path) -> None:
    with HubClient(hub.environment(cache.parent, xet=True)) as client:
        # One at a time: of several threads that found the store, its client lets only one use it.
        client("snapshot_download", MODEL, max_workers=1)
    model = scan(cache)[MODEL]
    assert (model.path / SHARDS[0]).readlink().parts[:3] == ("..", "..", "blobs")
    assert (model.path / SHARDS[0]).resolve().is_relative_to(cache.resolve() / "blobs")
    same(cache)
    assert model.complete
    found = verify(cache, MODEL)
    assert found.ok
    assert found.unverifiable == ()
    assert partials(cache) == []


def test_a_cache_without_links(hub: FakeHub, cache: Path) -> None:
    environment = {**hub.environment(cache.parent), "HF_HUB_DISABLE_SYMLINKS": "1"}
    with HubClient(environment) as client:
        # One at a time: of two files with one content its client would move one away twice.
        client("snapshot_download", MODEL, max_workers=1)
    model = scan(cache)[MODEL]
    assert not (model.path / SHARDS[0]).is_symlink()
    same(cache)
    assert model.complete
    assert locate(MODEL, cache=cache).path == model.path
    found = verify(cache, MODEL)
    assert found.ok
    assert found.unverifiable == ()  # the list of the commit's files says what they should be
    assert partials(cache) == []


def test_parts_of_a_download_that_runs_and_of_one_that_died(hub: FakeHub, cache: Path) -> None:
    hub.reset()
    fault = hub.fault("stall", SHARDS[1], origin="cdn", at=1000)
    blobs = cache / "models--org--model" / "blobs"

    def download(client: HubClient) -> None:
        with suppress(Exception):  # it is killed
            client("snapshot_download", MODEL, max_workers=1)

    environment = {**hub.environment(cache.parent), "HF_HUB_DOWNLOAD_TIMEOUT": "60"}
    with HubClient(environment) as client:
        thread = threading.Thread(target=download, args=[client])
        thread.start()
        until(lambda: hub.log(SHARDS[1], "cdn") and any(blobs.glob("*.incomplete")))
        assert not scan(cache)[MODEL].complete
        assert [each.in_use for each in partials(cache)] == [True]
        assert remove_partials(cache).models == ()
        assert len(list(blobs.glob("*.incomplete"))) == 1
    thread.join()
    hub.clear(fault)
    assert [each.in_use for each in partials(cache)] == [False]
    assert remove_partials(cache).models == (MODEL,)
    assert scan(cache)[MODEL].partial_bytes == 0
    with HubClient(hub.environment(cache.parent)) as client:
        client("snapshot_download", MODEL)
    assert scan(cache)[MODEL].complete
    assert verify(cache, MODEL).ok
