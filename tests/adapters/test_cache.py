"""Finding a model and checking its files, on caches and weights made by hand."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.adapters.cache.lookup import hub_cache
from mlx_manager_jupyter.adapters.cache.weights import checked_size, json_object
from mlx_manager_jupyter.errors import (
    CorruptWeights,
    InvalidValue,
    ModelUnusable,
    NoWeights,
    UnknownModel,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIG = {"model_type": "llama", "hidden_size": 8}
MAIN = "0123456789abcdef0123456789abcdef01234567"
OLD = "0123ffffffffffffffffffffffffffffffffffff"
INDEX = "model.safetensors.index.json"


def safetensors(tensors: int = 2, bytes_each: int = 16) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    for number in range(tensors):
        start = number * bytes_each
        offsets = [start, start + bytes_each]
        shape = [bytes_each // 4]
        header[f"t{number}"] = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(tensors * bytes_each)


def with_header(header: bytes, rest: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + rest


def whole(**changes: bytes | None) -> dict[str, bytes]:
    """A model's files; ``name=None`` takes one away."""
    files = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": safetensors()}
    return {name: data for name, data in {**files, **changes}.items() if data is not None}


def sharded(*present: int, of: int = 3) -> dict[str, bytes]:
    names = [f"model-{number:05}-of-{of:05}.safetensors" for number in range(1, of + 1)]
    index = {"metadata": {}, "weight_map": {f"t{n}": name for n, name in enumerate(names)}}
    files = {name: safetensors() for n, name in enumerate(names, 1) if n in present}
    return {"config.json": b"{}", INDEX: json.dumps(index).encode(), **files}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def cache(repo: Path, commit: str, files: Mapping[str, bytes], *refs: str) -> Path:
    """Lay files out as huggingface_hub does: blobs, and links to them in a snapshot."""
    snapshot = repo / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for number, (name, data) in enumerate(files.items()):
        write(repo / "blobs", {f"{commit[:8]}{number}": data})
        (snapshot / name).symlink_to(f"../../blobs/{commit[:8]}{number}")
    for ref in refs:
        (repo / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
        (repo / "refs" / ref).write_text(commit)
    return snapshot


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    hub = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    return hub


@pytest.fixture
def repo(hub: Path) -> Path:
    """``org/tiny`` with two commits and three names for them."""
    repo = hub / "models--org--tiny"
    cache(repo, MAIN, whole(), "main", "refs/pr/1")
    cache(repo, OLD, whole(), "v1.0")
    return repo


# --- folders --------------------------------------------------------------------------------------


def test_a_local_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", whole())
    found = locate(str(folder))
    assert found.path == folder
    assert found.model == str(folder)
    assert found.revision is None
    assert found.size_bytes == len(safetensors())
    assert found.config == CONFIG


def test_a_folder_by_home_and_by_relative_path(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "org" / "tiny", whole())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert not hub.exists()
    for name in ("~/org/tiny", "org/tiny", "./org/tiny", "./org/../org/tiny/"):
        assert locate(name).path == folder


@pytest.mark.parametrize("model", ["/no/such/folder", "~/none", "./none", "~nobody-here/x"])
def test_a_path_without_a_folder(hub: Path, model: str) -> None:
    assert not hub.exists()
    with pytest.raises(UnknownModel, match="no folder") as caught:
        locate(model)
    assert "folder" in (caught.value.hint or "")


def test_a_file_is_no_model(tmp_path: Path) -> None:
    write(tmp_path, whole())
    with pytest.raises(UnknownModel, match="is a file"):
        locate(str(tmp_path / "model.safetensors"))


def test_a_local_folder_has_no_revisions(tmp_path: Path) -> None:
    write(tmp_path, whole())
    with pytest.raises(InvalidValue, match="no revision 'main'"):
        locate(str(tmp_path), "main")


# --- the cache ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        (None, MAIN),
        ("main", MAIN),
        ("refs/pr/1", MAIN),
        ("v1.0", OLD),
        (OLD, OLD),
        (MAIN[:7], MAIN),
        ("0123f", OLD),
    ],
)
def test_a_cached_repo_by_branch_tag_and_commit(
    repo: Path, revision: str | None, commit: str
) -> None:
    found = locate("org/tiny", revision)
    assert found.path == repo / "snapshots" / commit
    assert (found.model, found.revision) == ("org/tiny", commit)
    assert found.size_bytes == len(safetensors())


def test_a_branch_wins_over_a_commit_that_begins_like_it(repo: Path) -> None:
    (repo / "refs" / "0123f").write_text(MAIN)
    assert locate("org/tiny", "0123f").revision == MAIN


def test_a_repo_without_an_organization(hub: Path) -> None:
    cache(hub / "models--tiny", MAIN, whole(), "main")
    assert locate("tiny").revision == MAIN


@pytest.mark.parametrize("revision", ["dev", "012", "../v1.0", "../../blobs", "/etc", "", "zzzz"])
def test_an_unknown_revision_names_those_that_are_there(repo: Path, revision: str) -> None:
    assert repo.exists()
    with pytest.raises(UnknownModel, match="but not its revision") as caught:
        locate("org/tiny", revision)
    assert f"main, refs/pr/1, v1.0, {MAIN}, {OLD}" in (caught.value.hint or "")


def test_an_ambiguous_commit_names_the_candidates(repo: Path) -> None:
    assert repo.exists()
    with pytest.raises(UnknownModel, match="begin with '0123'") as caught:
        locate("org/tiny", "0123")
    assert MAIN in (caught.value.hint or "")
    assert OLD in (caught.value.hint or "")


def test_an_unknown_model_hints_at_the_nearest(repo: Path) -> None:
    assert repo.exists()
    with pytest.raises(UnknownModel, match="'Org/Tinny'") as caught:
        locate("Org/Tinny")
    assert caught.value.hint == "Did you mean org/tiny?"


@pytest.mark.parametrize(
    "model", ["else/where", "", " ", "a/b/c", "a/../../b", "a\0b", "x" * 300, "x" * 5000]
)
def test_an_unknown_model_like_none_hints_at_the_download(hub: Path, model: str) -> None:
    assert not hub.exists()
    with pytest.raises(UnknownModel, match="no model") as caught:
        locate(model)
    assert "hf download" in (caught.value.hint or "")


def test_a_revision_without_files_was_never_downloaded(repo: Path) -> None:
    (repo / "refs" / "dev").write_text("f" * 40)
    with pytest.raises(NoWeights, match="none of its files") as caught:
        locate("org/tiny", "dev")
    assert caught.value.hint == "Download it: `hf download org/tiny --revision dev`."


def test_a_link_into_nothing_is_an_unfinished_download(repo: Path) -> None:
    blob = (repo / "snapshots" / MAIN / "model.safetensors").resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete"))
    with pytest.raises(NoWeights, match=r"org/tiny lacks model\.safetensors") as caught:
        locate("org/tiny")
    assert caught.value.hint == f"Download it again: `hf download org/tiny --revision {MAIN}`."


def test_a_snapshot_with_small_files_only_is_an_unfinished_download(hub: Path) -> None:
    cache(hub / "models--org--part", MAIN, {"config.json": b"{}"}, "main")
    with pytest.raises(NoWeights, match=r"lacks \*\.safetensors"):
        locate("org/part")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HF_HUB_CACHE": "$TOP/here"},
        {"HUGGINGFACE_HUB_CACHE": "/older"},
        {"HF_HOME": "~/hf"},
        {"XDG_CACHE_HOME": "/xdg"},
        {"XDG_CACHE_HOME": "/xdg", "HF_HOME": "/home", "HUGGINGFACE_HUB_CACHE": "/older"},
        {"HF_HOME": "/home", "HF_HUB_CACHE": "~/hub"},
    ],
)
def test_the_cache_is_where_huggingface_hub_has_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TOP": "/top", **variables}.items():
        monkeypatch.setenv(name, value)
    ask = "from huggingface_hub.constants import HF_HUB_CACHE as c; print(c)"
    theirs = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert str(hub_cache()) == theirs.stdout.strip()


# --- what is in the folder ------------------------------------------------------------------------


def refused(kind: type[ModelUnusable], folder: Path, files: Mapping[str, bytes]) -> ModelUnusable:
    write(folder, files)
    with pytest.raises(kind) as caught:
        locate(str(folder))
    assert type(caught.value) is kind
    assert str(folder) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_all_shards_count(tmp_path: Path) -> None:
    write(tmp_path, sharded(1, 2, 3))
    assert locate(str(tmp_path)).size_bytes == 3 * len(safetensors())


def test_weights_kept_a_second_time_do_not_count(tmp_path: Path) -> None:
    write(tmp_path, sharded(1, 2, 3) | {"consolidated.safetensors": safetensors(9)})
    assert locate(str(tmp_path)).size_bytes == 3 * len(safetensors())


def test_weights_under_another_name_count(tmp_path: Path) -> None:
    files = {"weights.safetensors": safetensors(), "._weights.safetensors": b"Finder's"}
    write(tmp_path, {"config.json": b"{}", **files})
    assert locate(str(tmp_path)).size_bytes == len(safetensors())


def test_a_file_without_tensors_is_sound(tmp_path: Path) -> None:
    write(tmp_path, whole(**{"model.safetensors": safetensors(0)}))
    assert locate(str(tmp_path)).size_bytes == len(safetensors(0))


def test_config_is_read_as_engines_read_it(tmp_path: Path) -> None:
    write(tmp_path, whole(**{"config.json": b'{"rope": Infinity}'}))
    assert locate(str(tmp_path)).config == {"rope": float("inf")}


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        pytest.param({}, "config.json, *.safetensors", id="empty folder"),
        pytest.param({"config.json": b"{}"}, "*.safetensors", id="no weights"),
        pytest.param({"model.safetensors": safetensors()}, "config.json", id="no config"),
        pytest.param(sharded(2), "model-00001-of-00003.safetensors, model-00003-of", id="shards"),
        pytest.param(
            {name: data for name, data in sharded(1, 3).items() if name != INDEX},
            "model-00002-of-00003.safetensors",
            id="a shard, without index",
        ),
        pytest.param(sharded(of=9), "and 4 more", id="many shards"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, files: dict[str, bytes], missing: str) -> None:
    assert missing in refused(NoWeights, tmp_path, files).message


def test_an_index_that_links_into_nothing(tmp_path: Path) -> None:
    (tmp_path / INDEX).symlink_to("nowhere")
    assert INDEX in refused(NoWeights, tmp_path, {"config.json": b"{}"}).message


def test_weights_of_another_format_are_told_apart(tmp_path: Path) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": b"PK"}
    assert "mlx_lm.convert" in (refused(NoWeights, tmp_path, files).hint or "")


@pytest.mark.parametrize("config", [b"", b"[1]", b"null", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_a_config_that_is_no_object(tmp_path: Path, config: bytes) -> None:
    problem = refused(CorruptWeights, tmp_path, whole(**{"config.json": config}))
    assert "config.json" in problem.message


@pytest.mark.parametrize(
    "weight_map",
    [None, [], {}, {"t": 5}, {"t": "../secret.safetensors"}, {"t": "/etc/passwd"}, {"t": ".."}],
)
def test_an_index_that_names_no_files_of_its_folder(tmp_path: Path, weight_map: object) -> None:
    index = json.dumps({"weight_map": weight_map}).encode()
    assert INDEX in refused(CorruptWeights, tmp_path, whole(**{INDEX: index})).message


GOOD = safetensors()
DAMAGED = {
    "empty": b"",
    "seven bytes": GOOD[:7],
    "length alone": GOOD[:8],
    "cut in the header": GOOD[:60],
    "cut in the tensors": GOOD[:-1],
    "too long": GOOD + b"\0",
    "absurd length": b"\xff" * 8 + GOOD[8:],
    "length zero": bytes(100),
    "text": b"<html>404 Not Found</html>" * 20,
    "header is no JSON": with_header(b"not json"),
    "header is a list": with_header(b"[1, 2]"),
    "header is too deep": with_header(b"[" * 100_000),
    "tensor without offsets": with_header(b'{"t": {"dtype": "F32"}}'),
    "tensor is a number": with_header(b'{"t": 5}'),
    "offsets are words": with_header(b'{"t": {"data_offsets": ["a", "b"]}}'),
    "one offset": with_header(b'{"t": {"data_offsets": [0]}}'),
    "negative offset": with_header(b'{"t": {"data_offsets": [0, -4]}}'),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_weights_are_caught_before_an_engine_starts(tmp_path: Path, content: bytes) -> None:
    problem = refused(CorruptWeights, tmp_path, whole(**{"model.safetensors": content}))
    assert problem.message.startswith("model.safetensors of ")


def test_a_path_into_the_cache_is_explained_as_its_repo(hub: Path) -> None:
    snapshot = cache(hub / "models--org--bad", MAIN, whole(**{"model.safetensors": b""}), "main")
    with pytest.raises(CorruptWeights, match=r"model\.safetensors of org/bad is cut") as caught:
        locate(str(snapshot))
    assert "hf download org/bad" in (caught.value.hint or "")


def test_one_damaged_shard_of_a_cached_repo_is_named(hub: Path) -> None:
    files = sharded(1, 2, 3)
    name = "model-00002-of-00003.safetensors"
    cache(hub / "models--org--bad", MAIN, {**files, name: files[name][:-4]}, "main")
    with pytest.raises(CorruptWeights, match=name) as caught:
        locate("org/bad")
    again = f"`hf download org/bad --revision {MAIN} --force-download`"
    assert again in (caught.value.hint or "")


def test_a_git_lfs_pointer_is_told_apart(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
    problem = refused(CorruptWeights, tmp_path, whole(**{"model.safetensors": pointer}))
    assert "git lfs pull" in (problem.hint or "")


def test_what_can_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    for use in (json_object, checked_size):
        with pytest.raises(ModelUnusable, match="can't be read") as caught:
            use(tmp_path)
        assert type(caught.value) is ModelUnusable


def test_only_headers_are_read(tmp_path: Path) -> None:
    size, tensors = 40 * 2**30, 2000
    header = {
        f"model.layers.{n}.weight": {
            "dtype": "U32",
            "shape": [size // tensors // 4],
            "data_offsets": [n * size // tensors, (n + 1) * size // tensors],
        }
        for n in range(tensors)
    }
    text = json.dumps(header).encode()
    write(tmp_path, whole(**{"model.safetensors": with_header(text)}))
    os.truncate(tmp_path / "model.safetensors", 8 + len(text) + size)  # holes take no disk
    began = time.perf_counter()
    assert locate(str(tmp_path)).size_bytes == 8 + len(text) + size
    took_ms = (time.perf_counter() - began) * 1000
    print(f"40 GiB, {tensors} tensors: {took_ms:.1f} ms")
    assert took_ms < 500
