"""What a profile may say: every rule, with a word about what to do."""

from __future__ import annotations

from typing import Any

import pytest

from mlx_manager_jupyter.errors import (
    InvalidValue,
    MLXManagerError,
    UnknownField,
    UnsupportedField,
)
from mlx_manager_jupyter.schema import Profile
from mlx_manager_jupyter.services.profiles.validation import make, read

MINE: dict[str, Any] = {"name": "mine", "model": "org/m"}
REMOTE: dict[str, Any] = {"name": "far", "engine": "remote", "base_url": "http://host:1/v1"}
COMMAND: dict[str, Any] = {"name": "own", "engine": "command", "command": ["x", "{port}"]}


def wrong(values: dict[str, Any]) -> dict[str, MLXManagerError]:
    return dict(read(values).problems)


@pytest.mark.parametrize(
    "values",
    [
        MINE,
        REMOTE | {"model": "m", "api_key_env": "NOT_SET_YET"},
        REMOTE,
        COMMAND,
        {"name": "own", "command": ["x", "--port={port}"]},
        COMMAND | {"ready_path": "/health"},
        MINE | {"host": "::1"},
        MINE | {"host": "0.0.0.0", "host_confirmed": True},
        MINE | {"distributed": {"ranks": 3}},
        MINE | {"distributed": {"hosts": ["a", "b"], "backend": "ring"}},
        MINE | {"extra_args": ["--max-tokens", "-1", "--"]},
        MINE | {"engine": "mlx-openai-server", "tool_call_parser": "hermes"},
        MINE | {"temperature": None, "description": None, "aliases": None},
    ],
)
def test_what_is_right_is_taken(values: dict[str, Any]) -> None:
    assert wrong(values) == {}
    assert make(values).name == values["name"]


@pytest.mark.parametrize(
    ("values", "field", "kind", "words"),
    [
        ({"name": "x"}, "model", InvalidValue, "Name a model"),
        ({"model": "m"}, "name", InvalidValue, "missing"),
        (MINE | {"host": "0.0.0.0"}, "host", InvalidValue, "host_confirmed=true"),
        (MINE | {"host": "0.0.0.0"}, "host", InvalidValue, "nobody for a key"),
        (MINE | {"host": " "}, "host", InvalidValue, "127.0.0.1"),
        (MINE | {"distributed": {}}, "distributed", InvalidValue, "exactly one"),
        (
            MINE | {"distributed": {"ranks": 2, "hostfile": "h.json"}},
            "distributed",
            InvalidValue,
            "exactly one",
        ),
        (MINE | {"distributed": {"ranks": 1}}, "distributed", InvalidValue, "ranks"),
        (MINE | {"distributed": {"hosts": ["-oProxy"]}}, "distributed", InvalidValue, "name"),
        (MINE | {"distributed": {"machines": 3}}, "distributed", InvalidValue, "machines"),
        (REMOTE | {"base_url": None}, "base_url", InvalidValue, "/chat/completions"),
        (REMOTE | {"base_url": "ftp://x"}, "base_url", InvalidValue, "base_url"),
        (REMOTE | {"base_url": "http://a:99999/"}, "base_url", InvalidValue, "no URL"),
        (REMOTE | {"port": 1}, "port", UnsupportedField, "remote"),
        (REMOTE | {"kv_bits": 4}, "kv_bits", UnsupportedField, "mlx-lm"),
        (COMMAND | {"command": []}, "command", InvalidValue, "{model}, {host} and {port}"),
        (COMMAND | {"command": ["x"]}, "command", InvalidValue, "{port}"),
        (COMMAND | {"command": ["x", "{port}", "{model}"]}, "model", InvalidValue, "model"),
        (COMMAND | {"base_url": "http://x/v1"}, "base_url", UnsupportedField, "remote"),
        (
            {"name": "x", "command": ["x", "{port}"], "base_url": "http://x"},
            "base_url",
            InvalidValue,
            "one of them",
        ),
        (MINE | {"ready_path": "/ok"}, "ready_path", UnsupportedField, "engine=command"),
        (MINE | {"api_key_env": "KEY"}, "api_key_env", UnsupportedField, "engine=remote"),
        (MINE | {"engine": "mlx-lm", "command": ["x"]}, "command", UnsupportedField, "command"),
        (
            MINE | {"engine": "mlx-lm", "tool_call_parser": "x"},
            "tool_call_parser",
            UnsupportedField,
            "mlx-openai-server",
        ),
        (
            MINE | {"engine": "mlx-lm", "model_type": "whisper"},
            "model_type",
            UnsupportedField,
            "mlx-openai-server",
        ),
        (MINE | {"aliases": ["mine"]}, "aliases", InvalidValue, "itself"),
        (MINE | {"aliases": ["a", "a"]}, "aliases", InvalidValue, "twice"),
        (MINE | {"name": "export"}, "name", InvalidValue, "another"),
        (MINE | {"env": {"A=B": "c"}}, "env", InvalidValue, "variable"),
        (MINE | {"env": {"": "c"}}, "env", InvalidValue, "variable"),
        (MINE | {"extra_args": ["a\0b"]}, "extra_args", InvalidValue, "zero byte"),
        (MINE | {"temprature": 1}, "temprature", UnknownField, "temperature"),
        (MINE | {"name": "a b"}, "name", InvalidValue, "letters, digits"),
        (MINE | {"aliases": ["a/b"]}, "aliases", InvalidValue, "letters, digits"),
        (REMOTE | {"api_key_env": "sk-123"}, "api_key_env", InvalidValue, "not the key"),
        (COMMAND | {"ready_path": "ok"}, "ready_path", InvalidValue, "'/'"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(
    values: dict[str, Any], field: str, kind: type[MLXManagerError], words: str
) -> None:
    found = wrong(values)
    assert isinstance(found.get(field), kind), found
    assert words in str(found[field])
    with pytest.raises(type(next(iter(found.values())))):
        make(values)


def test_a_key_in_the_place_of_its_variable_is_not_repeated() -> None:
    assert "sk-123" not in str(wrong(REMOTE | {"api_key_env": "sk-123"})["api_key_env"])


@pytest.mark.parametrize(
    "words",
    [
        ["--host", "0.0.0.0"],
        ["--host=0.0.0.0"],
        ["--ho"],
        ["--port"],
        ["--model"],
        ["--model-path", "x"],
        ["--served-model-name=x"],
        ["--serv=x"],
        ["--config", "c.yaml"],
    ],
)
def test_no_argument_undoes_what_is_checked(words: list[str]) -> None:
    assert "undo" in str(wrong(MINE | {"extra_args": words})["extra_args"])


def test_all_that_is_wrong_is_found_at_once() -> None:
    found = wrong(
        {"temperature": 9, "top_p": "x", "colour": "red", "host": "0.0.0.0", "port": 0, "seed": -1}
    )
    assert set(found) == {
        "temperature",
        "top_p",
        "colour",
        "host",
        "port",
        "seed",
        "name",
        "model",
    }


@pytest.mark.parametrize("field", Profile.__struct_fields__)
def test_no_field_takes_whatever_one_gives(field: str) -> None:
    """The wrong kind of value is a problem of its own field, whichever it is."""
    assert list(wrong(MINE | {field: [{"a": object}]})) == [field]


def test_what_is_sound_is_kept_for_looking_at() -> None:
    reading = read({"name": "a b", "model": "org/m", "top_k": 5, "top_p": 9})
    assert (reading.profile.model, reading.profile.top_k, reading.profile.top_p) == (
        "org/m",
        5,
        None,
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("temperature", 5, "'temperature' must be at most 2, not 5."),
        ("port", 0, "'port' must be at least 1, not 0."),
        ("idle_unload_seconds", 0, "'idle_unload_seconds' must be more than 0, not 0."),
        ("temperature", "hot", "'temperature' must be a number, not text."),
        ("top_k", 1.5, "'top_k' must be a whole number, not a fraction."),
        ("pinned", "yes", "'pinned' must be true or false, not text."),
        ("kv_bits", 5, "'kv_bits' must be one of 2, 3, 4, 6, 8, not 5."),
        ("log_level", "LOUD", "'log_level' must be one of DEBUG, INFO, WARNING"),
        ("distributed", {"ranks": 1}, "'distributed.ranks' must be at least 2."),
        ("aliases", ["a", 3], "'aliases[1]' must be text, not a whole number."),
        ("env", {"TOKEN": 12345}, "'env[...]' must be text, not a whole number."),
    ],
)
def test_a_wrong_value_is_told_in_words(field: str, value: object, said: str) -> None:
    ((_, error),) = read({"name": "a", "model": "m", field: value}).problems
    assert error.message.startswith(said)
