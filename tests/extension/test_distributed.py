"""One model, several ranks: the real mlx-lm under the real mlx.launch behind a real Jupyter."""

from __future__ import annotations

import itertools
import json
import os
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.process import port_is_free
from mlx_manager_jupyter.cli.demo.model import NAME
from mlx_manager_jupyter.schema import Distributed, Profile
from mlx_manager_jupyter.services.servers.examining import examine
from mlx_manager_jupyter.services.servers.matching import Matcher
from tests.fixtures.jupyter import Jupyter, runs
from tests.fixtures.models import SAYS, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

MARKER, HOME = "MLX_MANAGER_RUN", "MLX_MANAGER_HOME"
#: Several ranks on two busy cores wait for each other at every layer.
PATIENCE = 100.0
#: Away from where other tests look for ports: that ours are free again is seen here.
PORTS = itertools.count(11_000 + os.getpid() * 37 % 8_000, 10)
ALONE: dict[str, Any] = {"restart": "never"}


def members(jupyter: Jupyter) -> list[psutil.Process]:
    """Every living process that carries the mark of a run of this Jupyter, wherever it is."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            ours = environ.get(HOME) == jupyter.environment[HOME] and MARKER in environ
        except psutil.Error:
            continue
        if ours and runs(process.pid):
            found.append(process)
    return found


def word_after(process: psutil.Process, flag: str) -> str:
    words = process.cmdline()
    return words[words.index(flag) + 1]


def launcher(jupyter: Jupyter, name: str = "m") -> psutil.Process:
    (pid,) = (each["pid"] for each in jupyter.api("servers") if each["name"] == name)
    return psutil.Process(pid)


def rank(jupyter: Jupyter, number: int) -> psutil.Process:
    """By what mlx.launch told it."""
    (found,) = (each for each in members(jupyter) if each.environ().get("MLX_RANK") == str(number))
    return found


def ports_of(leader: psutil.Process, ranks: int) -> list[int]:
    """The one of HTTP, and those that the ranks talk through."""
    first = int(word_after(leader, "--starting-port"))
    return [int(word_after(leader, "--port")), *range(first, first + ranks)]


@contextmanager
def jupyter_in(folder: Path) -> Iterator[Jupyter]:
    """One whose engines end with the test, whatever happens."""
    start = f"--MLXManager.default_port_start={next(PORTS)}"
    jupyter = Jupyter(folder, engine=None, options=(start,))
    try:
        with jupyter:
            yield jupyter
    finally:
        left = members(jupyter)
        for each in left:
            each.kill()
    assert left == [], "Jupyter ends what it started"


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Jupyter]:
    with jupyter_in(tmp_path / "jupyter") as running:
        yield running


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Its four heads and two key-value heads divide by two."""
    return make("chat", tmp_path / "tiny")


def serve(jupyter: Jupyter, model: Path, name: str = "m", ranks: int = 2, **fields: Any) -> None:
    values = {"distributed": {"ranks": ranks}, "temperature": 0.0, **fields}
    jupyter.api("servers", "POST", {"model": str(model), "name": name, "set": values})


def refused(jupyter: Jupyter, model: Path, ranks: int = 2, **fields: Any) -> dict[str, Any]:
    """What the refusal of a start says."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        serve(jupyter, model, ranks=ranks, **fields)
    assert caught.value.code == 400
    answer: dict[str, Any] = json.loads(caught.value.read())
    return answer


def ask(jupyter: Jupyter, model: str = "m", question: str = "Hello", **more: Any) -> str:
    """The answer, through the gateway."""
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    request = urllib.request.Request(  # noqa: S310  loopback
        json.loads(jupyter.connection_file.read_text("utf-8"))["url"] + "v1/chat/completions",
        data=json.dumps(
            {"model": model, "messages": [{"role": "user", "content": question}], **more}
        ).encode(),
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=2 * PATIENCE) as response:  # noqa: S310  loopback
        text: str = json.loads(response.read())["choices"][0]["message"]["content"]
    return text


def gone(jupyter: Jupyter, ports: list[int], seconds: float = 30.0) -> None:
    """Wait until nobody carries the mark and every port is free."""
    deadline = time.monotonic() + seconds
    while left := members(jupyter):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert [port for port in ports if not port_is_free("127.0.0.1", port)] == []


def failure(jupyter: Jupyter) -> dict[str, Any]:
    error: dict[str, Any] = jupyter.until("m", "failed", 60.0)["error"]
    return error


@pytest.mark.timeout(400)
def test_smollm2_by_three_ranks_and_not_by_two(jupyter: Jupyter, built: Path) -> None:
    model = built / "models" / NAME
    said = refused(jupyter, model)
    assert said["code"] == "invalid_value"
    assert "9 attention heads and 3 key-value heads" in said["message"]
    assert said["hint"] == "3 ranks work."
    values = {"name": "p", "model": str(model), "distributed": {"ranks": 2}}
    (problem,) = jupyter.api("profiles/check", "POST", values)["problems"]
    assert problem["field"] == "distributed"
    assert problem["problem"]["message"] == said["message"]
    assert members(jupyter) == [], "nothing was started to find that out"

    serve(jupyter, model, ranks=3, max_tokens=12)
    server = jupyter.until("m", "ready", 2 * PATIENCE)
    ports = ports_of(launcher(jupyter), 3)
    assert [rank(jupyter, number).name() for number in range(3)] == ["mlx_lm.server"] * 3
    assert len(members(jupyter)) == 4
    began = time.monotonic()
    answer = ask(jupyter, question="What is the capital of France?")
    took = time.monotonic() - began
    assert answer == "The capital of France is Paris."
    held = [each.memory_info().rss >> 20 for each in members(jupyter)]
    print(f"3 ranks: ready after {server['ready_seconds']:.1f} s, an answer of 8 tokens in")
    print(f"{took:.1f} s; MB of each process: {held}")

    jupyter.api("servers/m", "DELETE")
    gone(jupyter, ports, seconds=0.0)


def test_a_restart_leaves_no_rank_behind(jupyter: Jupyter, tiny: Path) -> None:
    serve(jupyter, tiny)
    jupyter.until("m", "ready", PATIENCE)
    ports, before = ports_of(launcher(jupyter), 2), {each.pid for each in members(jupyter)}
    jupyter.api("servers/m/restart", "POST")
    jupyter.until("m", "ready", PATIENCE)
    after = {each.pid for each in members(jupyter)}
    assert len(after) == 3
    assert not before & after
    assert ask(jupyter) == SAYS["chat"]
    ports += ports_of(launcher(jupyter), 2)
    jupyter.api("servers/m", "DELETE")
    gone(jupyter, ports, seconds=0.0)


def test_examining_a_profile_says_what_starting_it_would(tiny: Path, tmp_path: Path) -> None:
    matcher = Matcher(cache=tmp_path, engine_paths={}, managed=None, nature=lambda _: None)
    wanted = Profile(name="p", model=str(tiny), distributed=Distributed(ranks=3))
    check = examine(matcher, wanted)
    (found,) = check.problems
    assert found.field == "distributed"
    assert "4 attention heads, 2 key-value heads and 256 columns" in found.problem.message
    assert found.problem.hint == "2 ranks work."
    assert check.engine == "mlx-lm"
    assert "distributed" in check.honoured
    assert not examine(matcher, replace(wanted, distributed=Distributed(ranks=2))).problems


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_is_killed_ends_all(jupyter: Jupyter, tiny: Path, victim: int) -> None:
    serve(jupyter, tiny, **ALONE)
    jupyter.until("m", "ready", PATIENCE)
    assert ask(jupyter) == SAYS["chat"]
    ports = ports_of(launcher(jupyter), 2)
    rank(jupyter, victim).kill()
    error = failure(jupyter)
    assert error["message"] == f"Rank {victim} was killed, so the other ranks were ended."
    assert error["hint"]
    assert error["log_tail"]
    gone(jupyter, ports, seconds=0.0)


def test_ranks_do_not_outlive_their_launcher(jupyter: Jupyter, tiny: Path) -> None:
    serve(jupyter, tiny, **ALONE)
    jupyter.until("m", "ready", PATIENCE)
    leader = launcher(jupyter)
    ports = ports_of(leader, 2)
    leader.kill()
    assert failure(jupyter)["code"] == "engine_crashed"
    gone(jupyter, ports, seconds=0.0)


def test_a_rank_that_is_killed_is_started_again_with_all_others(
    jupyter: Jupyter, tiny: Path
) -> None:
    serve(jupyter, tiny)
    pid = jupyter.until("m", "ready", PATIENCE)["pid"]
    old = members(jupyter)
    rank(jupyter, 1).kill()
    deadline = time.monotonic() + PATIENCE
    while (again := jupyter.until("m", "ready", PATIENCE))["pid"] == pid:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert again["pid"] != pid
    assert ask(jupyter) == SAYS["chat"]
    assert len(members(jupyter)) == 3
    assert not any(runs(each.pid) for each in old)


def test_all_ranks_are_adopted_and_ended(jupyter: Jupyter, tiny: Path) -> None:
    serve(jupyter, tiny)
    jupyter.until("m", "ready", PATIENCE)
    ports, before = ports_of(launcher(jupyter), 2), {each.pid for each in members(jupyter)}
    assert len(before) == 3
    jupyter.kill()
    jupyter.start()
    jupyter.until("m", "ready", PATIENCE)
    assert {each.pid for each in members(jupyter)} == before
    assert ask(jupyter) == SAYS["chat"]
    jupyter.api("servers/m", "DELETE")
    gone(jupyter, ports, seconds=0.0)


def test_ranks_whose_launcher_died_with_jupyter_are_ended(jupyter: Jupyter, tiny: Path) -> None:
    serve(jupyter, tiny)
    jupyter.until("m", "ready", PATIENCE)
    leader = launcher(jupyter)
    ports = ports_of(leader, 2)
    jupyter.kill()
    leader.kill()
    leader.wait(10)
    assert len(members(jupyter)) == 2, "they go on with nobody"
    jupyter.start()
    gone(jupyter, ports)


def test_two_that_start_at_once_do_not_take_each_others_ranks(
    jupyter: Jupyter, tiny: Path, tmp_path: Path
) -> None:
    other = make("think", tmp_path / "other")
    serve(jupyter, tiny, "one")
    serve(jupyter, other, "two")
    for name in ("one", "two"):
        jupyter.until(name, "ready", PATIENCE)
    assert ask(jupyter, "one") == SAYS["chat"]
    assert ask(jupyter, "two").strip() == SAYS["think"]


def test_a_client_that_leaves_does_not_lock_the_ranks(jupyter: Jupyter, tmp_path: Path) -> None:
    serve(jupyter, make("endless", tmp_path / "m"))
    jupyter.until("m", "ready", PATIENCE)
    with pytest.raises(TimeoutError):  # mlx-lm would lock up: see `checks`
        ask_briefly(jupyter, seed=7, max_tokens=1_000_000, stream=True)
    assert ask(jupyter, max_tokens=5, seed=7)


def ask_briefly(jupyter: Jupyter, seconds: float = 1.5, **more: Any) -> None:
    """Read an answer as it comes, and leave in its midst."""
    key = jupyter.api("keys", "POST", {"label": "test"})["secret"]
    body = {"model": "m", "messages": [{"role": "user", "content": "Go on"}], **more}
    request = urllib.request.Request(  # noqa: S310  loopback
        json.loads(jupyter.connection_file.read_text("utf-8"))["url"] + "v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}"},
    )
    deadline = time.monotonic() + seconds
    with urllib.request.urlopen(request, timeout=2 * PATIENCE) as response:  # noqa: S310  loopback
        while response.readline():
            if time.monotonic() > deadline:
                raise TimeoutError


def test_an_idle_launcher_rests(jupyter: Jupyter, tiny: Path) -> None:
    serve(jupyter, tiny)
    jupyter.until("m", "ready", PATIENCE)
    leader = launcher(jupyter)
    before, began = sum(leader.cpu_times()[:2]), time.monotonic()
    time.sleep(3.0)  # a share of a core is one of a time
    share = (sum(leader.cpu_times()[:2]) - before) / (time.monotonic() - began)
    print(f"the launcher takes {share:.3f} of a core while nobody asks")
    assert share < 0.1, "by itself it takes half a core and more"


def test_what_several_ranks_can_not_do_is_refused(jupyter: Jupyter, tiny: Path) -> None:
    fields: dict[str, Any] = {"adapter_path": str(tiny), "draft_model": str(tiny), "kv_bits": 8}
    for field, value in fields.items():
        said = refused(jupyter, tiny, **{field: value})
        assert said["code"] == "unsupported_field"
        assert field in said["message"]
    said = refused(jupyter, tiny, engine="mlx-vlm")
    assert "mlx-lm" in said["hint"]
    assert members(jupyter) == []
