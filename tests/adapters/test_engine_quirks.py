"""What engines do in their own way, and what is done about it, by version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from mlx_manager_jupyter.adapters.engines import ENGINES, Nature, choose, model_type
from mlx_manager_jupyter.adapters.engines.mlx_openai_server import MAX_TOKENS
from mlx_manager_jupyter.errors import InvalidValue, UnsupportedField
from mlx_manager_jupyter.schema import Identity, Profile, StoredServer
from tests.adapters.engines import ALL, installation
from tests.adapters.test_engine_fields import argv, contains, profile

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import EngineKind

SERVER: EngineKind = "mlx-openai-server"
MODEL = Path("/models/m")


def stored(kind: EngineKind, of: Profile, version: str = "") -> StoredServer:
    engine, installed = ENGINES[kind], installation(kind, version)
    model = None if kind == "remote" else MODEL
    return StoredServer(
        name=of.name,
        run="r",
        profile=of,
        profile_name=None,
        engine=kind,
        argv=engine.argv(installed, of, model, "127.0.0.1", 10240),
        host="127.0.0.1",
        port=10240,
        log="/logs/r.log",
        keep=False,
        wanted=True,
        owner=Identity(pid=1, create_time=0.0, argv=()),
        served_name=engine.served_name(installed, of, model),
        base_url=of.base_url,
    )


@pytest.mark.parametrize(("kind", "version"), ALL)
def test_engines_listen_on_the_loopback_alone(kind: EngineKind, version: str) -> None:
    assert contains(argv(kind, version, profile()), ["--host", "127.0.0.1"])


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.4.2", []),
        ("1.7.1", []),
        ("1.8.0", []),
        ("1.8.1", ["--disable-batching"]),
    ],
)
def test_what_hangs_with_batching_runs_without(version: str, words: list[str]) -> None:
    for fields in ({"model_type": "multimodal"}, {"seed": 1}):
        said = [word for word in argv(SERVER, version, profile(**fields)) if "batch" in word]
        assert said == words
    assert "--disable-batching" not in argv(SERVER, version, profile(temperature=1.0))


@pytest.mark.parametrize("fields", [{"model_type": "multimodal"}, {"seed": 1}])
def test_what_needs_batching_is_refused_without(fields: dict[str, Any]) -> None:
    engine, installed = ENGINES[SERVER], installation(SERVER)
    for name in ("decode_concurrency", "prompt_concurrency", "prefill_step_size"):
        engine.check(profile(**{name: 2}), installed)
        with pytest.raises(UnsupportedField, match=f"{name}.*without batching"):
            engine.check(profile(**fields, **{name: 2}), installed)


@pytest.mark.parametrize("version", ["1.4.2", "1.5.1", "1.6.3", "1.7.1", "1.8.0", "1.8.1"])
def test_an_answer_has_an_end(version: str) -> None:
    """Its own default is a million tokens."""
    engine = ENGINES[SERVER]
    for fields, most in (({}, MAX_TOKENS), ({"context_length": 99}, 99), ({"max_tokens": 7}, 7)):
        of = profile(**fields)
        words = argv(SERVER, version, of)
        flagged = "--max-tokens" in installation(SERVER, version).flags
        assert contains(words, ["--max-tokens", str(most)]) == flagged
        assert words.count("--max-tokens") == flagged
        assert engine.request_values(of)["max_tokens"] == most
    assert "--max-tokens" not in argv(SERVER, version, profile(model_type="embeddings"))


@pytest.mark.parametrize("version", ["1.4.2", "1.8.1"])
def test_it_writes_no_file_where_it_runs(version: str) -> None:
    assert "--no-log-file" in argv(SERVER, version, profile())


@pytest.mark.parametrize(
    ("version", "name"), [("1.4.2", "/models/m"), ("1.6.3", "/models/m"), ("1.7.1", "p")]
)
def test_its_model_has_a_name_from_1_7_on(version: str, name: str) -> None:
    assert stored(SERVER, profile(), version).served_name == name
    named = contains(argv(SERVER, version, profile()), ["--served-model-name", "p"])
    assert named == (name == "p")


def test_names_upstream_are_what_was_started() -> None:
    """Another name would make mlx-lm and mlx-vlm load another model."""
    assert stored("mlx-lm", profile()).served_name == "default_model"
    assert stored("mlx-vlm", profile()).served_name == "/models/m"
    assert stored("remote", profile(base_url="http://x/v1")).served_name == "m"
    assert {"adapters", "draft_model"} <= ENGINES["mlx-lm"].withheld
    assert "adapter_path" in ENGINES["mlx-vlm"].withheld


def test_embeddings_are_told_and_asked_for_in_their_own_way() -> None:
    embeds = profile(model_type="embeddings")
    words = argv("mlx-vlm", "", embeds)
    assert contains(words, ["--embedding-model", "/models/m"])
    assert "--model" not in words
    probe = ENGINES["mlx-vlm"].probe(stored("mlx-vlm", embeds))
    assert (probe.method, probe.path) == ("POST", "/v1/embeddings")
    assert probe.body == {"model": "/models/m", "input": "."}
    assert ENGINES["mlx-vlm"].endpoints(None, embeds) == {"models", "embeddings"}


@pytest.mark.parametrize(
    ("kind", "model_type", "endpoint"),
    [
        ("mlx-vlm", "embeddings", "embeddings"),
        ("mlx-vlm", "multimodal", "messages"),
        (SERVER, "embeddings", "embeddings"),
        (SERVER, "whisper", "audio/transcriptions"),
        (SERVER, "image-generation", "images/generations"),
        (SERVER, "lm", "chat/completions"),
        ("mlx-lm", "lm", "completions"),
    ],
)
def test_what_a_running_one_offers_is_what_it_was_started_for(
    kind: EngineKind, model_type: Any, endpoint: str
) -> None:
    """The settings of a server that was started from files alone say ``auto``."""
    version = "1.8.1" if kind == SERVER else ""
    started = stored(kind, profile(model_type=model_type), version)
    left_open = structs.replace(started, profile=profile(model_type="auto"))
    engine = ENGINES[kind]
    assert endpoint in engine.endpoints(version, engine.running(left_open))
    others = {"embeddings", "audio/transcriptions", "images/generations"} - {endpoint}
    assert not others & engine.endpoints(version, engine.running(left_open))


@pytest.mark.parametrize(
    ("body", "loaded"),
    [
        (b'{"status":"healthy","loaded_model":"/models/m"}', True),
        (b'{"status":"healthy","loaded_model":null}', False),
        (b'{"status":"healthy"}', False),
        (b"<html>", False),
        (b"[]", False),
    ],
)
def test_mlx_vlm_is_ready_when_a_model_is_loaded(body: bytes, *, loaded: bool) -> None:
    probe = ENGINES["mlx-vlm"].probe(stored("mlx-vlm", profile()))
    assert (probe.method, probe.path) == ("GET", "/health")
    assert probe.accepts is not None
    assert probe.accepts(body) == loaded


@pytest.mark.parametrize(
    ("kind", "fields", "ready", "alive"),
    [
        ("mlx-lm", {}, "http://127.0.0.1:10240/v1/chat/completions", "/health"),
        ("mlx-openai-server", {}, "http://127.0.0.1:10240/health", "/health"),
        (
            "command",
            {"command": ("p", "{port}"), "ready_path": "/up"},
            "http://127.0.0.1:10240/up",
            "/up",
        ),
        ("remote", {"base_url": "https://h/x/v1/"}, "https://h/x/v1/models", "/v1/models"),
    ],
)
def test_what_is_asked_to_know_that_it_is_ready_and_alive(
    kind: EngineKind, fields: dict[str, Any], ready: str, alive: str
) -> None:
    engine, server = ENGINES[kind], stored(kind, profile(**fields))
    assert engine.url(server, engine.probe(server).path) == ready
    assert engine.health(server).path == alive
    assert engine.health(server).method == "GET"


def test_a_key_is_read_when_it_is_used_and_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    of = profile(base_url="http://x/v1", api_key_env="THEIR_KEY")
    engine, server = ENGINES["remote"], stored("remote", of)
    with pytest.raises(InvalidValue, match="THEIR_KEY"):
        engine.check(of)
    assert engine.headers(server) == {}
    monkeypatch.setenv("THEIR_KEY", "k1")
    engine.check(of)
    assert engine.headers(server) == {"Authorization": "Bearer k1"}
    assert "k1" not in str(server)
    assert ENGINES["mlx-lm"].headers(stored("mlx-lm", profile())) == {}
    assert "k1" in os.environ["THEIR_KEY"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"base_url": None}, "base_url"),
        ({"base_url": "http://x/v1", "model": ""}, "model"),
    ],
)
def test_a_remote_has_to_be_told_where_and_what(fields: dict[str, Any], field: str) -> None:
    assert [name for name, _ in ENGINES["remote"].refusals(profile(**fields))] == [field]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"command": ()}, "command"),
        ({"command": (" ",)}, "command"),
        ({"command": ("serve",)}, "command"),
        ({"command": ("serve", "{model}", "{port}"), "model": ""}, "model"),
    ],
)
def test_a_command_has_to_be_told_what_and_on_which_port(
    fields: dict[str, Any], field: str
) -> None:
    assert [name for name, _ in ENGINES["command"].refusals(profile(**fields))] == [field]


def test_the_words_of_a_command_are_filled_in_once() -> None:
    of = profile(
        command=("serve", "--at={host}:{port}", "{model}", "{other}", "{{x}}"),
        extra_args=("{port}",),
    )
    words = ENGINES["command"].argv(
        installation("command"), of, Path("/m/{port}"), "127.0.0.1", 10240
    )
    assert words == ("serve", "--at=127.0.0.1:10240", "/m/{port}", "{other}", "{{x}}", "{port}")


@pytest.mark.parametrize(
    ("version", "answers"), [("1.5.1", False), ("1.7.1", False), ("1.8.1", True)]
)
def test_responses_came_with_1_8(version: str, *, answers: bool) -> None:
    offered = ENGINES[SERVER].endpoints(version, profile())
    assert ("responses" in offered) == answers
    assert "chat/completions" in offered


def everything(_: EngineKind) -> bool:
    return True


@pytest.mark.parametrize(
    ("fields", "nature", "kind", "what"),
    [
        ({}, None, "mlx-lm", "lm"),
        ({}, Nature(), "mlx-lm", "lm"),
        ({}, Nature(model_type="multimodal"), "mlx-vlm", "multimodal"),
        ({}, Nature(model_type="multimodal", as_text=True), "mlx-lm", "multimodal"),
        ({}, Nature(model_type="embeddings"), "mlx-vlm", "embeddings"),
        ({}, Nature(model_type="whisper"), "mlx-openai-server", "whisper"),
        ({"model_type": "image-generation"}, None, "mlx-openai-server", "image-generation"),
        ({"model_type": "lm"}, Nature(model_type="multimodal"), "mlx-lm", "lm"),
        ({"tool_call_parser": "qwen3"}, Nature(), "mlx-openai-server", "lm"),
        ({"queue_size": 3}, Nature(), "mlx-openai-server", "lm"),
        ({"queue_size": 3}, Nature(model_type="embeddings"), "mlx-openai-server", "embeddings"),
        ({"max_concurrency": 3}, Nature(), "mlx-vlm", "lm"),
        ({"kv_bits": 8}, Nature(), "mlx-lm", "lm"),
        ({"command": ("p", "{port}")}, None, "command", "lm"),
        ({"base_url": "http://x/v1"}, None, "remote", "lm"),
        ({"engine": "mlx-vlm"}, Nature(), "mlx-vlm", "lm"),
    ],
)
def test_auto_is_the_engine_that_can(
    fields: dict[str, Any], nature: Nature | None, kind: EngineKind, what: str
) -> None:
    of = profile(**fields)
    assert choose(of, nature, everything) == kind
    assert model_type(of, nature) == what


def test_auto_prefers_what_is_installed() -> None:
    assert choose(profile(), Nature(), {"mlx-vlm"}.__contains__) == "mlx-vlm"
    assert choose(profile(), Nature(), set[str]().__contains__) == "mlx-lm"
    sees = Nature(model_type="multimodal")
    assert choose(profile(), sees, {"mlx-lm", "mlx-openai-server"}.__contains__) == SERVER
    assert choose(profile(), sees, {"mlx-lm"}.__contains__) == "mlx-vlm", "which is then missing"
