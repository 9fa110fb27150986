"""Checking a model's files before an engine loads them."""

from __future__ import annotations

import json
import os
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.adapters.cache.weights import checked_size, json_object
from mlx_manager_jupyter.errors import CorruptWeights, ModelUnusable, NoWeights
from tests.fixtures.weights import INDEX, safetensors, sharded, whole, with_header, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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


def test_weights_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "weights.npz", "w") as archive:
        archive.writestr("t.npy", bytes(5000))
    whole_archive = (tmp_path / "weights.npz").read_bytes()
    write(tmp_path, {"config.json": b"{}"})
    assert locate(str(tmp_path)).size_bytes == len(whole_archive)
    for cut in (whole_archive[:-100], b""):
        refused(CorruptWeights, tmp_path, {"weights.npz": cut})


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
