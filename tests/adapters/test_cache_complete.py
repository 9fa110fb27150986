"""Never complete while partial: told alike by the list and by `locate`, and what a model says."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import CachedModel, locate, read_template, scan
from mlx_manager_jupyter.errors import ModelUnusable
from tests.fixtures.cache import Sparse, lay_out, sparse_safetensors, write_tree
from tests.fixtures.weights import INDEX, safetensors, sharded, whole, write

if TYPE_CHECKING:
    from pathlib import Path

MAIN = "0123456789abcdef0123456789abcdef01234567"
MODEL = "org/tiny"
GONE = object()
TOKENIZED = {"tokenizer.json": b'{"a": 1}', "tokenizer_config.json": b"{}", "README.md": b"# Tiny"}
COMMIT: dict[str, bytes] = {**sharded(1, 2, 3), **TOKENIZED}


def only(cache: Path) -> CachedModel:
    found = scan(cache)
    assert list(found) == [MODEL]
    return found[MODEL]


def blob(snapshot: Path, name: str) -> Path:
    return (snapshot / name).resolve()


@pytest.mark.parametrize("tree", [True, False], ids=["with tree", "without"])
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, None),
        ({"README.md": GONE}, None),
        ({"config.json": GONE}, "It lacks config.json."),
        ({"config.json": b"[]"}, "config.json"),
        ({"model-00002-of-00003.safetensors": GONE}, "It lacks model-00002-of-00003.safetensors."),
        (
            {name: GONE for name in sharded(1, 2, 3) if "-of-" in name},
            "It lacks model-00001-of-00003.safetensors, model-00002-of-00003.safetensors",
        ),
    ],
    ids=["whole", "no README", "no config", "config is a list", "no shard 2", "no shards"],
)
def test_what_is_partial_is_not_complete(
    tmp_path: Path, files: dict[str, bytes | object], reason: str | None, *, tree: bool
) -> None:
    there = {name: data for name, data in {**COMMIT, **files}.items() if isinstance(data, bytes)}
    lay_out(tmp_path, MODEL, there, tree=COMMIT if tree else None)
    model = only(tmp_path)
    assert model.complete == (reason is None)
    if reason is None:
        assert locate(MODEL, cache=tmp_path).path == model.path
        return
    assert reason in (model.reason or "")
    with pytest.raises(ModelUnusable):
        locate(MODEL, cache=tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", INDEX])
def test_a_tree_tells_what_else_an_engine_needs(tmp_path: Path, name: str) -> None:
    there = {each: data for each, data in COMMIT.items() if each != name}
    snapshot = lay_out(tmp_path, MODEL, there)
    assert only(tmp_path).complete  # nobody knows better
    files = {each: {"size": len(data), "blob_id": "0" * 40} for each, data in COMMIT.items()}
    write_tree(snapshot.parents[1], MAIN, files)
    assert only(tmp_path).reason == f"It lacks {name}."
    with pytest.raises(ModelUnusable, match=f"org/tiny lacks {name}"):
        locate(MODEL, cache=tmp_path)


def test_a_tree_tells_of_weights_that_no_index_names(tmp_path: Path) -> None:
    commit = whole(**{"model-vision.safetensors": safetensors()})
    lay_out(tmp_path, MODEL, whole(), tree=commit)
    assert only(tmp_path).reason == "It lacks model-vision.safetensors."


def test_an_index_tells_of_weights_that_the_list_of_names_does_not(tmp_path: Path) -> None:
    weights = {"model.safetensors": sparse_safetensors(50_000_000)}
    index = {
        "metadata": {"total_size": 60_000_000},
        "weight_map": {"a": "model.safetensors", "b": "vision.safetensors"},
    }
    files: dict[str, bytes | Sparse] = {"config.json": b"{}", **weights}
    files[INDEX] = json.dumps(index).encode()
    lay_out(tmp_path, MODEL, files)
    assert only(tmp_path).reason == "It lacks vision.safetensors."
    tree = files | {"vision.safetensors": sparse_safetensors(10_000_000)}
    lay_out(tmp_path / "two", MODEL, files, tree=tree)
    assert only(tmp_path / "two").reason == "It lacks vision.safetensors."


def test_a_second_copy_of_the_weights_may_be_missing(tmp_path: Path) -> None:
    tree = {**COMMIT, "consolidated.safetensors": safetensors(9)}
    lay_out(tmp_path, MODEL, COMMIT, tree=tree)
    assert only(tmp_path).complete
    assert locate(MODEL, cache=tmp_path).size_bytes == 3 * len(safetensors())


def test_a_file_cut_short_is_told_by_the_tree(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, COMMIT, tree=COMMIT)
    os.truncate(blob(snapshot, "tokenizer.json"), 3)
    reason = "tokenizer.json has 3 bytes where its commit has 8."
    assert only(tmp_path).reason == reason
    with pytest.raises(ModelUnusable, match="has 3 bytes"):
        locate(MODEL, cache=tmp_path)


def test_an_index_that_is_none(tmp_path: Path) -> None:
    lay_out(tmp_path, MODEL, {**COMMIT, INDEX: b'{"weight_map": {'})
    assert "not a JSON object" in (only(tmp_path).reason or "")


def test_a_link_into_nothing_where_the_index_should_be_is_named_once(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, COMMIT, tree=COMMIT)
    blob(snapshot, INDEX).unlink()
    assert only(tmp_path).reason == f"It lacks {INDEX}."


@pytest.mark.parametrize("tree", ["", "{", '{"format_version": 2, "files": {}}', "[]", "\0"])
def test_a_tree_that_is_not_understood_is_none(tmp_path: Path, tree: str) -> None:
    snapshot = lay_out(tmp_path, MODEL, COMMIT)
    write(snapshot.parents[1] / "trees", {f"{MAIN}.json": tree.encode()})
    assert only(tmp_path).complete


def test_a_link_into_nothing_is_a_missing_file(tmp_path: Path) -> None:
    snapshot = lay_out(tmp_path, MODEL, whole())
    blob(snapshot, "model.safetensors").unlink()
    model = only(tmp_path)
    assert model.reason == "It lacks model.safetensors."
    assert model.size_bytes == len(whole()["config.json"])


# --- templates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({}, None),
        ({"tokenizer_config.json": b"{}"}, None),
        ({"tokenizer_config.json": b"["}, None),
        ({"tokenizer_config.json": b'{"chat_template": "A"}'}, "A"),
        ({"chat_template.json": b'{"chat_template": "B"}'}, "B"),
        (
            {
                "chat_template.jinja": "Ç".encode(),
                "tokenizer_config.json": b'{"chat_template": "A"}',
            },
            "Ç",
        ),
        ({"chat_template.jinja": b"\xff", "tokenizer_config.json": b'{"chat_template": ""}'}, None),
        (
            {
                "tokenizer_config.json": b'{"chat_template": [{"name": "default", "template": "A"},'
                b' {"name": "tool_use", "template": "T"}, 5, {"name": "odd"}]}'
            },
            "A\nT",
        ),
    ],
)
def test_the_chat_template(tmp_path: Path, files: dict[str, bytes], template: str | None) -> None:
    assert read_template(write(tmp_path, files)) == template
