"""Models over HTTP: search, facts, fit, names; errors told as errors; offline without a socket."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from mlx_manager_jupyter.adapters.hub.worker.job import Job, JobSpec
from tests.fixtures.hub import MEMBER, FakeHub
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.extension.app import MLXManager
    from tests.extension.conftest import Door

API = "mlx-manager/api/"
QWEN = "mlx-community/Qwen3-8B-4bit"
ROWS = [
    {"id": QWEN, "downloads": 900, "tags": ["mlx", "4-bit", "text-generation"]},
    {"id": "mlx-community/Qwen3-8B-8bit", "downloads": 300, "tags": ["mlx", "8-bit"]},
    {"id": "mlx-community/Qwen3-8B-4bit-DWQ", "downloads": 200, "tags": ["mlx", "4-bit"]},
    {"id": "mlx-community/Qwen3-VL-8B-Instruct-4bit", "downloads": 100, "tags": ["mlx", "4-bit"]},
    {"id": "mlx-community/gemma-3-4b-it-8bit", "downloads": 50, "tags": ["mlx", "8-bit"]},
]
TINY = "mlx-community/Tiny-Chat-4bit"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeHub]:
    folder = make("chat", tmp_path_factory.mktemp("models") / "tiny")
    with FakeHub(repos={TINY: folder}) as running:
        running.list_only(ROWS)
        yield running


@pytest.fixture(autouse=True)
def clean(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_TOKEN", MEMBER)
    hub.reset()
    yield
    hub.clear()


@pytest.fixture
def own(hub: FakeHub, tmp_path: Path) -> dict[str, Any]:
    """Settings of this module's extension."""
    return {"hf_endpoint": hub.url, "hf_cache_path": str(tmp_path / "hub")}


@pytest.fixture
def jp_server_config(jp_server_config: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {**jp_server_config, "MLXManager": {**jp_server_config["MLXManager"], **own}}


async def search(door: Door, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await door.json(f"{API}models?{urlencode(query, doseq=True)}")
    return found


async def error(door: Door, path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
    response = await door.fetch(f"{API}{path}", method=method)
    return response.code, json.loads(response.body)


async def fetched(hub: FakeHub, cache: str, folder: Path) -> None:
    """Bring the tiny model into the cache, as a worker does."""
    job = Job(folder / "job")
    job.write(JobSpec(model=TINY, cache=cache))
    job.launch(hub.environment(folder / "hf"))
    async with asyncio.timeout(20):
        while job.is_running():
            await asyncio.sleep(0.02)
    state = job.state()
    assert state is not None
    assert state.stage == "done", state


async def test_words_filters_order_and_pages(door: Door) -> None:
    found = await search(door, source="hub", q="qwen3 8b 4bit")
    assert found[0]["id"] == QWEN
    assert found[0]["bits"] == 4
    assert found[0]["downloads"] == 900
    assert {row["id"] for row in found} <= {row["id"] for row in ROWS}
    assert [row["bits"] for row in await search(door, source="hub", q="qwen3", bits=8)] == [8]
    pair = await search(door, source="hub", bits=[4, 8])
    assert {row["bits"] for row in pair} == {4, 8}
    first = await door.fetch(f"{API}models?source=hub&limit=2&1795578653208")  # as Lab asks
    assert first.headers["X-Total-Count"] == "6"
    assert len(json.loads(first.body)) == 2
    rest = await search(door, source="hub", offset=2, limit=10)
    assert len(rest) == 4
    assert await search(door, source="hub", q="qwen3", downloaded="true") == []
    names = [row["id"] for row in await search(door, source="hub", sort="downloads")]
    assert names[0] == QWEN


async def test_the_catalogue_is_asked_for_once(door: Door, hub: FakeHub) -> None:
    for words in ("q", "qw", "qwen"):
        await search(door, source="hub", q=words)
    assert len([entry for entry in hub.log("/api/models") if entry["method"] == "GET"]) == 1
    assert (await door.json(f"{API}catalogue"))["models"] == 6


async def test_details_have_exact_sizes_files_and_evidence(door: Door) -> None:
    (row,) = await search(door, source="hub", q="tiny chat")
    assert row["size_bytes"] is None
    model = await door.json(f"{API}models/{quote(TINY, safe='')}")
    raw = await door.json(f"{API}models/{TINY}")
    assert model == {**raw, "spare_bytes": model["spare_bytes"]}  # of memory, which never rests
    assert model["size_bytes"] == sum(file["size_bytes"] for file in model["files"]) > 0
    assert model["model_type"] == "llama"
    assert model["engine"] == "mlx-lm"
    assert model["fit"] == "fits"
    assert model["evidence"]
    (row,) = await search(door, source="hub", q="tiny chat")
    assert row["size_bytes"] == model["size_bytes"]


async def test_a_search_may_wait_for_details(door: Door) -> None:
    (row,) = await search(door, source="hub", q="tiny chat", details="true")
    assert row["size_bytes"]


async def test_fit_has_the_numbers(door: Door) -> None:
    fit = await door.json(f"{API}models/{quote(TINY, safe='')}/fit?context_length=4096")
    assert fit["verdict"] == "fits"
    assert fit["context_length"] == 4096
    parts = fit["weights_bytes"] + fit["cache_bytes"] + fit["overhead_bytes"]
    assert fit["needed_bytes"] == parts
    assert fit["spare_bytes"] == fit["available_bytes"] - fit["needed_bytes"]
    for query in ("context_length=many", "context_length=0", "concurrency=-1", "kv_bits=7"):
        code, told = await error(door, f"models/{TINY}/fit?{query}")
        assert (code, told["code"]) == (400, "invalid_value"), query
    long = await door.json(f"{API}models/{quote(TINY, safe='')}/fit?context_length=1000000")
    assert "was made for 4,096 tokens" in long["reason"]


async def test_names_resolve_or_the_candidates_are_told(door: Door) -> None:
    assert (await door.json(f"{API}resolve?q=qwen3+8b+4bit"))["id"] == QWEN
    code, told = await error(door, "resolve?q=qwen3+8b")
    assert (code, told["code"]) == (409, "ambiguous_model")
    assert QWEN in told["candidates"]
    code, told = await error(door, "resolve?q=nothing+of+the+kind")
    assert (code, told["code"]) == (404, "unknown_model")


@pytest.mark.parametrize(
    ("fault", "options", "code"),
    [
        ("status", {"status": 500}, "hub_unreachable"),
        ("status", {"status": 429, "headers": {"Retry-After": "30"}}, "rate_limited"),
        ("status", {"status": 401}, "bad_token"),
        ("cut", {}, "hub_unreachable"),
    ],
)
async def test_an_error_is_an_error_not_an_empty_list(
    door: Door, hub: FakeHub, *, fault: str, options: dict[str, Any], code: str
) -> None:
    hub.fault(fault, "/api/models", **options)
    status, told = await error(door, "models?source=hub&q=qwen")
    assert (status >= 400, told["code"]) == (True, code), told
    assert told["message"]


@pytest.mark.parametrize(
    "query",
    ["source=moon", "bits=four", "limit=0", "offset=-1", "vision=maybe", f"limit={'9' * 5000}"],
)
async def test_bad_queries_name_the_field(door: Door, query: str) -> None:
    code, told = await error(door, f"models?{query}")
    assert (code, told["code"]) == (400, "invalid_value")
    assert query.partition("=")[0] in told["message"]


async def test_an_unknown_field_is_told_the_nearest_one(door: Door) -> None:
    for path, hint in [
        ("models?familly=qwen", "Did you mean family?"),
        ("models?%C3%A9=1", "Did you mean audio or author or bits"),
        (f"models/{TINY}/fit?context=4096", "Did you mean context_length?"),
        ("resolve?q=a&sauce=hub", "Did you mean source?"),
    ]:
        code, told = await error(door, path)
        assert (code, told["code"]) == (400, "unknown_field"), path
        assert told["hint"].startswith(hint)


async def test_whoever_leaves_is_asked_for_no_more(
    door: Door, hub: FakeHub, extension: MLXManager
) -> None:
    asking = extension.managers.models._details._asking
    hub.fault("delay", f"/api/models/{TINY}", seconds=30)
    address = urlsplit(door.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    request = f"GET {address.path}{API}models/{TINY} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    writer.write(f"{request}Authorization: Bearer {door.token}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        while TINY not in asking:
            await asyncio.sleep(0.01)
        question = asking[TINY].answer
        writer.close()
        await asyncio.wait([question])
    assert question.cancelled()
    assert not asking


async def test_verify_finds_one_flipped_byte_offline(
    door: Door, hub: FakeHub, own: dict[str, Any], tmp_path: Path
) -> None:
    await fetched(hub, own["hf_cache_path"], tmp_path)
    encoded = quote(TINY, safe="")
    whole = await door.json(f"{API}models/{encoded}/verify", method="POST")
    assert whole["ok"]
    hub.reset()
    weights = next((tmp_path / "hub").rglob("snapshots/*/model.safetensors")).resolve()
    content = bytearray(weights.read_bytes())
    content[-7] ^= 1
    weights.write_bytes(content)
    broken = await door.json(f"{API}models/{encoded}/verify", method="POST")
    assert not broken["ok"]
    assert broken["damaged"] == ["model.safetensors"]
    assert hub.connections() == {"hub": 0, "cdn": 0}


class TestOffline:
    """The setting: no call to the Hub at all, and everything local goes on."""

    @pytest.fixture
    def own(self, hub: FakeHub, tmp_path: Path) -> dict[str, Any]:
        cache = str(tmp_path / "hub")
        return {"hf_endpoint": hub.url, "hf_cache_path": cache, "offline_mode": True}

    async def test_no_socket_is_opened_and_local_models_stay_usable(
        self, door: Door, hub: FakeHub, own: dict[str, Any], tmp_path: Path
    ) -> None:
        await fetched(hub, own["hf_cache_path"], tmp_path)
        hub.reset()
        (row,) = await search(door)
        assert row["complete"]
        encoded = quote(TINY, safe="")
        assert (await door.json(f"{API}models/{encoded}"))["id"] == TINY
        assert (await door.json(f"{API}models/{encoded}/fit"))["verdict"] == "fits"
        assert (await door.json(f"{API}resolve?q=tiny+chat&source=local"))["id"] == TINY
        for path, method in [
            ("models?source=hub&q=qwen", "GET"),
            (f"models/{quote(QWEN, safe='')}", "GET"),
            ("catalogue", "POST"),
        ]:
            code, told = await error(door, path, method)
            assert (code, told["code"]) == (503, "offline"), path
        response = await door.fetch(f"{API}downloads", method="POST", body={"model": QWEN})
        assert json.loads(response.body)["code"] == "offline"
        started = await door.json(f"{API}servers", method="POST", body={"model": "tiny chat"})
        assert started["model"] == TINY
        assert hub.connections() == {"hub": 0, "cdn": 0}


class TestFolders:
    """Models beside the cache, whose id is their path."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return make("chat", tmp_path / "own models" / "tiny.v1.5-4bit")

    @pytest.fixture
    def own(self, hub: FakeHub, tmp_path: Path, folder: Path) -> dict[str, Any]:
        cache = str(tmp_path / "hub")
        folders = [str(folder.parent)]
        return {"hf_endpoint": hub.url, "hf_cache_path": cache, "model_folders": folders}

    async def test_a_folder_is_a_model_like_any_other(self, door: Door, folder: Path) -> None:
        (row,) = await search(door, q="tiny 4bit")
        assert (row["id"], row["complete"], row["author"]) == (str(folder), True, None)
        encoded = quote(str(folder), safe="")
        model = await door.json(f"{API}models/{encoded}")
        assert (model["id"], model["path"]) == (str(folder), str(folder))
        assert (await door.json(f"{API}models/{encoded}/fit"))["verdict"] == "fits"
        assert (await door.json(f"{API}models/{encoded}/verify", method="POST"))["ok"]
        code, told = await error(door, f"models/{encoded}", "DELETE")
        assert (code, told["code"]) == (422, "model_unusable")
        assert [row["id"] for row in await search(door)] == [str(folder)]

    @pytest.mark.parametrize(
        "path",
        ["%2Fetc", "..%2F..%2Fetc", "%2E%2E", "a%2Fb%2Fc", "no%20model", "%00", "owner%2F.."],
    )
    async def test_what_is_no_model_is_unknown(self, door: Door, path: str) -> None:
        for action, method in [("", "GET"), ("", "DELETE"), ("/fit", "GET"), ("/verify", "POST")]:
            code, told = await error(door, f"models/{path}{action}", method)
            assert (code, told["code"]) == (404, "unknown_model"), (action, method, told)
