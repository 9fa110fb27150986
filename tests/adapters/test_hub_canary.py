"""The genuine huggingface_hub against the Hub of the tests, and what it never promised us.

The first half shows that the Hub of the tests is one: the client works with it unmodified. The
second half breaks when a new huggingface_hub moves something that the download worker and the cache
adapter stand on; it is the price of the upper bound in pyproject.toml.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.fake_hub.content import Made
from tests.fixtures.hub import MEMBER, NOBODY, ROOT, STRANGER, FakeHub
from tests.fixtures.hub_client import ClientError, HubClient
from tests.fixtures.weights import whole, write

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = "org/tiny-4bit"
WEIGHTS = Made(300_000, seed=3)
SHA256 = hashlib.sha256(WEIGHTS.read(0, WEIGHTS.size)).hexdigest()
CONFIG = json.dumps({"model_type": "llama", "quantization": {"bits": 4, "group_size": 64}})
CONFIG_OID = hashlib.sha1(f"blob {len(CONFIG)}\0{CONFIG}".encode()).hexdigest()  # noqa: S324  git's
FILES: dict[str, Any] = {
    "config.json": CONFIG,
    "model.safetensors": {"size": WEIGHTS.size, "seed": 3},
    "original/model.pth": {"size": 200_000, "seed": 4},
    "README.md": "# Tiny",
}
ALLOWED = ["*.json", "model*.safetensors"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FakeHub, HubClient]]:
    home = tmp_path_factory.mktemp("hf-home")
    with FakeHub() as hub:
        hub.add(TINY, files=FILES)
        hub.add("org/gate", files=FILES, gated="manual")
        hub.add("org/secret", files=FILES, private=True)
        others = [
            {"id": f"more/model-{number}", "tags": ["mlx"], "downloads": number}
            for number in range(1500)
        ]
        hub.list_only(others)
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


def refused(client: HubClient, *call: Any, **options: Any) -> list[str]:
    """The names of the class of the error and of those above it."""
    with pytest.raises(ClientError) as caught:
        client(*call, **options)
    return caught.value.kinds


# --- the Hub of the tests is one --------------------------------------------------------------


def test_lists(client: HubClient) -> None:
    everything = client("list_models", filter="mlx", sort="downloads")
    assert len(everything) == 1502
    assert everything[0]["id"] == "more/model-1499"
    assert len(client("list_models", author="more", limit=1200)) == 1200
    wanted = ["downloads", "tags", "safetensors", "gated", "lastModified", "pipeline_tag"]
    (tiny,) = client("list_models", filter=["mlx", "4-bit"], search="tiny", expand=wanted)
    assert (tiny["id"], tiny["gated"], tiny["downloads"]) == (TINY, False, 0)
    assert {"mlx", "llama", "4-bit"} <= set(tiny["tags"])
    (tiny,) = client("list_models", search="tiny", full=True, fetch_config=True)
    assert tiny["config"]["model_type"] == "llama"
    assert [each["rfilename"] for each in tiny["siblings"]] == sorted(FILES)


def test_model_info(client: HubClient) -> None:
    info = client("model_info", TINY, files_metadata=True)
    files = {each["rfilename"]: each for each in info["siblings"]}
    assert files["config.json"]["size"] == len(CONFIG)
    assert files["config.json"]["blob_id"] == CONFIG_OID
    assert files["model.safetensors"]["lfs"]["sha256"] == SHA256
    assert client("model_info", TINY, revision=info["sha"])["sha"] == info["sha"]
    assert client("model_info", TINY, expand=["usedStorage"])["used_storage"] > 500_000


def test_trees(client: HubClient) -> None:
    tree = client("list_repo_tree", TINY, recursive=True)
    assert {each["path"] for each in tree} == {*FILES, "original"}
    tree = client("list_repo_tree", TINY, recursive=False, expand=True)
    assert {each["path"] for each in tree} == {"original", *FILES} - {"original/model.pth"}
    assert all(each["last_commit"] for each in tree)
    inside = client("list_repo_tree", TINY, "original")
    assert [each["path"] for each in inside] == ["original/model.pth"]
    (weights,) = client("get_paths_info", TINY, ["model.safetensors", "none"])
    assert weights["lfs"]["sha256"] == SHA256
    assert "EntryNotFoundError" in refused(client, "list_repo_tree", TINY, "nowhere")


def test_a_tree_of_many_files_comes_in_pages(hub: FakeHub, client: HubClient) -> None:
    hub.add("org/many", files={f"part-{number:04}.txt": str(number) for number in range(1001)})
    assert len(client("list_repo_tree", "org/many", recursive=True)) == 1001
    assert len(hub.log("/tree/")) == 2


def test_refs_and_a_revision_that_a_slash_is_in(hub: FakeHub, client: HubClient) -> None:
    commit = hub.add("org/branches", files=FILES, branch="pr/1", tag="v1")["commit"]
    hub.add("org/branches", files={})
    refs = client("list_repo_refs", "org/branches")
    assert {each["name"] for each in refs["branches"]} == {"main", "pr/1"}
    for revision in ("pr/1", "v1", commit, "refs/heads/pr/1"):
        assert client("model_info", "org/branches", revision=revision)["sha"] == commit
    path = client("hf_hub_download", "org/branches", "config.json", revision="pr/1")
    assert commit in path


def test_refusals_have_the_classes_that_the_real_hub_gives_them(client: HubClient) -> None:
    assert refused(client, "model_info", "org/none")[0] == "RepositoryNotFoundError"
    assert refused(client, "model_info", "none")[0] == "RepositoryNotFoundError"
    assert refused(client, "model_info", "org/secret")[0] == "RepositoryNotFoundError"
    assert client("model_info", "org/secret", token=MEMBER)["private"] is True
    assert refused(client, "model_info", TINY, revision="v9")[0] == "RevisionNotFoundError"
    missing = refused(client, "hf_hub_download", TINY, "none.json")
    assert missing[0] == "RemoteEntryNotFoundError"
    # A bad token is refused for public repos too, and says nothing of the repo.
    assert refused(client, "model_info", TINY, token=NOBODY)[0] == "HfHubHTTPError"
    assert refused(client, "whoami", token=NOBODY)[0] == "HfHubHTTPError"
    assert client("whoami", token=MEMBER)["name"] == "member"


def test_a_gate_shows_its_files_and_keeps_them(client: HubClient) -> None:
    assert client("model_info", "org/gate")["gated"] == "manual"
    assert len(client("list_repo_tree", "org/gate", recursive=True)) == len(FILES) + 1
    for token in (False, STRANGER):
        for call in (("auth_check", "org/gate"), ("hf_hub_download", "org/gate", "config.json")):
            assert refused(client, *call, token=token)[0] == "GatedRepoError"
    client("auth_check", "org/gate", token=MEMBER)
    assert client("hf_hub_download", "org/gate", "config.json", token=MEMBER)


def test_the_token_stays_with_the_hub(hub: FakeHub, client: HubClient, tmp_path: Path) -> None:
    client("snapshot_download", "org/gate", token=MEMBER, cache_dir=tmp_path)
    assert {entry["authorized"] for entry in hub.log(origin="hub")} == {True}
    assert {entry["authorized"] for entry in hub.log(origin="cdn")} == {False}
    assert hub.sent(SHA256, "cdn") == WEIGHTS.size


def test_the_command_line_downloads(hub: FakeHub, tmp_path: Path) -> None:
    command = "import sys; from huggingface_hub.cli.hf import main; sys.argv[0] = 'hf'; main()"
    done = subprocess.run(
        [sys.executable, "-c", command, "download", TINY, "--exclude", "original/*"],
        env=hub.environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert hub.sent(SHA256, "cdn") == WEIGHTS.size
    assert not hub.log("model.pth")


def test_a_client_without_xet_takes_plain_http_from_a_hub_with_xet(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", whole())
    with FakeHub(repos={"org/whole": folder}, options=("--xet",)) as hub:
        hub.add(TINY, files=FILES)
        with HubClient(hub.environment(tmp_path)) as client:
            safetensors = client("model_info", "org/whole")["safetensors"]
            assert (safetensors["parameters"], safetensors["total"]) == ({"F32": 8}, 8)
            tree = client("list_repo_tree", TINY)
            assert all(each["xet_hash"] for each in tree if each.get("lfs"))
            client("snapshot_download", TINY, allow_patterns=ALLOWED)
        assert hub.sent(SHA256, "cdn") == WEIGHTS.size
        assert not hub.log("xet-read-token")


# --- what we lean on --------------------------------------------------------------------------


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
    assert (found["repo_id"], found["size_on_disk"]) == (TINY, WEIGHTS.size + len(CONFIG))


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
    (blobs / SHA256).write_bytes(WEIGHTS.read(0, WEIGHTS.size))
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
    assert "LocalEntryNotFoundError" in refused(client, "snapshot_download", TINY, **here)
    path = client("snapshot_download", TINY, allow_patterns=ALLOWED, cache_dir=tmp_path)
    with hub.offline():
        assert client("snapshot_download", TINY, allow_patterns=ALLOWED, **here) == path
        assert refused(client, "snapshot_download", TINY, **here)[0] == "IncompleteSnapshotError"


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
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "huggingface_hub"
            ):
                for each in node.names:
                    used.add((node.module, each.name))
                    modules[each.asname or each.name] = f"{node.module}.{each.name}"
        for node in tree:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = modules.get(node.value.id, "")
                if module in ("huggingface_hub.errors", "huggingface_hub.constants"):
                    used.add((module, node.attr))
    assert ("huggingface_hub.errors", "GatedRepoError") in used
    lost = [name for name in used if not hasattr(importlib.import_module(name[0] or ""), name[1])]
    assert lost == []
