"""What downloads left behind: found, kept while it is of use, removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from mlx_manager_jupyter.adapters.cache import partials, remove_partials, scan
from tests.fixtures.cache import age, lay_out
from tests.fixtures.weights import whole, write

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "org/tiny"
FOLDER = "models--org--tiny"
OURS, STOCK = "c0ffee.resume.incomplete", "c0ffee.0123abcd.incomplete"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A whole model and two unfinished files beside it."""
    snapshot = lay_out(tmp_path, MODEL, whole())
    blobs = snapshot.parents[1] / "blobs"
    for name in (OURS, STOCK):
        with (blobs / name).open("wb") as part:
            part.write(b"x" * 100_000)
            part.truncate(10_000_000_000)
    return snapshot.parents[1]


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_unfinished_files(repo: Path, tmp_path: Path) -> None:
    found = partials(tmp_path)
    assert [each.path for each in found] == [repo / "blobs" / STOCK, repo / "blobs" / OURS]
    for each in found:
        assert each.model == MODEL
        assert 100_000 <= each.size_bytes < 1_000_000
        assert abs(each.modified_at.timestamp() - time.time()) < 60
        assert not each.in_use
    before = listing(repo)
    pruned = remove_partials(tmp_path)
    assert pruned.models == (MODEL,)
    assert pruned.freed_bytes == sum(each.size_bytes for each in found)
    assert listing(repo) == before - {f"blobs/{OURS}", f"blobs/{STOCK}"}
    assert scan(tmp_path)[MODEL].complete
    assert partials(tmp_path) == []
    assert remove_partials(tmp_path).models == ()


def test_a_model_to_keep(repo: Path, tmp_path: Path) -> None:
    assert all(each.in_use for each in partials(tmp_path, {MODEL}))
    assert remove_partials(tmp_path, {MODEL}).freed_bytes == 0
    assert len(partials(tmp_path)) == 2
    part = str(repo / "blobs" / OURS)
    assert [each.in_use for each in partials(tmp_path, [part])] == [False, True]
    assert remove_partials(tmp_path, [part]).models == (MODEL,)
    assert [each.path.name for each in partials(tmp_path)] == [OURS]


@pytest.mark.parametrize("lock", ["mlx-manager.lock", "c0ffee.lock"])
def test_what_a_download_works_with_stays(repo: Path, tmp_path: Path, lock: str) -> None:
    before = listing(repo)
    path = tmp_path / ".locks" / FOLDER / lock
    path.parent.mkdir(parents=True)
    with FileLock(path):
        assert [each.in_use for each in partials(tmp_path)] == [True, True]
        assert remove_partials(tmp_path) == remove_partials(tmp_path, {MODEL})
        assert listing(repo) == before
    assert [each.in_use for each in partials(tmp_path)] == [False, False]
    assert remove_partials(tmp_path).models == (MODEL,)


def test_a_link_into_nothing(repo: Path, tmp_path: Path) -> None:
    for part in (OURS, STOCK):
        (repo / "blobs" / part).unlink()
    link = next(repo.rglob("snapshots/*/model.safetensors"))
    link.resolve().unlink()
    (found,) = partials(tmp_path)
    assert (found.path, found.size_bytes) == (link, 0)
    assert remove_partials(tmp_path).models == (MODEL,)
    assert not link.is_symlink()
    assert scan(tmp_path)[MODEL].reason == "It lacks *.safetensors."


def test_links_to_a_disk_that_is_not_plugged_in_stay(repo: Path, tmp_path: Path) -> None:
    blobs = (repo / "blobs").rename(tmp_path / "elsewhere")
    before = listing(repo)
    assert partials(tmp_path) == []  # no blobs at all: or are they?
    (repo / "blobs").symlink_to(blobs)
    assert partials(tmp_path) == []
    blobs.rename(tmp_path / "unplugged")
    assert partials(tmp_path) == []
    assert remove_partials(tmp_path).models == ()
    assert listing(repo) == before | {"blobs"}


def test_a_payload_that_the_shared_store_lost_is_not_ours_to_judge(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    weights = (snapshot / "model.safetensors").resolve()
    weights.unlink()
    weights.symlink_to("../../blobs/ab/abcd")
    assert partials(tmp_path) == []


def test_a_repo_of_which_there_is_no_file(tmp_path: Path) -> None:
    repo = tmp_path / FOLDER
    write(repo / "refs", {"main": b"0" * 40})  # as a dry run leaves it
    write(repo / "trees", {f"{'0' * 40}.json": b"{}"})
    (repo / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (found,) = partials(tmp_path)
    assert (found.path, found.in_use) == (repo, True)  # a download may just begin
    assert remove_partials(tmp_path).models == ()
    age(repo)
    (found,) = partials(tmp_path)
    assert (found.path, found.size_bytes, found.in_use) == (repo, 0, False)
    assert remove_partials(tmp_path).models == (MODEL,)
    assert not repo.exists()


def test_a_repo_of_which_only_parts_are_there_goes_with_them(tmp_path: Path) -> None:
    write(tmp_path / FOLDER / "blobs", {OURS: b"x" * 100})
    write(tmp_path / FOLDER / "refs", {"main": b"0" * 40})
    assert remove_partials(tmp_path).models == (MODEL,)
    assert not (tmp_path / FOLDER).exists()


def test_what_is_behind_a_link_is_not_the_cache_s(repo: Path, tmp_path: Path) -> None:
    moved = repo.rename(tmp_path / "moved")
    repo.symlink_to(moved)
    before = listing(moved)
    assert partials(tmp_path) == []
    assert remove_partials(tmp_path).models == ()
    assert listing(moved) == before


def test_what_is_no_model_s_is_left_alone(tmp_path: Path) -> None:
    for name in ("datasets--org--tiny", "blobs", "other"):
        write(tmp_path / name / "blobs", {OURS: b"x"})
    (tmp_path / "models--org--loop").mkdir()
    (tmp_path / "models--org--loop" / "blobs").symlink_to("blobs")
    assert partials(tmp_path) == []
    assert remove_partials(tmp_path).models == ()
    assert partials(tmp_path / "none") == []
    assert remove_partials(tmp_path / "none").models == ()
