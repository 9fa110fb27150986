"""The Hub of the tests is one: the genuine huggingface_hub works with it unmodified."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fixtures.fake_hub.xet import CHUNK, XORB
from tests.fixtures.hub import MEMBER, NOBODY, STRANGER, FakeHub
from tests.fixtures.hub_client import HubClient
from tests.fixtures.hub_model import (
    ALLOWED,
    CONFIG,
    CONFIG_OID,
    FILES,
    SHA256,
    SIZE,
    TINY,
)
from tests.fixtures.weights import whole, write

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    assert "EntryNotFoundError" in client.refused("list_repo_tree", TINY, "nowhere")


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
    assert client.refused("model_info", "org/none")[0] == "RepositoryNotFoundError"
    assert client.refused("model_info", "none")[0] == "RepositoryNotFoundError"
    assert client.refused("model_info", "org/secret")[0] == "RepositoryNotFoundError"
    assert client("model_info", "org/secret", token=MEMBER)["private"] is True
    assert client.refused("model_info", TINY, revision="v9")[0] == "RevisionNotFoundError"
    missing = client.refused("hf_hub_download", TINY, "none.json")
    assert missing[0] == "RemoteEntryNotFoundError"
    # A bad token is refused for public repos too, and says nothing of the repo.
    assert client.refused("model_info", TINY, token=NOBODY)[0] == "HfHubHTTPError"
    assert client.refused("whoami", token=NOBODY)[0] == "HfHubHTTPError"
    assert client("whoami", token=MEMBER)["name"] == "member"


def test_a_gate_shows_its_files_and_keeps_them(client: HubClient) -> None:
    assert client("model_info", "org/gate")["gated"] == "manual"
    assert len(client("list_repo_tree", "org/gate", recursive=True)) == len(FILES) + 1
    for token in (False, STRANGER):
        for call in (("auth_check", "org/gate"), ("hf_hub_download", "org/gate", "config.json")):
            assert client.refused(*call, token=token)[0] == "GatedRepoError"
    client("auth_check", "org/gate", token=MEMBER)
    assert client("hf_hub_download", "org/gate", "config.json", token=MEMBER)


def test_the_token_stays_with_the_hub(hub: FakeHub, client: HubClient, tmp_path: Path) -> None:
    client("snapshot_download", "org/gate", token=MEMBER, cache_dir=tmp_path)
    assert {entry["authorized"] for entry in hub.log(origin="hub")} == {True}
    assert {entry["authorized"] for entry in hub.log(origin="cdn")} == {False}
    assert hub.sent(SHA256, "cdn") == SIZE


def test_the_sums_are_what_upstream_takes_them_for(
    hub: FakeHub, client: HubClient, tmp_path: Path
) -> None:
    hub.fault("flip", "model.pth", at=7)
    client("snapshot_download", TINY, cache_dir=tmp_path)
    checked = client("verify_repo_checksums", TINY, cache_dir=tmp_path)
    assert checked["checked_count"] == len(FILES)
    assert [each["path"] for each in checked["mismatches"]] == ["original/model.pth"]


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
    assert hub.sent(SHA256, "cdn") == SIZE
    assert not hub.log("model.pth")


def test_a_client_without_xet_takes_plain_http_from_a_hub_with_xet(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", whole())
    with FakeHub(repos={"org/whole": folder}, xet=True) as hub:
        hub.add(TINY, files=FILES)
        with HubClient(hub.environment(tmp_path)) as client:
            safetensors = client("model_info", "org/whole")["safetensors"]
            assert (safetensors["parameters"], safetensors["total"]) == ({"F32": 8}, 8)
            tree = client("list_repo_tree", TINY)
            assert all(each["xet_hash"] for each in tree if each.get("lfs"))
            client("snapshot_download", TINY, allow_patterns=ALLOWED)
        assert hub.sent(SHA256, "cdn") == SIZE
        assert not hub.log("xet-read-token")


def test_a_client_with_xet_puts_what_it_fetched_into_the_shared_store(tmp_path: Path) -> None:
    with FakeHub(xet=True) as hub:
        size = XORB + 3 * CHUNK + 5
        big = hub.add(TINY, files=FILES | {"big.safetensors": {"size": size}})["files"]
        with HubClient(hub.environment(tmp_path, xet=True)) as client:
            path = Path(client("snapshot_download", TINY))
            tree = {each["path"]: each for each in client("list_repo_tree", TINY)}
        assert hub.log("xet-read-token")
        assert {entry["authorized"] for entry in hub.log(origin="cdn")} == {False}
    store = tmp_path / "hub" / "blobs"
    for name in ("model.safetensors", "big.safetensors"):
        sha256, xet = big[name]["sha256"], tree[name]["xet_hash"]
        assert (path / name).readlink().name == sha256
        assert (path / name).resolve() == store / xet[:2] / xet
        assert hashlib.sha256((path / name).read_bytes()).hexdigest() == sha256
