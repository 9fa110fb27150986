"""Listing the models of a cache: what counts, how large it is, and what is looked at again."""

from __future__ import annotations

import os
import shutil
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import CachedModel, locate, scan
from tests.fixtures.cache import BigCache, Sparse, age, lay_out, write_tree
from tests.fixtures.weights import CONFIG, safetensors, sharded, whole, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = "0123456789abcdef0123456789abcdef01234567"
NEWER = "f" * 40
MODEL = "org/tiny"


def size(files: Mapping[str, bytes | Sparse]) -> int:
    return sum(each.size if isinstance(each, Sparse) else len(each) for each in files.values())


def only(cache: Path) -> CachedModel:
    found = scan(cache)
    assert list(found) == [MODEL]
    return found[MODEL]


def blob(snapshot: Path, name: str) -> Path:
    return (snapshot / name).resolve()


# --- a whole model --------------------------------------------------------------------------------


def test_a_whole_model(tmp_path: Path) -> None:
    files = whole(**{"tokenizer.json": b"{}", "modules.json": b"[]"})
    snapshot = lay_out(tmp_path, MODEL, files, tree=files)
    for name, used in (("config.json", 9_000_000), ("model.safetensors", 2_000_000)):
        os.utime(blob(snapshot, name), (used, 1_000_000))
    model = only(tmp_path)
    assert (model.complete, model.reason) == (True, None)
    assert model.path == snapshot == locate(MODEL, cache=tmp_path).path
    assert (model.revision, model.revisions) == (MAIN, (MAIN,))
    assert model.size_bytes == size(files)
    assert model.weights_bytes == len(safetensors())
    assert model.partial_bytes == 0
    assert model.config == CONFIG
    assert model.has_modules
    assert model.used_at == datetime.fromtimestamp(2_000_000, UTC)
    assert model.updated_at is not None
    assert model.updated_at > datetime.fromtimestamp(1_000_000, UTC)


def test_without_access_times_the_last_change_counts(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    os.utime(blob(snapshot, "model.safetensors"), (5, 3_000_000))  # as mounted with noatime
    assert only(tmp_path).used_at == datetime.fromtimestamp(3_000_000, UTC)


@pytest.mark.parametrize(
    ("folder", "model"),
    [
        ("models--org--tiny", "org/tiny"),
        ("models--tiny", "tiny"),
        ("models--org--a--b", "org/a--b"),
        ("models--org--Qwen--3--4bit", "org/Qwen--3--4bit"),
    ],
)
def test_the_organization_ends_at_the_first_dashes(tmp_path: Path, folder: str, model: str) -> None:
    lay_out(tmp_path, model, whole())
    assert (tmp_path / folder).is_dir()
    assert list(scan(tmp_path)) == [model]
    assert locate(model, cache=tmp_path).model == model


def test_what_is_no_model_of_mlx_is_left_out(tmp_path: Path) -> None:
    gguf = {"config.json": b"{}", "q4.gguf": b"GGUF"}
    lay_out(tmp_path, "org/gguf", gguf)
    lay_out(tmp_path, "org/torch", {"config.json": b"{}", "pytorch_model.bin": b"PK"})
    lay_out(tmp_path, "org/tokenizer", {"tokenizer.json": b"{}"})
    lay_out(tmp_path, "org/promised", {"config.json": b"{}"}, tree=gguf)
    part = tmp_path / "models--org--promised" / "blobs" / "aa.bb.incomplete"
    part.write_bytes(b"GG")
    for name in ("datasets--org--tiny", "spaces--org--tiny", "blobs", ".locks", "models--", "org"):
        shutil.copytree(tmp_path / "models--org--torch", tmp_path / name, symlinks=True)
        write(tmp_path / name / "snapshots" / MAIN, {"model.safetensors": safetensors()})
    write(tmp_path, {"CACHEDIR.TAG": b"", "models--org--file": b""})
    (tmp_path / "models--org--loop").symlink_to("models--org--loop")
    assert scan(tmp_path) == {}


def test_models_in_other_shapes_are_listed(tmp_path: Path) -> None:
    lay_out(tmp_path, "org/whisper", {"config.json": b"{}", "weights.npz": b"PK\5\6" + bytes(18)})
    lay_out(tmp_path, "org/adapter", {"adapters.safetensors": safetensors()})
    lay_out(tmp_path, "org/diffusion", {"unet/model.safetensors": safetensors()})
    lay_out(tmp_path, "org/begun", {"config.json": b"{}"})
    found = scan(tmp_path)
    assert {name: model.complete for name, model in found.items()} == {
        "org/whisper": True,
        "org/adapter": False,
        "org/diffusion": False,
        "org/begun": False,
    }
    assert found["org/diffusion"].reason == "It lacks config.json, *.safetensors."
    assert locate("org/whisper", cache=tmp_path).size_bytes == 22


# --- what is not finished -------------------------------------------------------------------------


def test_parts_count_with_what_is_on_the_disk(tmp_path: Path) -> None:
    blobs = lay_out(tmp_path, MODEL, {"config.json": b"{}"}).parents[1] / "blobs"
    for name in ("c0ffee.resume.incomplete", "c0ffee.0123abcd.incomplete"):
        with (blobs / name).open("wb") as part:
            part.write(b"x" * 100_000)
            part.truncate(10_000_000_000)
    model = only(tmp_path)
    assert 200_000 <= model.partial_bytes < 1_000_000
    assert model.size_bytes == 2
    assert not model.complete


def test_a_repo_of_which_nothing_but_parts_is_there(tmp_path: Path) -> None:
    repo = tmp_path / "models--org--tiny"
    write(repo / "blobs", {"aa.resume.incomplete": b"x" * 5})
    model = only(tmp_path)
    assert (model.complete, model.revision, model.revisions) == (False, None, ())
    assert (model.size_bytes, model.path, model.config) == (0, repo, None)
    assert model.reason


# --- revisions ------------------------------------------------------------------------------------


def test_each_blob_counts_once_over_all_revisions(tmp_path: Path) -> None:
    lay_out(tmp_path, MODEL, whole(), commit=MAIN)
    changed = whole(**{"config.json": b'{"b": 1}'})
    snapshot = lay_out(tmp_path, MODEL, changed, commit=NEWER)
    model = only(tmp_path)
    assert model.size_bytes == size(whole()) + len(b'{"b": 1}')
    assert (model.revision, model.revisions) == (NEWER, (MAIN, NEWER))
    assert model.path == snapshot
    assert model.config == {"b": 1}


@pytest.mark.parametrize("main", [None, "e" * 40, ""])
def test_without_main_the_newest_snapshot_is_meant(tmp_path: Path, main: str | None) -> None:
    for number, commit in enumerate(("a" * 40, "c" * 40, "b" * 40)):
        snapshot = lay_out(tmp_path, MODEL, whole(), commit=commit, refs=())
        os.utime(snapshot, (0, 1_000_000 + number))
    if main is not None:
        (tmp_path / "models--org--tiny" / "refs" / "main").write_text(main)
    assert only(tmp_path).revision == "b" * 40
    assert locate(MODEL, cache=tmp_path).revision == "b" * 40


# --- where files are ------------------------------------------------------------------------------


def test_payloads_in_the_shared_store_count(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    store = tmp_path / "blobs" / "ab"
    store.mkdir(parents=True)
    weights = blob(snapshot, "model.safetensors")
    os.utime(weights, (4_000_000, 1_000_000))
    weights.rename(store / "abcd")
    weights.symlink_to("../../blobs/ab/abcd")
    model = only(tmp_path)
    assert model.complete
    assert model.size_bytes == size(whole())
    assert model.used_at == datetime.fromtimestamp(4_000_000, UTC)
    age(tmp_path)
    known = scan(tmp_path)
    (store / "abcd").unlink()
    assert scan(tmp_path, (), known)[MODEL].reason == "It lacks model.safetensors."


def test_a_cache_without_links_has_the_files_in_the_snapshot(tmp_path: Path) -> None:
    files = whole(**{"README.md": b"# Tiny"})
    snapshot = tmp_path / "models--org--tiny" / "snapshots" / MAIN
    write(snapshot, files)
    write(snapshot / "sub", {"more.json": b"{}"})
    os.link(snapshot / "model.safetensors", snapshot / "same.safetensors")
    model = only(tmp_path)
    assert model.complete
    assert model.size_bytes == size(files) + 2
    age(tmp_path)
    known = scan(tmp_path)
    write(snapshot / "sub", {"another.json": b"[1]"})
    assert scan(tmp_path, (), known)[MODEL].size_bytes == size(files) + 5


def test_links_on_the_way_are_followed(tmp_path: Path) -> None:
    real = tmp_path / "disk"
    lay_out(real, MODEL, whole())
    lay_out(real, "org/other", whole())
    (tmp_path / "cache").symlink_to(real)
    assert set(scan(tmp_path / "cache")) == {MODEL, "org/other"}
    (real / "models--org--tiny").rename(tmp_path / "moved")
    (real / "models--org--tiny").symlink_to(tmp_path / "moved")
    found = scan(tmp_path / "cache")
    assert found[MODEL].complete
    assert locate(MODEL, cache=tmp_path / "cache").path == found[MODEL].path


def test_a_cache_that_is_none(tmp_path: Path) -> None:
    write(tmp_path, {"file": b""})
    (tmp_path / "loop").symlink_to("loop")
    for name in ("none", "file", "loop"):
        assert scan(tmp_path / name) == {}


@pytest.mark.parametrize("name", ["blobs", "refs", "refs/main", "trees", "snapshots", "config"])
@pytest.mark.parametrize("kind", ["loop", "file", "folder"])
def test_nothing_in_a_repo_ends_the_scan(tmp_path: Path, name: str, kind: str) -> None:
    lay_out(tmp_path, "org/good", whole())
    snapshot = lay_out(tmp_path, MODEL, whole(), tree=whole())
    bad = snapshot / "config.json" if name == "config" else snapshot.parents[1] / name
    if bad.is_dir() and not bad.is_symlink():
        shutil.rmtree(bad)
    else:
        bad.unlink()
    if kind == "loop":
        bad.symlink_to(bad.name)  # what no rights to read are for everybody but root
    elif kind == "file":
        bad.write_bytes(b"\xff\0")
    else:
        bad.mkdir()
    found = scan(tmp_path)
    assert found["org/good"].complete
    if name in {"blobs", "config"}:
        assert not found[MODEL].complete
    elif name != "snapshots":
        assert found[MODEL].complete


def test_repos_that_come_and_go_during_a_scan(tmp_path: Path) -> None:
    lay_out(tmp_path, "org/good", whole())
    done = threading.Event()

    def disturb() -> None:
        for _ in range(40):
            for number in range(8):
                lay_out(tmp_path, f"org/passing-{number}", sharded(1, 2, 3))
            for number in range(8):
                shutil.rmtree(tmp_path / f"models--org--passing-{number}")
        done.set()

    thread = threading.Thread(target=disturb)
    thread.start()
    scans, known = 0, scan(tmp_path)
    while not done.is_set() or scans == 0:
        known = scan(tmp_path, (), known)
        assert known["org/good"].complete
        scans += 1
    thread.join()
    assert set(scan(tmp_path, (), known)) == {"org/good"}


# --- what is looked at again ----------------------------------------------------------------------


def test_what_did_not_change_is_the_same_object(tmp_path: Path) -> None:
    lay_out(tmp_path, MODEL, whole(), tree=whole())
    age(tmp_path)
    known = scan(tmp_path)
    assert scan(tmp_path, (), known)[MODEL] is known[MODEL]
    assert scan(tmp_path)[MODEL] == known[MODEL]


def test_what_just_changed_is_looked_at_again(tmp_path: Path) -> None:
    """Two changes within one tick of the file system's clock leave the same times."""
    lay_out(tmp_path, MODEL, whole())
    known = scan(tmp_path)
    again = scan(tmp_path, (), known)
    assert again[MODEL] is not known[MODEL]
    assert again == known


def test_every_change_is_seen(tmp_path: Path) -> None:
    repo = tmp_path / "models--org--tiny"

    def add_part() -> None:
        write(repo / "blobs", {"aa.resume.incomplete": b"x" * 10})

    def finish_part() -> None:
        (repo / "blobs" / "aa.resume.incomplete").rename(repo / "blobs" / "aa")

    def add_revision() -> None:
        lay_out(tmp_path, MODEL, whole(), commit=NEWER, refs=())

    def move_main() -> None:
        (repo / "refs" / "main").write_text(NEWER)  # in place, as huggingface_hub does it

    def add_file() -> None:
        (repo / "snapshots" / NEWER / "modules.json").symlink_to("../../blobs/aa")

    def write_list() -> None:
        write_tree(repo, NEWER, {"tokenizer.json": {"size": 1, "blob_id": "0" * 40}})

    def forget_main() -> None:
        (repo / "refs" / "main").unlink()

    lay_out(tmp_path, MODEL, whole())
    changes = (add_part, finish_part, add_revision, move_main, add_file, write_list, forget_main)
    for change in changes:
        age(tmp_path)
        known = scan(tmp_path)
        change()
        found = scan(tmp_path, (), known)
        assert found[MODEL] != known[MODEL], change.__name__
        assert found == scan(tmp_path), change.__name__
    known = scan(tmp_path)
    shutil.rmtree(repo)
    assert scan(tmp_path, (), known) == {}


def test_reading_weights_is_seen_without_another_look(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    age(tmp_path)
    known = scan(tmp_path)
    weights = blob(snapshot, "model.safetensors")
    os.utime(weights, (time.time(), weights.stat().st_mtime))
    model = scan(tmp_path, (), known)[MODEL]
    before = known[MODEL].used_at
    assert before is not None
    assert model.used_at is not None
    assert model.used_at > before
    assert model.config is known[MODEL].config


def test_a_scan_reads_no_weights(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    age(tmp_path, 10 * 86400)  # by default a file system notes one reading a day
    weights = blob(snapshot, "model.safetensors")
    before = weights.stat().st_atime_ns
    scan(tmp_path)
    assert weights.stat().st_atime_ns == before


def test_what_is_known_of_another_cache_is_not_believed(tmp_path: Path) -> None:
    lay_out(tmp_path / "one", MODEL, whole())
    lay_out(tmp_path / "two", MODEL, whole(**{"README.md": b"# Two"}))
    age(tmp_path)
    known = scan(tmp_path / "one")
    assert scan(tmp_path / "two", (), known)[MODEL].size_bytes == size(whole()) + 5


def test_a_hundred_repos_of_gigabytes(tmp_path: Path) -> None:
    big = BigCache(tmp_path, repos=100).make()
    age(tmp_path)
    found = scan(tmp_path)
    assert len(found) == 100
    assert all(model.complete for model in found.values())
    assert sum(model.size_bytes for model in found.values()) == big.size_bytes
    again = scan(tmp_path, (), found)
    assert all(again[name] is model for name, model in found.items())
