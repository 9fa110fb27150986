"""Models in folders of the user's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlx_manager_jupyter.adapters.cache import locate, scan
from mlx_manager_jupyter.errors import ModelUnusable
from tests.fixtures.cache import age
from tests.fixtures.weights import CONFIG, INDEX, safetensors, sharded, whole, write


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def ids(*folders: Path) -> list[str]:
    return list(scan(Path("/no/cache"), folders))


def test_models_one_and_two_folders_deep(models: Path) -> None:
    write(models / "tiny", whole())
    write(models / "org" / "tiny", whole(**{"modules.json": b"[]"}))
    write(models / "org" / "deeper" / "tiny", whole())
    write(models / ".cache" / "tiny", whole())
    write(models / "project", {"config.json": b"{}", "main.py": b""})
    write(models, {"README.md": b""})
    found = scan(Path("/no/cache"), [models])
    assert list(found) == [f"{models}/org/tiny", f"{models}/tiny"]
    model = found[f"{models}/org/tiny"]
    assert model.id == str(model.path) == str(locate(model.id).path)
    assert (model.complete, model.reason, model.revision, model.revisions) == (True, None, None, ())
    assert model.size_bytes == sum(map(len, whole().values())) + 2
    assert model.weights_bytes == len(safetensors())
    assert model.config == CONFIG
    assert model.has_modules
    assert model.used_at is not None


def test_a_folder_that_is_a_model(models: Path) -> None:
    write(models, whole())
    write(models / "inside", whole())
    assert ids(models) == [str(models)]


def test_folders_that_are_none(models: Path) -> None:
    write(models, {"file": b""})
    (models / "loop").symlink_to("loop")
    assert ids(models / "none", models / "file", models / "loop", models) == []


def test_a_model_is_listed_once_whatever_leads_to_it(models: Path) -> None:
    write(models / "tiny", whole())
    (models / "again").symlink_to("tiny")
    (models / "up").symlink_to("..")
    (models / "here").symlink_to(".")
    assert len(ids(models, models, models / "tiny", models.parent)) == 1


def test_folders_are_named_as_the_user_does(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(models / "tiny", whole())
    (tmp_path / "link").symlink_to(models)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert ids(tmp_path / "link") == [f"{tmp_path}/link/tiny"]
    assert ids(Path("~/models")) == ids(Path("models")) == [f"{models}/tiny"]


def test_a_cache_is_not_a_folder_of_models(models: Path) -> None:
    write(models / "models--org--tiny" / "snapshots" / ("a" * 40), whole())
    assert ids(models) == []


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (sharded(1, 3), "lacks model-00002-of-00003.safetensors"),
        (whole(**{"model.safetensors": safetensors()[:-1]}), "bytes where its header says"),
        (whole(**{"config.json": b"5"}), "config.json is not"),
        ({"config.json": b"{}", INDEX: b"{}"}, "does not name files"),
    ],
)
def test_what_is_partial_is_not_complete(
    models: Path, files: dict[str, bytes], reason: str
) -> None:
    write(models, files)
    model = scan(Path("/no/cache"), [models])[str(models)]
    assert not model.complete
    assert reason in (model.reason or "")
    with pytest.raises(ModelUnusable):
        locate(model.id)


def test_a_copy_under_way_is_followed(models: Path) -> None:
    files = whole()
    write(models, {**files, "model.safetensors": files["model.safetensors"][:50]})
    age(models)
    known = scan(Path("/no/cache"), [models])
    assert not known[str(models)].complete
    with (models / "model.safetensors").open("ab") as copy:
        copy.write(files["model.safetensors"][50:])
    assert scan(Path("/no/cache"), [models], known)[str(models)].complete


def test_what_did_not_change_is_the_same_object(models: Path) -> None:
    write(models, whole())
    age(models)
    # Nobody promises that a file outside of the cache is all there, so its header is read once.
    known = scan(Path("/no/cache"), [models], scan(Path("/no/cache"), [models]))
    assert scan(Path("/no/cache"), [models], known)[str(models)] is known[str(models)]


def test_an_index_that_agrees_saves_reading_weights(models: Path) -> None:
    header = json.dumps({"t": {"dtype": "U8", "shape": [10**6], "data_offsets": [0, 10**6]}})
    weights = len(header).to_bytes(8, "little") + header.encode() + bytes(10**6)
    index = {"metadata": {"total_size": 10**6}, "weight_map": {"t": "model.safetensors"}}
    files = {"model.safetensors": weights, INDEX: json.dumps(index).encode()}
    write(models, whole(**files))
    age(models)
    before = (models / "model.safetensors").stat().st_atime_ns
    assert scan(Path("/no/cache"), [models])[str(models)].complete
    assert (models / "model.safetensors").stat().st_atime_ns == before


def test_every_file_counts_once(models: Path) -> None:
    write(models, whole())
    write(models / "sub", {"more.bin": b"12345", "b.incomplete": b"123"})
    os.link(models / "model.safetensors", models / "sub" / "same.safetensors")
    (models / "sub" / "link").symlink_to("more.bin")
    (models / "sub" / "loop").symlink_to("..")
    model = scan(Path("/no/cache"), [models])[str(models)]
    assert model.size_bytes == sum(map(len, whole().values())) + 5
    assert model.partial_bytes == 3
