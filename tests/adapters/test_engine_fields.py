"""Every field of a profile, for every engine and version: a flag, a request's key, or a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.engines.fields import OURS
from mlx_manager_jupyter.adapters.engines.help_text import choices_in, flags_in
from mlx_manager_jupyter.errors import InvalidValue, MLXManagerError, UnsupportedField
from mlx_manager_jupyter.schema import Distributed, Profile
from tests.adapters.engines import ALL, installation

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import EngineKind

THREE = ("mlx-lm", "mlx-vlm", "mlx-openai-server")
LM_AND_SERVER = ("mlx-lm", "mlx-openai-server")


def alike(kinds: tuple[str, ...], words: list[str]) -> dict[str, list[str]]:
    return {kind: words for kind in kinds}  # noqa: C420  nobody changes them


#: A value of each field that reaches an engine, and the words of each engine that has a flag.
#: ``json``, ``file`` and switches have words of their own.
CASES: dict[str, tuple[Any, dict[str, list[str]]]] = {
    "context_length": (
        8192,
        {"mlx-vlm": ["--max-kv-size", "8192"], "mlx-openai-server": ["--context-length", "8192"]},
    ),
    "max_tokens": (
        9,
        alike(THREE, ["--max-tokens", "9"]),
    ),
    "temperature": (
        0.5,
        {"mlx-lm": ["--temp", "0.5"], "mlx-openai-server": ["--temperature", "0.5"]},
    ),
    "top_p": (0.9, alike(LM_AND_SERVER, ["--top-p", "0.9"])),
    "top_k": (7, alike(LM_AND_SERVER, ["--top-k", "7"])),
    "min_p": (0.1, alike(LM_AND_SERVER, ["--min-p", "0.1"])),
    "repetition_penalty": (1.1, {"mlx-openai-server": ["--repetition-penalty", "1.1"]}),
    "seed": (3, {"mlx-openai-server": ["--seed", "3"]}),
    "tool_call_parser": ("qwen3", {"mlx-openai-server": ["--tool-call-parser", "qwen3"]}),
    "reasoning_parser": ("qwen3", {"mlx-openai-server": ["--reasoning-parser", "qwen3"]}),
    "message_converter": ("glm4_moe", {"mlx-openai-server": ["--message-converter", "glm4_moe"]}),
    "enable_auto_tool_choice": (True, {"mlx-openai-server": ["--enable-auto-tool-choice"]}),
    "chat_template_file": (
        "TEMPLATE",
        {
            "mlx-lm": ["--chat-template", "{{ messages }}"],
            "mlx-openai-server": ["--chat-template-file", "TEMPLATE"],
        },
    ),
    "chat_template_args": (
        {"enable_thinking": False},
        {"mlx-lm": ["--chat-template-args", '{"enable_thinking": false}']},
    ),
    "trust_remote_code": (
        True,
        alike(THREE, ["--trust-remote-code"]),
    ),
    "adapter_path": ("/", alike(("mlx-lm", "mlx-vlm"), ["--adapter-path", "/"])),
    "draft_model": (
        "/models/d",
        {
            "mlx-lm": ["--draft-model", "/models/d"],
            "mlx-vlm": ["--draft-model", "/models/d"],
            "mlx-openai-server": ["--draft-model-path", "/models/d"],
        },
    ),
    "num_draft_tokens": (
        4,
        {
            "mlx-lm": ["--num-draft-tokens", "4"],
            "mlx-vlm": ["--draft-block-size", "4"],
            "mlx-openai-server": ["--num-draft-tokens", "4"],
        },
    ),
    "prompt_cache_size": (
        5,
        alike(LM_AND_SERVER, ["--prompt-cache-size", "5"]),
    ),
    "prompt_cache_bytes": (
        1000,
        {"mlx-lm": ["--prompt-cache-bytes", "1000"], "mlx-openai-server": ["--max-bytes", "1000"]},
    ),
    "kv_bits": (
        8,
        alike(THREE, ["--kv-bits", "8"]),
    ),
    "kv_group_size": (
        32,
        alike(THREE, ["--kv-group-size", "32"]),
    ),
    "quantized_kv_start": (
        6,
        alike(THREE, ["--quantized-kv-start", "6"]),
    ),
    "decode_concurrency": (
        2,
        alike(LM_AND_SERVER, ["--decode-concurrency", "2"]),
    ),
    "prompt_concurrency": (
        2,
        alike(LM_AND_SERVER, ["--prompt-concurrency", "2"]),
    ),
    "prefill_step_size": (
        512,
        alike(THREE, ["--prefill-step-size", "512"]),
    ),
    "max_concurrency": (
        2,
        {"mlx-vlm": ["--max-num-seqs", "2"], "mlx-openai-server": ["--max-concurrency", "2"]},
    ),
    "queue_size": (11, {"mlx-openai-server": ["--queue-size", "11"]}),
    "queue_timeout": (2.5, {"mlx-openai-server": ["--queue-timeout", "3"]}),
    "log_level": (
        "DEBUG",
        alike(THREE, ["--log-level", "DEBUG"]),
    ),
}

#: Keys of a chat request, of every engine that is asked rather than told.
KEYS = {
    "max_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "repetition_penalty": "repetition_penalty",
    "seed": "seed",
    "chat_template_args": "chat_template_kwargs",
}
ASKED: dict[str, dict[str, str]] = {
    "mlx-lm": {name: KEYS[name] for name in ("repetition_penalty", "seed")},
    "mlx-vlm": {name: key for name, key in KEYS.items() if not name.startswith(("max", "chat"))},
    "mlx-openai-server": KEYS,
    "remote": KEYS,
    "command": KEYS,
}

#: Since which version mlx-openai-server has a flag, by its change log.
SINCE: dict[str, str] = {
    "prompt_cache_size": "1.5.2",
    "draft_model": "1.5.3",
    "num_draft_tokens": "1.5.3",
    "max_tokens": "1.6.0",
    "temperature": "1.6.0",
    "top_p": "1.6.0",
    "top_k": "1.6.0",
    "min_p": "1.6.0",
    "seed": "1.6.0",
    "prompt_cache_bytes": "1.6.3",
    "repetition_penalty": "1.7.0",
    "kv_bits": "1.8.0",
    "kv_group_size": "1.8.0",
    "quantized_kv_start": "1.8.0",
    "decode_concurrency": "1.8.0",
    "prompt_concurrency": "1.8.0",
    "prefill_step_size": "1.8.0",
    "message_converter": "1.5.0",
}
#: In which recorded version it has it no more.
GONE = {"max_concurrency": "1.7.0", "message_converter": "1.6.3"}

#: What is not for an engine's command line at all.
ELSEWHERE = OURS | {"port", "env", "extra_args", "idle_unload_seconds", "revision"}
ONLY = {
    "command": "command",
    "ready_path": "command",
    "base_url": "remote",
    "api_key_env": "remote",
    "distributed": "mlx-lm",
}


#: Without which there is nothing to run.
NEEDED: dict[str, dict[str, Any]] = {
    "remote": {"base_url": "http://x/v1"},
    "command": {"command": ("p", "{port}")},
}


def release(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def profile(**fields: Any) -> Profile:
    return Profile(**{"name": "p", "model": "m"} | fields)


def argv(kind: EngineKind, version: str, of: Profile) -> list[str]:
    words = ENGINES[kind].argv(
        installation(kind, version), of, Path("/models/m"), "127.0.0.1", 10240
    )
    return list(words)


def has_flag(kind: EngineKind, version: str, field: str) -> bool:
    if kind not in CASES[field][1]:
        return False
    if kind != "mlx-openai-server":
        return True
    come = field not in SINCE or release(version) >= release(SINCE[field])
    return come and not (field in GONE and release(version) >= release(GONE[field]))


def contains(words: list[str], part: list[str]) -> bool:
    return any(words[at : at + len(part)] == part for at in range(len(words)))


def test_every_field_is_in_the_table() -> None:
    fields = set(Profile.__struct_fields__)
    assert fields == CASES.keys() | ELSEWHERE | ONLY.keys()


@pytest.mark.parametrize(("kind", "version"), [*ALL, ("remote", ""), ("command", "")])
@pytest.mark.parametrize("field", CASES)
def test_a_field_is_a_flag_a_key_or_a_refusal(
    tmp_path: Path, kind: EngineKind, version: str, field: str
) -> None:
    value, flags = CASES[field]
    template = tmp_path / "t.jinja"
    template.write_text("{{ messages }}", "utf-8")
    value = str(template) if value == "TEMPLATE" else value
    wanted = profile(**{field: value}, **NEEDED.get(kind, {}))
    engine, installed = ENGINES[kind], installation(kind, version)

    as_flag, as_key = has_flag(kind, version, field), field in ASKED[kind]
    by_hand = field == "context_length" and kind != "remote"  # memory is planned for it
    by_hand |= kind == "mlx-vlm" and field == "chat_template_args"  # below
    if not (as_flag or as_key or by_hand):
        for_pictures = (kind, field) == ("mlx-openai-server", "adapter_path")  # below
        assert for_pictures or field not in engine.honoured(installed)
        with pytest.raises(UnsupportedField, match=f"{kind}.*{field}") as refused:
            engine.check(wanted, installed)
        able = {other for other in ENGINES if other != kind and field in ENGINES[other].honoured()}
        for other in able - {"mlx-openai-server"} if field == "adapter_path" else able:
            assert other in (refused.value.hint or "")
        return
    assert field in engine.honoured(installed)
    engine.check(wanted, installed)
    words = argv(kind, version, wanted)
    expected = [str(template) if word == "TEMPLATE" else word for word in flags.get(kind, [])]
    assert contains(words, expected) if as_flag else field not in str(words), words
    if as_key:
        assert engine.request_values(wanted)[ASKED[kind][field]] == value
    elif not by_hand:
        assert field not in engine.request_values(wanted)


@pytest.mark.parametrize(("kind", "version"), ALL)
def test_every_word_is_one_that_the_real_help_lists(kind: EngineKind, version: str) -> None:
    """With everything set that the version honours, and for each type of model."""
    engine, installed = ENGINES[kind], installation(kind, version)
    listed = flags_in(installed.help)
    honoured = engine.honoured(installed) - {"adapter_path", "chat_template_file"}
    values = {name: CASES[name][0] for name in CASES if name in honoured}
    for model_type in engine.model_types:
        unbatched = {"decode_concurrency", "prompt_concurrency", "prefill_step_size"}
        unbatched &= values.keys() if kind == "mlx-openai-server" else set()
        fitting = {name: value for name, value in values.items() if name not in unbatched}
        wanted = profile(model_type=model_type, **fitting)
        engine.check(wanted, installed)
        words = argv(kind, version, wanted)
        assert {word for word in words if word.startswith("--")} <= listed
        assert contains(words, ["--host", "127.0.0.1"])
        assert contains(words, ["--port", "10240"])


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("field", ONLY)
def test_what_only_one_engine_has_is_refused_by_the_others(kind: EngineKind, field: str) -> None:
    values = {
        "command": ("p", "{port}"),
        "ready_path": "/ready",
        "base_url": "http://x/v1",
        "api_key_env": "HOME",
        "distributed": Distributed(ranks=2),
    }
    fields = NEEDED.get(kind, {}) | {field: values[field]}
    errors = dict(ENGINES[kind].refusals(profile(**fields), installation(kind)))
    if kind == ONLY[field]:
        assert field not in errors
    else:
        assert isinstance(errors[field], UnsupportedField)


@pytest.mark.parametrize("field", ["port", "env", "extra_args", "idle_unload_seconds", "revision"])
def test_what_is_no_process_of_ours_has_nothing_of_one(field: str) -> None:
    values: dict[str, Any] = {
        "port": 10250,
        "env": {"A": "b"},
        "extra_args": ("-v",),
        "idle_unload_seconds": 5.0,
        "revision": "main",
    }
    wanted = profile(base_url="http://x/v1", **{field: values[field]})
    assert [name for name, _ in ENGINES["remote"].refusals(wanted)] == [field]
    for kind in ("mlx-lm", "mlx-vlm", "mlx-openai-server"):
        local = profile(**{field: values[field]})
        assert list(ENGINES[kind].refusals(local, installation(kind))) == []


@pytest.mark.parametrize(
    ("kind", "fields", "nearest"),
    [
        ("mlx-openai-server", {"tool_call_parser": "qwen3-coder"}, "qwen3_coder"),
        ("mlx-openai-server", {"reasoning_parser": "glm47flash"}, "glm47_flash"),
    ],
)
def test_a_value_that_the_help_does_not_list_is_refused_with_the_nearest(
    kind: EngineKind, fields: dict[str, Any], nearest: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        ENGINES[kind].check(profile(**fields), installation(kind))
    assert nearest in (refused.value.hint or "")
    (field,) = fields
    assert field in refused.value.message


def test_a_parser_that_an_older_version_lacks_is_refused_there() -> None:
    wanted = profile(tool_call_parser="gemma4")
    engine = ENGINES["mlx-openai-server"]
    engine.check(wanted, installation("mlx-openai-server", "1.8.1"))
    with pytest.raises(InvalidValue):
        engine.check(wanted, installation("mlx-openai-server", "1.6.3"))


@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        ("mlx-lm", {"lm"}),
        ("mlx-vlm", {"lm", "multimodal", "embeddings"}),
        (
            "mlx-openai-server",
            {"lm", "multimodal", "embeddings", "whisper", "image-generation", "image-edit"},
        ),
    ],
)
def test_a_type_of_model_that_it_does_not_run_is_refused(kind: EngineKind, runs: set[str]) -> None:
    every = {"lm", "multimodal", "embeddings", "whisper", "image-generation", "image-edit"}
    for model_type in every:
        errors: list[tuple[str, MLXManagerError]] = list(
            ENGINES[kind].refusals(profile(model_type=model_type), installation(kind))
        )
        assert [field for field, _ in errors] == ([] if model_type in runs else ["model_type"])
        if errors:
            assert "mlx-openai-server" in (errors[0][1].hint or "")


def test_the_types_are_those_that_mlx_openai_server_lists() -> None:
    for version in ("1.4.2", "1.8.1"):
        listed = choices_in(installation("mlx-openai-server", version).help)["--model-type"]
        assert set(listed) == ENGINES["mlx-openai-server"].model_types


def test_mlx_vlm_takes_one_value_for_a_template() -> None:
    engine = ENGINES["mlx-vlm"]
    thinks = profile(chat_template_args={"enable_thinking": True})
    engine.check(thinks, installation("mlx-vlm"))
    assert engine.request_values(thinks) == {"enable_thinking": True}
    with pytest.raises(UnsupportedField, match="reasoning_effort"):
        engine.check(profile(chat_template_args={"reasoning_effort": "low"}))


def test_adapters_of_mlx_openai_server_are_for_pictures() -> None:
    engine, installed = ENGINES["mlx-openai-server"], installation("mlx-openai-server")
    drawing = profile(model_type="image-generation", adapter_path="/")
    engine.check(drawing, installed)
    assert contains(argv("mlx-openai-server", "1.8.1", drawing), ["--lora-paths", "/"])
    with pytest.raises(UnsupportedField, match="images"):
        engine.check(profile(adapter_path="/"), installed)
