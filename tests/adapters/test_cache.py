"""Finding a model by path or in a cache laid out by hand."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.cache import locate
from mlx_manager_jupyter.adapters.cache.lookup import hub_cache
from mlx_manager_jupyter.errors import (
    CorruptWeights,
    InvalidValue,
    NoWeights,
    UnknownModel,
)
from tests.fixtures.weights import CONFIG, safetensors, sharded, whole, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = "0123456789abcdef0123456789abcdef01234567"
OLD = "0123ffffffffffffffffffffffffffffffffffff"


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
    assert f"`jupyter mlx pull {model}`" in (caught.value.hint or "")


def test_a_revision_without_files_was_never_downloaded(repo: Path) -> None:
    (repo / "refs" / "dev").write_text("f" * 40)
    with pytest.raises(NoWeights, match="none of its files") as caught:
        locate("org/tiny", "dev")
    assert caught.value.hint == (
        "Download it: `%mlx_pull org/tiny --revision dev` in a notebook,"
        " `jupyter mlx pull org/tiny --revision dev` in a terminal."
    )


def test_a_link_into_nothing_is_an_unfinished_download(repo: Path) -> None:
    blob = (repo / "snapshots" / MAIN / "model.safetensors").resolve()
    blob.rename(blob.with_name(blob.name + ".incomplete"))
    with pytest.raises(NoWeights, match=r"org/tiny lacks model\.safetensors") as caught:
        locate("org/tiny")
    assert "Download it again" in (caught.value.hint or "")
    assert f"`%mlx_pull org/tiny --revision {MAIN}`" in (caught.value.hint or "")


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


def test_a_path_into_the_cache_is_explained_as_its_repo(hub: Path) -> None:
    snapshot = cache(hub / "models--org--bad", MAIN, whole(**{"model.safetensors": b""}), "main")
    with pytest.raises(CorruptWeights, match=r"model\.safetensors of org/bad is cut") as caught:
        locate(str(snapshot))
    assert "%mlx_pull org/bad" in (caught.value.hint or "")


def test_one_damaged_shard_of_a_cached_repo_is_named(hub: Path) -> None:
    files = sharded(1, 2, 3)
    name = "model-00002-of-00003.safetensors"
    cache(hub / "models--org--bad", MAIN, {**files, name: files[name][:-4]}, "main")
    with pytest.raises(CorruptWeights, match=name) as caught:
        locate("org/bad")
    hint = caught.value.hint or ""
    assert hint.index("`jupyter mlx models rm org/bad`") < hint.index("`%mlx_pull org/bad")
