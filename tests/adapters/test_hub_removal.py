"""Deleting a repo from the cache as the genuine client makes it, and nothing else with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import scan_cache_dir
from huggingface_hub.utils import _shared_blobs

from mlx_manager_jupyter.adapters.hub import delete
from mlx_manager_jupyter.errors import Conflict, UnknownModel
from tests.fixtures.hub import FakeHub
from tests.fixtures.hub_client import HubClient

MODEL, OTHER = "org/model", "org/model-large"
FOLDER, OTHER_FOLDER = "models--org--model", "models--org--model-large"
WEIGHTS, SMALL = 400_000, 2
XET_HASH = "ab" * 32


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two revisions of one repo, whose weights are the same, and one of another."""
    home = tmp_path_factory.mktemp("home")
    with FakeHub() as hub:
        weights = {"size": WEIGHTS, "seed": 1}
        hub.add(MODEL, files={"config.json": "{}", "model.safetensors": weights})
        hub.add(OTHER, files={"model.safetensors": {"size": WEIGHTS, "seed": 2}})
        with HubClient(hub.environment(home)) as client:
            client("snapshot_download", MODEL)
            client("snapshot_download", OTHER)
            hub.add(MODEL, files={"config.json": '{"b": 1}', "model.safetensors": weights})
            client("snapshot_download", MODEL)
    return home / "hub"


@pytest.fixture
def cache(downloaded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(downloaded, tmp_path / "cache", symlinks=True))


def listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def on_disk(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink())


def test_all_revisions_go_and_their_bytes_are_counted_once(cache: Path) -> None:
    assert len(list((cache / FOLDER / "snapshots").iterdir())) == 2
    assert (cache / ".locks" / FOLDER).is_dir()
    kept = listing(cache / OTHER_FOLDER)
    files = [path for path in (cache / FOLDER).rglob("*") if path.is_file()]
    expected = sum(path.stat().st_size for path in files if not path.is_symlink())
    assert expected >= WEIGHTS + SMALL + 8

    assert delete(cache, MODEL) == expected

    assert not (cache / FOLDER).exists()
    assert not (cache / ".locks" / FOLDER).exists()
    assert (cache / ".locks" / OTHER_FOLDER).is_dir()
    assert listing(cache / OTHER_FOLDER) == kept
    found = scan_cache_dir(cache)
    assert [repo.repo_id for repo in found.repos] == [OTHER]
    assert found.warnings == []
    with pytest.raises(UnknownModel):
        delete(cache, MODEL)


def test_repo_that_is_corrupted_for_the_client_goes_too(cache: Path) -> None:
    shutil.rmtree(cache / FOLDER / "snapshots")  # as a dry run or an ended download leaves it
    assert scan_cache_dir(cache).warnings
    assert delete(cache, MODEL) > WEIGHTS
    assert not (cache / FOLDER).exists()
    assert scan_cache_dir(cache).warnings == []


def test_only_unfinished_files_count_with_what_is_on_the_disk(tmp_path: Path) -> None:
    blobs = tmp_path / FOLDER / "blobs"
    blobs.mkdir(parents=True)
    with (blobs / "c0ffee.resume.incomplete").open("wb") as sparse:
        sparse.write(b"x" * 100_000)
        sparse.truncate(10_000_000_000)
    freed = delete(tmp_path, MODEL)
    assert 100_000 <= freed < 1_000_000
    assert listing(tmp_path) == set()


def share(cache: Path, folder: str) -> Path:
    """Put a repo's weights into the store that all repos share, as the client does with Xet."""
    blob = next(path for path in (cache / folder / "blobs").iterdir() if len(path.name) == 64)
    assert _shared_blobs.publish_blob_to_shared_store(
        blob_path=str(blob), xet_hash=XET_HASH, cache_dir=cache, expected_size=WEIGHTS
    )
    assert blob.is_symlink()
    return blob.resolve()


def test_shared_payload_goes_with_its_only_user(cache: Path) -> None:
    payload = share(cache, FOLDER)
    own = on_disk(cache / FOLDER)
    freed = delete(cache, MODEL)
    assert not payload.exists()
    assert WEIGHTS < freed <= WEIGHTS + own


def test_shared_payload_stays_for_its_other_user(cache: Path) -> None:
    payload = share(cache, FOLDER)
    assert share(cache, OTHER_FOLDER) == payload
    assert delete(cache, MODEL) < WEIGHTS
    assert payload.stat().st_size == WEIGHTS
    assert delete(cache, OTHER) >= WEIGHTS
    assert not payload.exists()


@pytest.mark.parametrize(
    "model",
    [
        "..",
        "../outside",
        "org/../../outside",
        "org/..",
        "/etc",
        "~",
        "",
        ".",
        "org\\..\\outside",
        "org/model/../../..",
        "org--model",
        "org/model\0",
        "org/model\n",
        "*",
        "org/*",
    ],
)
def test_no_id_leads_out_of_the_cache(cache: Path, tmp_path: Path, model: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("x")
    before = listing(tmp_path)
    with pytest.raises(UnknownModel):
        delete(cache, model)
    assert listing(tmp_path) == before


def test_folder_that_is_a_link_is_nobodys_to_delete(cache: Path, tmp_path: Path) -> None:
    shutil.move(cache / FOLDER, tmp_path / "elsewhere")
    (cache / FOLDER).symlink_to(tmp_path / "elsewhere")
    before = listing(tmp_path)
    with pytest.raises(Conflict, match="is a link to"):
        delete(cache, MODEL)
    assert listing(tmp_path) == before


def test_links_inside_are_not_followed(cache: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for name in ("blobs", "snapshot", "locks"):
        (outside / name).mkdir(parents=True)
        (outside / name / "precious").write_text("x" * 50)
    shutil.rmtree(cache / FOLDER / "blobs")
    (cache / FOLDER / "blobs").symlink_to(outside / "blobs")
    (cache / FOLDER / "snapshots" / "linked").symlink_to(outside / "snapshot")
    (cache / FOLDER / "refs" / "up").symlink_to("../../..")
    shutil.rmtree(cache / ".locks" / FOLDER)
    (cache / ".locks" / FOLDER).symlink_to(outside / "locks")
    before, kept = listing(outside), listing(cache / OTHER_FOLDER)
    delete(cache, MODEL)
    assert not (cache / FOLDER).exists()
    assert listing(outside) == before
    assert listing(cache / OTHER_FOLDER) == kept


def test_cache_that_is_itself_a_link_works(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(cache)
    assert delete(tmp_path / "link", MODEL) > WEIGHTS
    assert not (cache / FOLDER).exists()
    assert not (cache / ".locks" / FOLDER).exists()


def test_what_would_not_go_is_said(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root, as in a container, is stopped by no permission: the system's refusal is told to happen.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(Conflict, match="could not be deleted whole"):
        delete(cache, MODEL)


def test_cache_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="There is no model"):
        delete(tmp_path / "none", MODEL)
