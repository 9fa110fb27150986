"""What a download makes of a cache in which something is already."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from mlx_manager_jupyter.adapters.hub.worker.job import Job
from mlx_manager_jupyter.adapters.hub.worker.orphans import remove_orphans
from tests.fixtures.hub import FakeHub
from tests.fixtures.hub_client import HubClient
from tests.fixtures.jobs import INDEX, MODEL, SHARDS, Download, make_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture(scope="module")
def shared_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: FakeHub, source: Path) -> FakeHub:
    shared_hub.clear()
    shared_hub.forget(MODEL)
    shared_hub.add(MODEL, source)
    shared_hub.reset()
    return shared_hub


@pytest.fixture
def download(tmp_path: Path, hub: FakeHub, source: Path) -> Iterator[Download]:
    made = Download(tmp_path, hub, source)
    yield made
    made.kill()


def test_the_cache_is_as_the_client_would_have_made_it(download: Download, tmp_path: Path) -> None:
    assert download.run().stage == "done"
    ours = download.blobs.parent
    with HubClient(download.hub.environment(tmp_path / "other")) as client:
        path = client("snapshot_download", MODEL, cache_dir=tmp_path / "theirs")
        # Without the network: all is there that the client itself wants to see.
        again = client("snapshot_download", MODEL, cache_dir=download.cache, local_files_only=True)
    assert again.endswith(path.rpartition("/")[2])
    assert _tree(ours) == _tree(tmp_path / "theirs" / ours.name)


def test_a_finished_model_is_not_fetched_again(download: Download, hub: FakeHub) -> None:
    assert download.run().stage == "done"
    hub.reset()
    state = download.run()
    assert (state.stage, state.bytes_done) == ("done", state.bytes_total)
    assert hub.sent("/resolve/") == hub.sent(origin="cdn") == 0
    assert len(hub.log()) == 1  # which commit it is


def test_what_others_fetched_is_checked_and_kept(
    download: Download, hub: FakeHub, tmp_path: Path
) -> None:
    with HubClient(hub.environment(tmp_path / "hf")) as client:
        client("snapshot_download", MODEL, cache_dir=download.cache)
    hub.reset()
    assert download.run().stage == "done"
    assert hub.sent(origin="cdn") == 0
    assert download.is_served()


def test_what_others_fetched_damaged_is_fetched_again(
    download: Download, hub: FakeHub, tmp_path: Path
) -> None:
    hub.fault("flip", path=SHARDS[0], origin="cdn", at=1000, times=1)
    with HubClient(hub.environment(tmp_path / "hf")) as client:
        client("snapshot_download", MODEL, cache_dir=download.cache)
    hub.reset()
    # Until we came, the client's bad model could be served; so it is not looked at on the way.
    download.start()
    while download.job.is_running():
        download.job.is_running()
    assert download.state().stage == "done"
    assert download.is_served()
    assert download.fetched() == (download.source / SHARDS[0]).stat().st_size


def test_a_new_commit_leaves_the_old_one_served_until_it_is_whole(
    download: Download, hub: FakeHub, tmp_path: Path
) -> None:
    first = download.run().commit
    newer = make_model(tmp_path / "newer", seed=1)
    (newer / SHARDS[1]).write_bytes((download.source / SHARDS[1]).read_bytes())
    hub.add(MODEL, newer)
    hub.reset()
    hub.fault("slow", path=SHARDS[0], origin="cdn", bytes_per_second=400_000)
    update = Download(tmp_path, hub, download.source)
    update.job = Job(tmp_path / "jobs" / "update")
    update.start()
    # All the way, and looked at closely: `until` wants the old model's very bytes.
    while update.state().stage != "running" or update.state().bytes_done < 700_000:
        update.until(update.is_served)
        assert update.job.is_running(), update.log
    assert update.is_served()
    hub.clear()
    update.source = newer
    while update.job.is_running():
        pass
    assert update.state().stage == "done", update.log
    assert update.is_served()
    assert update.state().commit != first
    # What both have is there once, and was not fetched again.
    assert hub.sent(SHARDS[1], "cdn") == 0
    old = Download(tmp_path, hub, download.source, revision=first)
    assert old.is_served()


#: Of its four connections: sent to the worker that was stopped, and never read.
IN_BUFFERS = 4 * 65_536


def test_a_job_stays_with_its_commit(download: Download, hub: FakeHub, tmp_path: Path) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=200_000)
    download.start()
    download.until(lambda: download.state().bytes_done > 100_000)
    download.job.stop()
    planned = download.state().commit
    hub.add(MODEL, make_model(tmp_path / "newer", seed=2))
    hub.clear()
    assert download.run().commit == planned
    assert download.is_served()
    assert download.fetched() <= download.weight_bytes + IN_BUFFERS


def test_a_job_whose_commit_is_gone_takes_the_new_one(
    download: Download, hub: FakeHub, tmp_path: Path
) -> None:
    hub.fault("slow", origin="cdn", bytes_per_second=200_000)
    download.start()
    download.until(lambda: download.state().bytes_done > 100_000)
    download.job.stop()
    assert download.parts()
    hub.forget(MODEL)
    download.source = make_model(tmp_path / "newer", seed=3)
    commit = hub.add(MODEL, download.source)["commit"]
    hub.clear()
    assert download.run().commit == commit
    assert download.is_served()
    assert not download.parts()  # what the old one began, too


@pytest.mark.parametrize("revision", ["v1", "refs/pr/1", None])
def test_revisions_have_their_names(download: Download, hub: FakeHub, revision: str | None) -> None:
    commit = hub.add(MODEL, download.source, branch="main", tag="v1")["commit"]
    if revision == "refs/pr/1":
        commit = hub.add(MODEL, download.source, branch="refs/pr/1", title="other")["commit"]
    download.spec = msgspec.structs.replace(download.spec, revision=revision)
    assert download.run().stage == "done", download.log
    assert download.is_served()
    ref = download.blobs.parent / "refs" / (revision or "main")
    assert ref.read_text() == commit


def test_patterns_and_all(download: Download, hub: FakeHub) -> None:
    files = {"pytorch_model.bin": {"size": 150_000}, "original/a.pth": "x", "notes.txt": "x"}
    hub.add(MODEL, keep=True, files=files)
    assert download.run().files_total == 6  # notes.txt and what the model had
    download.spec = msgspec.structs.replace(download.spec, all=True, exclude=("original/",))
    state = download.run()
    assert state.files_total == 7
    names = {each.name for each in download.blobs.parent.glob("snapshots/*/*")}
    assert "pytorch_model.bin" in names
    assert "original" not in names
    download.spec = msgspec.structs.replace(download.spec, include=("*.none",))
    failed = download.run()
    assert failed.error is not None
    assert (failed.error.code, failed.retry) == ("invalid_value", False)


def test_one_content_under_two_names_is_fetched_once(download: Download, hub: FakeHub) -> None:
    same = {"size": 300_000, "seed": 9}
    hub.add(MODEL, keep=True, files={"a/extra.safetensors": same, "b/extra.safetensors": same})
    state = download.run()
    assert (state.stage, state.bytes_done) == ("done", state.bytes_total)
    assert download.fetched() == download.weight_bytes + 300_000


def test_a_path_that_leads_out_of_the_cache_is_refused(download: Download, hub: FakeHub) -> None:
    hub.add(MODEL, keep=True, files={"../../evil.txt": "x"})
    state = download.run()
    assert state.error is not None
    assert state.error.code == "hub_failed"
    assert not list(download.cache.parent.rglob("evil.txt"))


def test_an_unfinished_file_that_somebody_removes(download: Download, hub: FakeHub) -> None:
    hub.fault("slow", path=SHARDS[0], origin="cdn", bytes_per_second=400_000)
    download.start()
    download.until(lambda: download.state().bytes_done > 100_000)
    for part in download.parts():
        part.unlink()  # as `hf cache prune` does
    state = download.end()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("download_failed", True)
    hub.clear()
    assert download.run().stage == "done"
    assert download.is_served()


def test_discard_takes_what_is_unfinished_and_no_more(download: Download, hub: FakeHub) -> None:
    hub.fault("stall", path=SHARDS[1], origin="cdn", at=1000)
    download.spec = msgspec.structs.replace(download.spec, timeout_seconds=30.0)
    download.start()
    download.until(lambda: download.state().files_done == 3)
    download.job.stop()
    assert download.parts()
    download.job.discard()
    assert not download.job.folder.exists()
    assert not download.parts()
    # The finished shard and the small files: nothing dangles, and the next job has them.
    assert len(list(download.blobs.iterdir())) == 3
    hub.clear()
    hub.reset()
    assert download.run().stage == "done"
    assert hub.sent(SHARDS[0], "cdn") == 0


def test_discard_leaves_no_empty_repo(download: Download, hub: FakeHub) -> None:
    hub.add(MODEL, keep=True, files={"README.md": None, INDEX: None})
    hub.fault("stall", origin="cdn", at=0)
    download.spec = msgspec.structs.replace(download.spec, timeout_seconds=30.0)
    download.start()
    download.until(download.parts)
    download.job.stop()
    download.job.discard()
    assert not download.blobs.parent.exists()
    download.job.discard()  # once more harms nobody


def test_discard_leaves_what_another_job_began_anew(download: Download, hub: FakeHub) -> None:
    hub.fault("stall", path=SHARDS[0], origin="cdn", at=1000)
    download.spec = msgspec.structs.replace(download.spec, timeout_seconds=30.0)
    download.start()
    download.until(download.parts)
    download.job.stop()
    other = Download(download.cache.parent, hub, download.source, exclude=("x",))
    other.job = Job(download.job.folder.with_name("two"))
    other.spec = msgspec.structs.replace(other.spec, timeout_seconds=30.0)
    other.start()
    other.until(lambda: other.state().stage == "running" and other.state().bytes_done > 1500)
    other.job.stop()
    download.job.discard()
    assert other.parts()
    hub.clear()
    hub.reset()
    assert other.run().stage == "done"
    assert other.is_served()
    assert other.fetched() < other.weight_bytes


def test_what_a_killed_client_left_is_removed_unless_one_is_at_it(
    download: Download, hub: FakeHub, tmp_path: Path
) -> None:
    hub.fault("slow", path=SHARDS[0], origin="cdn", bytes_per_second=200_000)
    call = "from huggingface_hub import snapshot_download as s; import sys; s(*sys.argv[1:])"
    argv = [sys.executable, "-c", call, MODEL]
    environment = {**download.environment, "HF_HOME": str(tmp_path / "hf")}
    with subprocess.Popen(argv, env=environment, stderr=subprocess.DEVNULL) as client:
        download.until(lambda: any(part.name.startswith(_sha(hub)) for part in download.parts()))
        remove_orphans(download.blobs.parent)
        assert any(part.name.startswith(_sha(hub)) for part in download.parts())
        client.kill()
    assert download.parts()
    hub.clear()
    assert download.run().stage == "done"
    assert not download.parts()


def _sha(hub: FakeHub) -> str:
    name: str = hub.add(MODEL)["files"][SHARDS[0]]["sha256"]
    return name


def test_xet_is_the_clients_and_checked_all_the_same(tmp_path: Path, source: Path) -> None:
    with FakeHub(repos={MODEL: source}, xet=True) as hub:
        download = Download(tmp_path, hub, source, transport="xet")
        state = download.run(60)
        assert (state.stage, state.bytes_done) == ("done", state.bytes_total), download.log
        assert download.is_served()
        assert hub.log("reconstructions")  # which plain HTTP never asks for


def test_xet_that_brings_something_else(tmp_path: Path, source: Path, hub: FakeHub) -> None:
    """Without Xet on the other side the client takes plain HTTP, which checks nothing."""
    download = Download(tmp_path, hub, source, transport="xet")
    hub.fault("flip", path=SHARDS[0], origin="cdn", at=1000, times=1)
    assert download.run().stage == "done", download.log
    assert download.is_served()
    worse = Download(tmp_path / "worse", hub, source, transport="xet")
    hub.fault("flip", path=SHARDS[1], origin="cdn", at=1000)
    state = worse.run()
    assert state.error is not None
    assert (state.error.code, state.retry) == ("checksum", False)
    assert not worse.is_served()


def _tree(repo: Path) -> dict[str, str]:
    """Everything in a repo's folder: what links lead to, what is in small files."""
    found = {}
    for path in sorted(repo.rglob("*")):
        name = path.relative_to(repo).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes().hex() if path.stat().st_size < 10_000 else "large"
    return found
