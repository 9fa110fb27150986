"""``jupyter mlx serve``, ``stop``, ``restart``, ``ps``, ``logs``, ``status``, ``env`` and ``chat``.

Without a Jupyter: the daemon is started by the first of them.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import MLX
from tests.client.live import until
from tests.fixtures.jupyter import runs
from tests.fixtures.models import break_model, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Commands

RECORD = {"name", "model", "engine", "state", "pid", "port", "profile", "started_at", "error"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make("chat", tmp_path_factory.mktemp("models") / "tiny-chat"))


@pytest.fixture
def user(module_user: Commands) -> Iterator[Commands]:
    """No server runs afterwards."""
    yield module_user
    module_user.run("stop", "--all")


def faults(**switches: Any) -> list[str]:
    """``--set env=…`` for a fake engine that misbehaves."""
    return ["--set", f"env={json.dumps({'FAKE_ENGINE': json.dumps(switches)})}"]


def waits(user: Commands, *args: str) -> subprocess.Popen[str]:
    """A command that has started a server and waits for it."""
    process = user.start(*args)
    until(lambda: [each["state"] for each in user.json("ps")] == ["loading"])
    return process


def test_a_server_from_start_to_stop(user: Commands, model: str) -> None:
    done = user.run("serve", model, "--name", "tiny", "--ttl", "1h30m", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    server = json.loads(done.stdout)
    assert set(server) >= RECORD
    assert (server["name"], server["state"], server["error"]) == ("tiny", "ready", None)
    assert server["idle_unload_seconds"] == 5_400
    assert user.json("ps") == [{**server, **_moving(user.json("ps")[0])}]
    header, row = user.says("ps").splitlines()
    assert header.split() == ["name", "state", "model", "engine", "size", "memory", "port", "up"]
    assert row.split()[:4] == ["tiny", "ready", "tiny-chat", "mlx-lm"]
    assert str(server["port"]) in row
    (stopped,) = user.json("stop", "tiny")
    assert (stopped["name"], stopped["state"], stopped["pid"]) == ("tiny", "stopped", None)
    assert not runs(server["pid"])
    assert user.json("ps") == []
    assert "No server runs" in user.run("ps").stderr


def _moving(server: dict[str, Any]) -> dict[str, Any]:
    """What a healthy server's record may change in by itself."""
    return {key: server[key] for key in ("health", "last_used_at")}


def test_serve_tells_progress_on_stderr_and_the_result_on_stdout(
    user: Commands, model: str
) -> None:
    done = user.run("serve", model, "--name", "tiny", *faults(load_seconds=1))
    assert done.returncode == 0
    assert done.stdout.startswith("tiny answers at http://127.0.0.1:")
    assert done.stderr.splitlines()[0] == "tiny …"
    assert "✓ ready in" in done.stderr.splitlines()[-1]
    again = user.run("serve", model, "--name", "tiny", *faults(load_seconds=1))
    assert again.returncode == 0
    other = user.fails("serve", model, "--name", "tiny")
    assert other["code"] == "name_taken"


def test_on_a_terminal_a_start_is_one_line_drawn_anew(user: Commands, model: str) -> None:
    terminal, stderr = pty.openpty()
    argv = [*MLX, "serve", model, "--name", "tiny", *faults(load_seconds=1)]
    process = subprocess.Popen(argv, env=user.env, stdout=subprocess.DEVNULL, stderr=stderr)
    os.close(stderr)
    said = b""
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            break
    os.close(terminal)
    assert process.wait(20) == 0
    assert "loading weights" in said.decode()
    assert said.count(b"\n") == 1


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_ctrl_c_while_it_waits_stops_what_it_started(
    user: Commands, model: str, flags: list[str]
) -> None:
    process = waits(user, "serve", model, "--name", "slow", *faults(load_seconds=60), *flags)
    (server,) = user.json("ps")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert not runs(server["pid"])
    assert user.json("ps") == []
    assert "Traceback" not in stderr
    if flags:
        assert json.loads(stdout)["state"] == "stopped"
    else:
        assert "slow is stopped again." in stderr


def test_ctrl_c_leaves_what_was_there_before(user: Commands, model: str) -> None:
    line = ["serve", model, "--name", "slow", *faults(load_seconds=60)]
    assert user.json(*line, "--no-wait")["state"] in ("starting", "loading")
    process = user.start(*line)
    assert process.stderr
    assert process.stderr.readline().startswith("slow …")
    until(lambda: [each["state"] for each in user.json("ps")] == ["loading"])
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "slow goes on" in stderr or "Nothing was started" in stderr
    assert [each["name"] for each in user.json("ps")] == ["slow"]


def test_a_failed_start_prints_the_log_the_message_and_the_hint(user: Commands, model: str) -> None:
    dies = faults(die_at_load="Model type nosuch not supported.")
    done = user.run("serve", model, "--name", "bad", *dies)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "  | " in done.stderr
    assert "jupyter mlx: " in done.stderr
    assert "nosuch" in done.stderr
    assert "Traceback" not in done.stderr.split("jupyter mlx: ")[1]
    header, row, problem = user.says("ps").splitlines()
    assert "failed" in row
    assert "nosuch" not in row
    assert problem.startswith("bad: ")
    assert "nosuch" in problem
    assert "nosuch" not in header

    again = user.run("serve", model, "--name", "bad", *dies, "--json")
    assert again.returncode == 1
    server = json.loads(again.stdout)
    assert (server["state"], server["error"]["code"]) == ("failed", "unsupported_model")
    assert set(server["error"]) >= {"code", "message", "hint", "log_tail"}
    assert set(json.loads(again.stderr.splitlines()[-1])) == {"code", "message", "hint"}


def test_what_can_be_known_before_is_refused_before(user: Commands, tmp_path: Path) -> None:
    broken = break_model("truncated", tmp_path / "broken")
    assert user.fails("serve", str(broken))["code"] in ("corrupt_weights", "no_weights")
    assert user.fails("serve", "org/none")["code"] == "unknown_model"
    assert "temperature" in user.fails("serve", "x", "--set", "tempersture=1")["message"] + str(
        user.fails("serve", "x", "--set", "tempersture=1")["hint"]
    )
    assert user.json("ps") == []


def test_stop_ends_the_others_though_one_is_unknown(user: Commands, model: str) -> None:
    user.json("serve", model, "--name", "one")
    done = user.run("stop", "oen", "one")
    assert done.returncode == 1
    assert done.stdout == "one is stopped.\n"
    assert "one" in done.stderr
    assert "oen" in done.stderr
    user.json("serve", model, "--name", "one", "--no-wait")
    user.json("serve", model, "--name", "two", "--no-wait")
    assert [each["name"] for each in user.json("stop", "--all")] == ["one", "two"]
    assert user.json("stop", "--all") == []
    assert user.fails("stop", "one")["code"] == "unknown_server"


def test_restart_is_another_process_of_the_same_name(user: Commands, model: str) -> None:
    first = user.json("serve", model, "--name", "tiny", "--set", "max_tokens=7")
    second = user.json("restart", "tiny")
    assert second["state"] == "ready"
    assert second["pid"] != first["pid"]
    assert not runs(first["pid"])
    assert user.json("restart", "tiny", "--no-wait")["name"] == "tiny"
    assert user.fails("restart", "nobody")["code"] == "unknown_server"


def test_logs_prints_the_last_lines(user: Commands, model: str) -> None:
    user.json("serve", model, "--name", "tiny")
    until(lambda: "Starting httpd" in user.says("logs", "tiny"))
    assert len(user.says("logs", "tiny", "-n", "1").splitlines()) == 1
    assert user.says("logs", "tiny", "-n", "0") == ""
    told = user.json("logs", "tiny", "-n", "2")
    assert (told["name"], len(told["lines"])) == ("tiny", 2)
    assert user.fails("logs", "nobody")["code"] == "unknown_server"


def test_a_followed_log_goes_through_a_restart_and_ends_with_the_server(
    user: Commands, model: str
) -> None:
    user.json("serve", model, "--name", "tiny", *faults(log_flood=100))
    until(lambda: "flood 00000050" in user.says("logs", "tiny", "-n", "2000"))
    process = user.start("logs", "tiny", "-f", "-n", "1")
    assert process.stdout
    assert process.stdout.readline()
    user.json("restart", "tiny")
    until(lambda: "flood 00000050" in user.says("logs", "tiny", "-n", "2000"))
    user.run("stop", "tiny")
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 0, stderr
    assert stderr.splitlines() == ["--- tiny was started again ---", "--- tiny is stopped ---"]
    assert "flood 00000000" in stdout
    assert "flood 00000050" in stdout


def test_ctrl_c_ends_a_followed_log(user: Commands, model: str) -> None:
    user.json("serve", model, "--name", "tiny")
    process = user.start("logs", "tiny", "--follow")
    assert process.stdout
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, stderr) == (130, "")
    assert [each["state"] for each in user.json("ps")] == ["ready"]


def test_status_shows_everything_at_a_glance(user: Commands, model: str) -> None:
    user.json("serve", model, "--name", "tiny")
    said = user.says("status")
    for word in ("extension", "machine", "memory", "gateway", "/v1", "tiny", "ready"):
        assert word in said
    told = user.json("status")
    assert set(told) >= {"version", "pid", "hardware", "memory", "gateway_url", "servers"}
    assert told["downloads"] == []
    assert told["loads"]["tiny"]["memory_bytes"] > 1_000_000


def test_env_opens_the_gateway(user: Commands, model: str) -> None:
    user.json("serve", model, "--name", "tiny")
    told = user.json("env")
    assert set(told) == {"base_url", "api_key"}
    asked = urllib.request.Request(  # noqa: S310  loopback
        f"{told['base_url']}/models", headers={"Authorization": f"Bearer {told['api_key']}"}
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  loopback
        assert "tiny" in answer.read().decode()
    shell = f"{user.says('env')}\nprintf '%s ' $OPENAI_BASE_URL $OPENAI_API_KEY"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    url, key = done.stdout.split()
    assert url == told["base_url"]
    assert key.startswith("mlx-")


def test_chat_streams_to_the_terminal(user: Commands, model: str) -> None:
    assert user.fails("chat", "hi")["code"] == "not_ready"
    user.json("serve", model, "--name", "tiny", *faults(reasoning="Hm. Paris?"))
    answer = "The capital of France is Paris.\n"
    assert user.says("chat", "What", "is", "the", "capital?") == answer
    assert user.says("chat", "tiny", "What is the capital?", "-s", "Be terse.", "-t", "0") == answer
    assert user.says("chat", "-m", "tiny", "tiny", "or", "not?", "--seed", "3") == answer
    assert user.says("chat", "tiny", "-t", "0", "What", "--seed", "3", "is it?") == answer
    told = user.json("chat", "tiny", "hi", "--max-tokens", "4")
    assert set(told) >= {"text", "reasoning", "model", "usage", "timings", "finish_reason"}
    assert told["reasoning"] == "Hm. Paris?"
    assert (told["text"], told["finish_reason"]) == ("The capital", "length")
    assert told["usage"]["completion_tokens"] == 4


def test_chat_takes_what_is_piped_in(user: Commands, model: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    env = {"FAKE_ENGINE_JOURNAL": str(journal)}
    user.json("serve", model, "--name", "tiny", "--set", f"env={json.dumps(env)}")
    for args in (["tiny"], ["tiny", "Sum up:", "-"]):
        done = subprocess.run(
            [*MLX, "chat", *args],
            env=user.env,
            input="a long text",
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Paris" in done.stdout
    notes = [json.loads(line) for line in journal.read_text("utf-8").splitlines()]
    asked = [note["body"]["messages"][0]["content"] for note in notes if note["event"] == "request"]
    assert asked[-2:] == ["a long text", "Sum up: a long text"]


def test_an_interrupted_chat_ends_the_generation(
    user: Commands, model: str, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    env = {
        "FAKE_ENGINE": json.dumps({"token_seconds": 0.05, "tokens": "word " * 500}),
        "FAKE_ENGINE_JOURNAL": str(journal),
    }
    user.json("serve", model, "--name", "tiny", "--set", f"env={json.dumps(env)}")
    process = user.start("chat", "tiny", "hi")
    assert process.stdout
    assert process.stdout.read(4) == "word"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130
    until(lambda: '"closed"' in journal.read_text("utf-8"), 5)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve"], "MODEL|PROFILE"),
        (["serve", "x", "--ttl", "soon"], "write it as 20m"),
        (["serve", "x", "--ttl", "0"], "more than nothing"),
        (["serve", "x", "--engine", "llama"], "invalid choice"),
        (["serve", "x", "--context-length", "0"], "less than 1"),
        (["serve", "x", "--port", "many"], "invalid int"),
        (["serve", "x", "--set", "temperature"], "field=value"),
        (["chat", "-m", "x", "hi", "--nope"], "unrecognized arguments: --nope"),
        (["stop", "x", "--all", "y"], "unrecognized arguments: y"),
        (["stop"], "or --all"),
        (["stop", "a", "--all"], "or --all"),
        (["restart"], "NAME"),
        (["logs"], "NAME"),
        (["logs", "a", "-n", "-1"], "less than 0"),
        (["logs", "a", "-f", "--json"], "leave out --json"),
    ],
)
def test_wrong_usage_is_2(commands: Commands, words: list[str], says: str) -> None:
    done = commands.run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: jupyter mlx")
    assert says in done.stderr
