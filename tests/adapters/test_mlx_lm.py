"""What we know of mlx-lm, held against its own recorded words (version 0.32.2, run on Linux)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from mlx_manager_jupyter.adapters.engines import MLX_LM, Installation, find
from mlx_manager_jupyter.adapters.engines.help_text import flags_in
from mlx_manager_jupyter.errors import EngineMissing, UnsupportedField
from mlx_manager_jupyter.schema import Profile

RECORDED = Path(__file__).parent / "recorded" / "mlx_lm-0.32.2"
HELP = (RECORDED / "help.txt").read_text("utf-8")
INSTALLED = Installation("mlx-lm", ("mlx_lm.server",), "0.32.2", told=HELP)
PROFILE = Profile(name="p", model="m")

#: One value for each field that becomes a flag, and the words it must become.
FLAGS: dict[str, tuple[Any, list[str]]] = {
    "max_tokens": (9, ["--max-tokens", "9"]),
    "temperature": (0.0, ["--temp", "0.0"]),
    "top_p": (0.5, ["--top-p", "0.5"]),
    "top_k": (0, ["--top-k", "0"]),
    "min_p": (0.1, ["--min-p", "0.1"]),
    "chat_template_args": ({"a": False}, ["--chat-template-args", '{"a": false}']),
    "trust_remote_code": (True, ["--trust-remote-code"]),
    "adapter_path": ("/", ["--adapter-path", "/"]),
    "draft_model": ("/d", ["--draft-model", "/d"]),
    "num_draft_tokens": (2, ["--num-draft-tokens", "2"]),
    "prompt_cache_size": (3, ["--prompt-cache-size", "3"]),
    "prompt_cache_bytes": (4, ["--prompt-cache-bytes", "4"]),
    "kv_bits": (8, ["--kv-bits", "8"]),
    "kv_group_size": (64, ["--kv-group-size", "64"]),
    "quantized_kv_start": (0, ["--quantized-kv-start", "0"]),
    "decode_concurrency": (5, ["--decode-concurrency", "5"]),
    "prompt_concurrency": (6, ["--prompt-concurrency", "6"]),
    "prefill_step_size": (512, ["--prefill-step-size", "512"]),
    "log_level": ("DEBUG", ["--log-level", "DEBUG"]),
}


def profile(**fields: Any) -> Profile:
    return Profile(name="p", model="m", **fields)


def argv(of: Profile) -> tuple[str, ...]:
    return MLX_LM.argv(INSTALLED, of, Path("/models/m"), "127.0.0.1", 10240)


def tail(name: str) -> list[str]:
    return (RECORDED / f"{name}.log").read_text("utf-8").splitlines()


def test_every_flag_is_one_that_the_real_help_lists() -> None:
    listed = flags_in(HELP)
    assert {flag.name for flag in MLX_LM.flags.values()} <= listed
    assert {"--model", "--host", "--port"} <= listed


def test_every_flag_field_is_tried_below() -> None:
    assert FLAGS.keys() | {"chat_template_file"} == MLX_LM.flags.keys()


@pytest.mark.parametrize("field", FLAGS)
def test_a_field_becomes_its_flag(field: str) -> None:
    value, words = FLAGS[field]
    assert list(argv(profile(**{field: value}))[7:-2]) == words


def test_a_chat_template_is_passed_as_text(tmp_path: Path) -> None:
    template = tmp_path / "t.jinja"
    template.write_text("{{ messages }}", "utf-8")
    assert argv(profile(chat_template_file=str(template)))[7:-2] == (
        "--chat-template",
        "{{ messages }}",
    )


def test_what_is_unset_is_left_to_the_engine() -> None:
    assert argv(PROFILE) == (
        *("mlx_lm.server", "--model", "/models/m"),
        *("--host", "127.0.0.1", "--port", "10240"),
        *("--allowed-origins", "none"),
    )
    assert argv(profile(trust_remote_code=False, seed=1, system_prompt="s")) == argv(PROFILE)
    assert argv(profile(extra_args=("--pipeline",)))[-1] == "--pipeline"


@pytest.mark.parametrize(
    ("version", "told"),
    [("0.32.0", True), ("0.33.1.dev1", True), ("1.0", True), ("0.31.3", False), (None, False)],
)
def test_no_page_reads_its_answers_if_the_version_can_be_told(
    version: str | None, *, told: bool
) -> None:
    installed = Installation("mlx-lm", ("mlx_lm.server",), version)  # and is not asked for its help
    words = MLX_LM.argv(installed, PROFILE, Path("/models/m"), "127.0.0.1", 10240)
    assert ("--allowed-origins" in words) == told
    assert "--allowed-origins" in INSTALLED.flags


def test_a_field_that_the_installed_version_lacks_is_refused_before_a_start() -> None:
    older = re.sub(r"(?m)^  --kv-bits .*$", "", HELP)
    MLX_LM.check(profile(kv_bits=8), INSTALLED)
    with pytest.raises(UnsupportedField, match=r"mlx-lm 0\.31\.0 .*kv_bits.*mlx-openai-server"):
        MLX_LM.check(
            profile(kv_bits=8), Installation("mlx-lm", ("mlx_lm.server",), "0.31.0", told=older)
        )


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ("badflag", "invalid_value"),
        ("badtype", "unsupported_model"),
        ("corrupt", "corrupt_weights"),
        ("missingpath", "start_failed"),
        ("missingrepo_offline", "start_failed"),
        ("notok", "model_unusable"),
        ("portused", "port_taken"),
    ],
)
def test_a_recorded_failure_is_told_in_words(log: str, code: str) -> None:
    lines = tail(log)
    exits = log == "badflag"
    assert any(map(MLX_LM.is_fatal, lines)) != exits, "or it would never be noticed"
    error = MLX_LM.diagnose("exited" if exits else "fatal_line", "", lines, exit_code=2)
    assert error.code == code
    assert error.hint
    assert error.log_tail == tuple(lines)


def test_a_healthy_log_has_no_fatal_line() -> None:
    assert not any(map(MLX_LM.is_fatal, tail("healthy")))
    # What macOS says of a client that left: an adopted server's old log may hold it.
    assert not MLX_LM.is_fatal("OSError: [Errno 57] Socket is not connected")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"exit_code": 3}, "exit code 3"),
        ({"signal": 9}, "signal 9"),
        ({}, "no exit code known"),
    ],
)
def test_an_end_without_a_word_is_told_by_how_it_ended(how: dict[str, int], words: str) -> None:
    error = MLX_LM.diagnose("exited", "", [], **how)
    assert error.code == "engine_crashed"
    assert words in error.message


def test_a_configured_path_that_cannot_run_is_told(tmp_path: Path) -> None:
    plain = tmp_path / "mlx_lm.server"
    plain.write_text("", "utf-8")
    for path in (plain, tmp_path / "missing"):
        with pytest.raises(EngineMissing, match="engine_paths"):
            find(MLX_LM, str(path))


def test_an_engine_that_is_nowhere_is_told_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("UV_TOOL_DIR", str(tmp_path))
    with pytest.raises(EngineMissing, match="pip install"):
        find(MLX_LM)
