"""``jupyter mlx search``, ``resolve``, ``models`` and ``fit``, and the daemon that they start."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import MLX, QWEN, TINY

if TYPE_CHECKING:
    from tests.cli.conftest import Commands
    from tests.fixtures.hub import FakeHub

FIELDS = {
    "id", "author", "downloads", "size_bytes", "bits", "family", "capabilities", "context_length",
    "fit", "local",
}  # fmt: skip


def test_search_prints_the_best_first(user: Commands) -> None:
    found = user.json("search", "qwen3", "8b")
    assert [model["id"] for model in found] == [QWEN, "mlx-community/Qwen3-8B-8bit"]
    assert set(found[0]) >= FIELDS
    assert found[0]["author"] == "mlx-community"
    assert [model["bits"] for model in user.json("search", "qwen3", "--bits", "8")] == [8, 8]
    assert user.json("search", "qwen3", "--sort", "downloads", "--limit", "1", "--offset", "1")[0][
        "id"
    ].endswith("8B-8bit")
    assert user.json("search", "qwen3", "--vision", "--author", "mlx-community") == []
    (tiny,) = user.json("search", "tiny", "chat", "--fits")
    assert tiny["size_bytes"] > 0
    assert tiny["fit"] == "fits"


def test_tables_are_whole_in_a_pipe_and_fit_a_narrow_terminal(user: Commands) -> None:
    wide = user.says("search", "qwen3").splitlines()
    assert wide[0].split()[:2] == ["model", "bits"]
    assert any("mlx-community/Qwen3-30B-A3B-Instruct-2507-8bit-DWQ" in line for line in wide)
    narrow = user.says("search", "qwen3", COLUMNS="60").splitlines()
    assert max(map(len, narrow)) <= 60
    assert any("8bit-DWQ" in line for line in narrow)
    assert len(narrow) == len(wide) == 4
    assert not any("\x1b" in line for line in wide)


def test_more_pages_and_nothing_are_said_on_stderr(user: Commands) -> None:
    done = user.run("search", "qwen3", "--limit", "1")
    assert "3 in all; go on with --offset 1" in done.stderr
    done = user.run("search", "nothing", "of", "the", "kind")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No model of the Hub is like that." in done.stderr
    done = user.run("search", "qwen3", "--offset", "50")
    assert (done.returncode, done.stdout) == (0, "")
    assert "There are no more: 3 in all." in done.stderr


def test_resolve_prints_an_id_or_the_candidates(user: Commands) -> None:
    assert user.says("resolve", "qwen3", "8b", "4bit").strip() == QWEN
    assert user.json("resolve", "qwen3 8b 4bit")["id"] == QWEN
    done = user.run("resolve", "qwen3", "8b", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["code"] == "ambiguous_model"
    assert QWEN in error["candidates"]
    done = user.run("resolve", "qwen3", "8b")
    assert f"  {QWEN}\n" in done.stderr
    assert user.fails("resolve", "nothing of the kind")["code"] == "unknown_model"


def test_the_hub_in_trouble_is_an_error_and_no_empty_list(user: Commands, hub: FakeHub) -> None:
    hub.fault("status", "/api/models/", status=500)
    error = user.fails("fit", "org/unheard-of")
    assert error["code"] == "hub_unreachable"
    assert error["hint"]


def test_fit_has_the_numbers(user: Commands) -> None:
    fit = user.json("fit", TINY, "--context-length", "4096", "--concurrency", "2")
    assert (fit["verdict"], fit["context_length"], fit["concurrency"]) == ("fits", 4096, 2)
    said = user.says("fit", "tiny", "chat", "--concurrency", "2")
    assert said.startswith("It fits")
    assert "2 conversations of" in said
    assert "free now" in said


def test_models_are_listed_checked_and_removed(user: Commands) -> None:
    assert user.json("models") == []
    user.json("pull", TINY)
    (model,) = user.json("models", "list")
    assert (model["id"], model["complete"]) == (TINY, True)
    done = user.run("models")
    assert done.stdout.splitlines()[1].startswith(TINY)
    assert done.stderr.startswith("1 model, 1 MB, ")

    assert user.json("models", "verify", "tiny", "chat")["ok"]
    assert "is whole" in user.says("models", "verify", TINY)
    weights = (Path(model["path"]) / "model.safetensors").resolve()
    content = bytearray(weights.read_bytes())
    content[-7] ^= 1
    weights.write_bytes(content)
    done = user.run("models", "verify", TINY, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["damaged"] == ["model.safetensors"]
    error = json.loads(done.stderr)
    assert error["code"] == "corrupt_weights"
    assert f"jupyter mlx models rm {TINY} && jupyter mlx pull {TINY}" in error["hint"]

    (Path(model["path"]) / "config.json").resolve().unlink()
    weights.unlink()
    done = user.run("models", "verify", TINY)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{TINY} is not complete: config.json (missing)" in done.stderr
    assert done.stderr.endswith(f"jupyter mlx pull {TINY}\n")

    done = user.run("models", "rm", TINY, "--json")
    assert done.returncode == 2
    assert "-y" in done.stderr
    assert user.json("models", "rm", TINY, "-y")["freed_bytes"] > 0
    assert user.json("models") == []
    assert user.fails("models", "rm", TINY, "-y")["code"] == "unknown_model"


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 0), ("n", 1, 1), ("", 1, 1)])
def test_a_person_is_asked(user: Commands, answer: str, code: int, left: int) -> None:
    user.json("pull", TINY)
    terminal, stdin = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    done = subprocess.run(
        [*MLX, "models", "rm", TINY], env=user.env, stdin=stdin, capture_output=True, text=True
    )
    os.close(stdin)
    os.close(terminal)
    assert f"Remove {TINY} (1 MB)? [y/N]" in done.stderr
    assert done.returncode == code
    assert len(user.json("models")) == left


def test_prune_removes_what_nobody_goes_on_with(user: Commands, hub: FakeHub) -> None:
    assert user.json("models", "prune", "-y")["freed_bytes"] == 0
    left = Path(hub_cache(user)) / "models--org--left" / "blobs" / "feed.incomplete"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 10_000)
    os.utime(left, (1, 1))
    pruned = user.json("models", "prune", "-y")
    assert pruned["freed_bytes"] >= 10_000
    assert not left.exists()
    assert hub.log() == []


def hub_cache(user: Commands) -> str:
    return f"{user.env['HF_HOME']}/hub"
