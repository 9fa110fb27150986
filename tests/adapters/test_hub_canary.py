"""What we lean on in huggingface_hub though it never promised it.

This breaks when a new one moves something that the download worker and the cache adapter stand on;
it is the price of the upper bound in pyproject.toml.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.hub import ROOT, FakeHub
from tests.fixtures.hub_client import HubClient
from tests.fixtures.hub_model import (
    ALL,
    ALLOWED,
    CONFIG,
    CONFIG_OID,
    FILES,
    SHA256,
    SIZE,
    TINY,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeHub, HubClient]]:
    home = tmp_path_factory.mktemp("hf-home")
    with FakeHub() as hub:
        hub.add(TINY, files=FILES)
        with HubClient(hub.environment(home)) as client:
            yield hub, client


@pytest.fixture
def hub(running: tuple[FakeHub, HubClient]) -> FakeHub:
    running[0].clear()
    running[0].reset()
    return running[0]


@pytest.fixture
def client(running: tuple[FakeHub, HubClient]) -> HubClient:
    return running[1]


def test_the_layout_of_the_cache(client: HubClient, tmp_path: Path) -> None:
    path = client("snapshot_download", TINY, allow_patterns=ALLOWED, cache_dir=tmp_path)
    repo = tmp_path / client(
        "huggingface_hub.file_download:repo_folder_name", repo_id=TINY, repo_type="model"
    )
    commit = client("model_info", TINY)["sha"]
    assert repo == tmp_path / "models--org--tiny-4bit"
    assert path == str(repo / "snapshots" / commit)
    assert (repo / "refs" / "main").read_text() == commit
    assert {each.name for each in (repo / "blobs").iterdir()} == {SHA256, CONFIG_OID}
    links = {each.name: each.readlink() for each in (repo / "snapshots" / commit).iterdir()}
    assert {name: str(link) for name, link in links.items()} == {
        "config.json": f"../../blobs/{CONFIG_OID}",
        "model.safetensors": f"../../blobs/{SHA256}",
    }
    assert (tmp_path / ".locks" / repo.name / f"{SHA256}.lock").exists()
    (found,) = client("scan_cache_dir", tmp_path)["repos"]
    assert (found["repo_id"], found["size_on_disk"]) == (TINY, SIZE + len(CONFIG))


def test_the_tree_is_kept_with_all_files(client: HubClient, tmp_path: Path) -> None:
    client("snapshot_download", TINY, allow_patterns=ALLOWED, cache_dir=tmp_path)
    (kept,) = (tmp_path / "models--org--tiny-4bit" / "trees").iterdir()
    assert kept.name == f"{client('model_info', TINY)['sha']}.json"
    text = kept.read_text()
    assert all(name in text for name in FILES)
    assert SHA256 in text


def test_a_blob_that_is_there_is_not_fetched(
    hub: FakeHub, client: HubClient, tmp_path: Path
) -> None:
    blobs = tmp_path / "models--org--tiny-4bit" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / SHA256).write_bytes(ALL)
    path = client("snapshot_download", TINY, allow_patterns=ALLOWED, cache_dir=tmp_path)
    assert hub.sent(origin="cdn") == 0
    assert hub.sent("config.json", "hub") == len(CONFIG)
    assert (Path(path) / "model.safetensors").readlink().name == SHA256
    hub.reset()
    commit = client("model_info", TINY)["sha"]
    hub.reset()
    again = client(
        "snapshot_download", TINY, revision=commit, allow_patterns=ALLOWED, cache_dir=tmp_path
    )
    assert (again, hub.log()) == (path, [])


def test_what_is_whole_is_asked_of_the_disk_with_the_same_patterns(
    hub: FakeHub, client: HubClient, tmp_path: Path
) -> None:
    here: dict[str, Any] = {"cache_dir": tmp_path, "local_files_only": True}
    assert "LocalEntryNotFoundError" in client.refused("snapshot_download", TINY, **here)
    path = client("snapshot_download", TINY, allow_patterns=ALLOWED, cache_dir=tmp_path)
    with hub.offline():
        assert client("snapshot_download", TINY, allow_patterns=ALLOWED, **here) == path
        assert client.refused("snapshot_download", TINY, **here)[0] == "IncompleteSnapshotError"


def test_a_dry_run_says_what_would_come(hub: FakeHub, client: HubClient, tmp_path: Path) -> None:
    planned = client("snapshot_download", TINY, dry_run=True, cache_dir=tmp_path)
    assert {each["filename"]: each["will_download"] for each in planned} == dict.fromkeys(
        FILES, True
    )
    assert hub.sent(origin="cdn") == 0


def test_a_flipped_byte_is_taken_without_a_word(
    hub: FakeHub, client: HubClient, tmp_path: Path
) -> None:
    """Why our worker checks sums itself. If this fails, upstream does: look again at both."""
    hub.fault("flip", SHA256, at=1000)
    path = client("hf_hub_download", TINY, "model.safetensors", cache_dir=tmp_path)
    assert hashlib.sha256(Path(path).read_bytes()).hexdigest() != SHA256
    assert Path(path).readlink().name == SHA256


def test_every_name_that_we_import_exists() -> None:
    """Of our sources as they are: what is imported from huggingface_hub, and from its modules."""
    used = set()
    for path in (ROOT / "mlx_manager_jupyter").rglob("*.py"):
        tree = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        modules = {}
        for node in tree:
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("huggingface_hub"):
                for each in node.names:
                    used.add((str(node.module), each.name))
                    modules[each.asname or each.name] = f"{node.module}.{each.name}"
        for node in tree:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = modules.get(node.value.id, "")
                if module in ("huggingface_hub.errors", "huggingface_hub.constants"):
                    used.add((module, node.attr))
    assert ("huggingface_hub.errors", "GatedRepoError") in used
    assert [name for name in used if not exists(*name)] == []


def exists(module: str, name: str) -> bool:
    """Whether ``from module import name`` would find something."""
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None
