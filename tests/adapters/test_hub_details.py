"""One repo: what its description and its small files say, and who gets to see them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hub.details import FILE_BYTES, described
from mlx_manager_jupyter.errors import (
    BadToken,
    GatedModel,
    HubFailed,
    HubUnreachable,
    RateLimited,
    UnknownModel,
)
from tests.fixtures.hub import MEMBER, NOBODY, STRANGER

if TYPE_CHECKING:
    from tests.adapters.conftest import Asking
    from tests.fixtures.hub import FakeHub

CONFIG = {"model_type": "qwen3", "quantization": {"bits": 4, "group_size": 64}}
FILES: dict[str, Any] = {
    "config.json": json.dumps(CONFIG),
    "model.safetensors": {"size": 300_000, "seed": 1},
    "sub/folder/extra.json": "{}",
}


async def test_details_of_a_nested_repo(asking: Asking, fake_hub: FakeHub) -> None:
    card = {"license": "apache-2.0", "base_model": ["Qwen/Qwen3-8B"]}
    known = fake_hub.add("org/nested", files=FILES, info={"cardData": card, "downloads": 12})
    async with asking() as hub:
        found = await hub.details("org/nested")
    assert found.commit == known["commit"]
    assert found.entry.id == "org/nested"
    assert found.entry.downloads == 12
    assert {file.path: (file.size_bytes, file.sha256) for file in found.files} == {
        "config.json": (len(FILES["config.json"]), None),
        "model.safetensors": (300_000, known["files"]["model.safetensors"]["sha256"]),
        "sub/folder/extra.json": (2, None),
    }
    assert found.config == CONFIG
    assert found.chat_template is None
    assert (found.license, found.base_model) == ("apache-2.0", "Qwen/Qwen3-8B")


async def test_details_of_a_branch_a_tag_and_a_commit(asking: Asking, fake_hub: FakeHub) -> None:
    first = fake_hub.add("org/versions", files={"config.json": '{"v": 1}'}, tag="v1.0")["commit"]
    other = fake_hub.add("org/versions", files={"config.json": '{"v": 2}'}, branch="next/8-bit")
    async with asking() as hub:
        for revision, commit, version in (
            (None, first, 1),
            ("v1.0", first, 1),
            (first, first, 1),
            ("next/8-bit", other["commit"], 2),
        ):
            found = await hub.details("org/versions", revision)
            assert (found.commit, found.config) == (commit, {"v": version})
        with pytest.raises(UnknownModel, match="no such revision"):
            await hub.details("org/versions", "nowhere")


TOOL_TEMPLATES = [{"name": "default", "template": "talk"}, {"name": "tool_use", "template": "call"}]


@pytest.mark.parametrize(
    ("files", "template"),
    [
        ({"chat_template.jinja": "jinja", "tokenizer_config.json": "{}"}, "jinja"),
        ({"chat_template.json": '{"chat_template": "of a processor"}'}, "of a processor"),
        ({"tokenizer_config.json": '{"chat_template": "one"}'}, "one"),
        ({"tokenizer_config.json": json.dumps({"chat_template": TOOL_TEMPLATES})}, "talk\ncall"),
        ({"tokenizer_config.json": '{"chat_template": null}'}, None),
        ({"tokenizer_config.json": '{"chat_template": [1, {"name": "x"}]}'}, None),
        ({"tokenizer_config.json": "no json"}, None),
        ({"tokenizer_config.json": '["no", "object"]'}, None),
    ],
)
async def test_chat_template_wherever_it_lives(
    asking: Asking, fake_hub: FakeHub, files: dict[str, str], template: str | None
) -> None:
    fake_hub.add("org/template", files=files)
    async with asking() as hub:
        found = await hub.details("org/template")
    assert found.chat_template == template
    assert found.config is None


async def test_config_as_python_writes_it(asking: Asking, fake_hub: FakeHub) -> None:
    fake_hub.add("org/infinite", files={"config.json": '{"limit": [0.0, Infinity], "n": NaN}'})
    async with asking() as hub:
        assert (await hub.details("org/infinite")).config == {"limit": [0.0, None], "n": None}


async def test_files_too_large_to_be_facts_are_not_read(asking: Asking, fake_hub: FakeHub) -> None:
    huge = {"size": 50_000_000, "seed": 1}
    fake_hub.add("org/huge", files={"config.json": '{"a": 1}', "tokenizer_config.json": huge})
    async with asking() as hub:
        found = await hub.details("org/huge")
    assert found.config == {"a": 1}
    assert found.chat_template is None
    assert fake_hub.log("tokenizer_config") == []
    assert fake_hub.sent() < FILE_BYTES


@pytest.mark.parametrize("token", [None, STRANGER])
async def test_gated_repo_has_details_without_its_files(
    asking: Asking, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    files = FILES | {"chat_template.jinja": "{{ messages }}"}
    fake_hub.add("org/gated", files=files, gated="manual")
    async with asking() as hub:
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        found = await hub.details("org/gated")
        assert (found.config, found.chat_template) == (None, None)
        assert found.entry.gated
        assert sum(file.size_bytes for file in found.files) > 300_000
        monkeypatch.setenv("HF_TOKEN", MEMBER)
        let_in = await hub.details("org/gated")
    assert (let_in.config, let_in.chat_template) == (CONFIG, "{{ messages }}")


async def test_repo_that_the_hub_shows_to_nobody_without_asking(
    asking: Asking, fake_hub: FakeHub
) -> None:
    fake_hub.add("org/closed", files=FILES)
    gate = {"X-Error-Code": "GatedRepo", "X-Error-Message": "restricted"}
    fake_hub.fault("status", "/api/models/org/closed", status=401, headers=gate)
    async with asking() as hub:
        with pytest.raises(GatedModel) as caught:
            await hub.details("org/closed")
    assert "https://huggingface.co/org/closed" in str(caught.value)
    assert "hf auth login" in str(caught.value)


@pytest.mark.parametrize(
    ("token", "says"), [(None, "look alike"), (STRANGER, "your account may not see it")]
)
@pytest.mark.parametrize("model", ["org/missing", "org/private", "gpt2-missing"])
async def test_missing_and_private_look_alike(
    *,
    asking: Asking,
    fake_hub: FakeHub,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    token: str | None,
    says: str,
) -> None:
    fake_hub.add("org/private", files=FILES, private=True)
    async with asking() as hub:
        if token:
            monkeypatch.setenv("HF_TOKEN", token)
        with pytest.raises(UnknownModel, match=says) as caught:
            await hub.details(model)
    assert model in caught.value.message


async def test_private_repo_for_those_who_may(
    asking: Asking, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.add("org/own", files=FILES, private=True)
    monkeypatch.setenv("HF_TOKEN", MEMBER)
    async with asking() as hub:
        assert (await hub.details("org/own")).config == CONFIG


async def test_bad_token_is_refused_for_a_public_repo_too(
    asking: Asking, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_hub.add("org/public", files=FILES)
    monkeypatch.setenv("HF_TOKEN", NOBODY)
    async with asking() as hub:
        with pytest.raises(BadToken) as caught:
            await hub.details("org/public")
    assert "even public models" in caught.value.message
    assert "hf auth logout" in str(caught.value)
    assert NOBODY not in str(caught.value)


@pytest.mark.parametrize("path", ["/api/models/org/flaky", "/org/flaky/resolve"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "9"}}, RateLimited),
        ({"kind": "status", "status": 500}, HubUnreachable),
        ({"kind": "hang"}, HubUnreachable),
        ({"kind": "cut", "at": 20}, HubUnreachable),
        ({"kind": "reset", "at": 20}, HubUnreachable),
    ],
)
async def test_what_goes_wrong_on_the_way_is_said(
    asking: Asking, fake_hub: FakeHub, path: str, fault: dict[str, Any], kind: type[HubFailed]
) -> None:
    fake_hub.add("org/flaky", files=FILES)
    async with asking(timeout_seconds=1.0) as hub:
        number = fake_hub.fault(path=path, **fault)
        with pytest.raises(kind):
            await hub.details("org/flaky")
        fake_hub.clear(number)
        assert (await hub.details("org/flaky")).config == CONFIG


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"id": "a/b", "siblings": []}',
        b'{"id": "a/b", "sha": "c0ffee", "siblings": [{"rfilename": "no size"}]}',
        b'{"id": "a/b", "sha": "c0ffee", "siblings": [{"rfilename": "../up", "size": 1}]}',
        b'{"id": "a/b", "sha": "c0ffee", "siblings": [{"rfilename": "/root", "size": 1}]}',
        b'{"sha": "c0ffee", "siblings": []}',
    ],
)
def test_description_that_no_download_could_go_by(body: bytes) -> None:
    with pytest.raises(HubFailed, match="What the Hub says of a/b"):
        described(body, "a/b")


@pytest.mark.parametrize(
    ("about", "license_", "base"),
    [
        ({"tags": ["license:mit", "base_model:quantized:org/Base"]}, "mit", "org/Base"),
        ({"cardData": {"license": "other", "license_name": "llama3"}}, "llama3", None),
        ({"cardData": {"license": "other"}}, "other", None),
        ({"cardData": {"license": ["mit", "apache-2.0"], "base_model": "a/c"}}, "mit", "a/c"),
        ({"cardData": "none"}, None, None),
    ],
)
def test_license_and_base_model(
    about: dict[str, Any], license_: str | None, base: str | None
) -> None:
    body = json.dumps({"id": "a/b", "sha": "c0ffee", "siblings": [], **about}).encode()
    found = described(body, "a/b")
    assert (found.license, found.base_model) == (license_, base)
