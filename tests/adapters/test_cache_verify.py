"""Reading all files of a model again, offline."""

from __future__ import annotations

import os
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import verify
from mlx_manager_jupyter.errors import InvalidValue, NoWeights, UnknownModel
from tests.fixtures.cache import lay_out, write_tree
from tests.fixtures.weights import INDEX, safetensors, sharded, whole, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = "0123456789abcdef0123456789abcdef01234567"
MODEL = "org/tiny"
FILES = {**sharded(1, 2, 3), "tokenizer.json": b'{"a": 1}', "sub/more.txt": b"more"}
SHARD = "model-00002-of-00003.safetensors"


def flip(path: Path, at: int = -1) -> None:
    """Spoil one byte, and leave no other trace."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def size(files: Mapping[str, bytes]) -> int:
    return sum(map(len, files.values()))


def test_a_sound_model(tmp_path: Path) -> None:
    unlike = {name: data for name, data in FILES.items() if name != SHARD}
    unlike[SHARD] = safetensors(3)
    lay_out(tmp_path, MODEL, unlike)
    found = verify(tmp_path, MODEL)
    assert found.ok
    assert (found.model, found.revision) == (MODEL, MAIN)
    assert found.files == len(FILES)
    # Two shards are the same, and read once.
    assert found.bytes == size(unlike) - len(safetensors())
    assert (found.unverifiable, found.damaged, found.missing) == ((), (), ())


@pytest.mark.parametrize("name", ["config.json", INDEX, "tokenizer.json", SHARD, "sub/more.txt"])
@pytest.mark.parametrize("at", [0, -1])
def test_one_flipped_byte_is_found(tmp_path: Path, name: str, at: int) -> None:
    snapshot = lay_out(tmp_path, MODEL, {**FILES, SHARD: safetensors(3)})
    flip(snapshot / name, at)
    found = verify(tmp_path, MODEL)
    assert not found.ok
    assert found.damaged == (name,)


def test_a_flipped_byte_of_two_files_is_found_in_both(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, FILES)
    flip(snapshot / SHARD)
    assert len(verify(tmp_path, MODEL).damaged) == 3  # all shards are one blob


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    there = {name: data for name, data in FILES.items() if name != SHARD}
    snapshot = lay_out(tmp_path, MODEL, there, tree=FILES)
    (snapshot / "tokenizer.json").resolve().unlink()
    (snapshot / "config.json").unlink()
    found = verify(tmp_path, MODEL)
    assert not found.ok
    assert found.missing == ("config.json", SHARD, "tokenizer.json")
    assert found.damaged == ()


def test_an_index_that_names_nothing_is_damaged_though_it_came_so(tmp_path: Path) -> None:
    lay_out(tmp_path, MODEL, whole(**{INDEX: b"{}"}))
    assert verify(tmp_path, MODEL).damaged == (INDEX,)


def test_the_list_of_the_commit_wins_over_the_name_of_the_blob(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    lay_out(tmp_path / "other", MODEL, whole(**{"model.safetensors": safetensors(9)}))
    other = (tmp_path / "other").rglob("snapshots/*/model.safetensors")
    right = next(other).readlink().name
    files = {"model.safetensors": {"size": 1, "blob_id": "0" * 40, "lfs_sha256": right}}
    assert verify(tmp_path, MODEL).ok
    write_tree(snapshot.parents[1], MAIN, files)
    assert verify(tmp_path, MODEL).damaged == ("model.safetensors",)


def test_a_cache_without_links_is_verified_by_the_list(tmp_path: Path) -> None:
    laid = lay_out(tmp_path / "linked", MODEL, FILES, tree=FILES)
    snapshot = tmp_path / "hub" / "models--org--tiny" / "snapshots" / MAIN
    for name, data in FILES.items():
        write((snapshot / name).parent, {(snapshot / name).name: data})
    write(snapshot, {"extra.txt": b"not of the commit"})
    trees = snapshot.parents[1] / "trees"
    (laid.parents[1] / "trees").rename(trees)
    assert verify(tmp_path / "hub", MODEL).unverifiable == ("extra.txt",)
    flip(snapshot / SHARD)
    assert verify(tmp_path / "hub", MODEL).damaged == (SHARD,)
    (trees / f"{MAIN}.json").unlink()
    found = verify(tmp_path / "hub", MODEL)
    assert found.ok  # the header is right, and nobody knows the rest
    assert set(found.unverifiable) == {*FILES, "extra.txt"}


def test_a_payload_in_the_shared_store_is_read(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    weights = (snapshot / "model.safetensors").resolve()
    payload = tmp_path / "blobs" / "ab" / "abcd"
    payload.parent.mkdir(parents=True)
    weights.rename(payload)
    weights.symlink_to("../../blobs/ab/abcd")
    assert verify(tmp_path, MODEL).ok
    assert verify(tmp_path, MODEL).unverifiable == ()
    flip(payload)
    assert verify(tmp_path, MODEL).damaged == ("model.safetensors",)


def test_a_link_out_of_the_cache_is_told_and_not_read(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    snapshot = lay_out(hub, MODEL, {**whole(), "notes.txt": b"x"})
    weights = (snapshot / "model.safetensors").resolve()
    outside = weights.rename(tmp_path / "elsewhere")
    weights.symlink_to(outside)
    (snapshot / "notes.txt").unlink()
    (snapshot / "notes.txt").symlink_to("/etc/hostname")
    found = verify(hub, MODEL)
    assert found.unverifiable == (
        f"model.safetensors -> {outside}",
        "notes.txt -> /etc/hostname",
    )
    assert found.bytes == len(whole()["config.json"])


def test_a_repo_on_another_disk_is_no_way_out(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path / "hub", MODEL, whole())
    repo = snapshot.parents[1]
    repo.rename(tmp_path / "disk")
    repo.symlink_to(tmp_path / "disk")
    (tmp_path / "link").symlink_to("hub")
    found = verify(tmp_path / "link", MODEL)
    assert found.ok
    assert found.unverifiable == ()


def test_one_revision_of_several(tmp_path: Path) -> None:
    other = "f" * 40
    lay_out(tmp_path, MODEL, whole())
    snapshot = lay_out(tmp_path, MODEL, whole(**{"config.json": b"{}"}), commit=other, refs=("v2",))
    flip(snapshot / "config.json")
    assert verify(tmp_path, MODEL).ok
    found = verify(tmp_path, MODEL, "v2")
    assert (found.revision, found.damaged) == (other, ("config.json",))


def test_a_folder_has_no_checksums_but_headers(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", sharded(1, 2, 3))
    found = verify(tmp_path / "none", str(folder))
    assert (found.ok, found.model, found.revision) == (True, str(folder), None)
    assert (found.files, found.bytes) == (5, 0)
    assert found.unverifiable == tuple(sorted(sharded(1, 2, 3)))
    (folder / SHARD).write_bytes(safetensors()[:-1])
    (folder / "config.json").write_bytes(b"[]")
    (folder / "model-00003-of-00003.safetensors").unlink()
    found = verify(tmp_path / "none", str(folder))
    assert not found.ok
    assert found.damaged == ("config.json", SHARD)
    assert found.missing == ("model-00003-of-00003.safetensors",)
    with pytest.raises(InvalidValue, match="no revision"):
        verify(tmp_path, str(folder), "main")


def test_what_is_not_there(tmp_path: Path) -> None:
    lay_out(tmp_path, MODEL, whole())
    (tmp_path / "models--org--tiny" / "refs" / "dev").write_text("e" * 40)
    with pytest.raises(UnknownModel):
        verify(tmp_path, "org/none")
    with pytest.raises(UnknownModel):
        verify(tmp_path, MODEL, "v9")
    with pytest.raises(NoWeights):
        verify(tmp_path, MODEL, "dev")


def test_progress_and_cancelling(tmp_path: Path) -> None:
    weights = safetensors(1, 4 << 20)
    lay_out(tmp_path, MODEL, whole(**{"model.safetensors": weights}))
    told: list[tuple[int, int]] = []
    found = verify(tmp_path, MODEL, on_progress=lambda done, total: told.append((done, total)))
    assert found.ok
    assert [total for _, total in told] == [found.bytes] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == found.bytes
    assert len(told) >= 4
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) == 2

    with pytest.raises(CancelledError):
        verify(tmp_path, MODEL, cancelled=cancelled)
    assert len(asked) == 2
