"""``jupyter mlx metrics``: now, and since a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.schema import Metrics, MetricsHistory
from tests.client.live import until
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Commands


@pytest.fixture
def user(module_user: Commands) -> Iterator[Commands]:
    """No server runs afterwards."""
    yield module_user
    module_user.run("stop", "--all")


def test_now_and_then_in_both_forms(user: Commands, tmp_path: Path) -> None:
    nothing = user.run("metrics")
    assert nothing.returncode == 0
    assert "No server runs." in nothing.stderr
    assert "free of" in nothing.stdout
    never = user.run("metrics", "--since", "1h")
    assert (never.returncode, never.stdout) == (0, "")
    assert "No server ran." in never.stderr

    user.json("serve", str(make("chat", tmp_path / "tiny-chat")), "--name", "tiny")
    reply = user.json("chat", "tiny", "Hello?")
    until(lambda: user.json("metrics")["servers"]["tiny"]["requests"])
    now = user.json("metrics")
    assert set(now) == set(Metrics.__struct_fields__)
    tiny = now["servers"]["tiny"]
    assert (tiny["requests"], tiny["errors"]) == (1, 0)
    assert tiny["tokens"] == reply["usage"]["completion_tokens"]
    until(lambda: "tiny" in user.json("metrics", "--since", "1h")["servers"])
    past = user.json("metrics", "--since", "1h")
    assert set(past) == set(MetricsHistory.__struct_fields__)
    assert len(past["servers"]["tiny"]["memory_bytes"]) == len(past["times"])

    head, line, machine = user.says("metrics").splitlines()
    assert head.split()[:2] == ["server", "memory"]
    assert line.split()[0] == "tiny"
    assert "free of" in machine
    head, line = user.says("metrics", "--since", "20m").splitlines()
    assert "tokens/s, mean" in head
    assert line.split()[0] == "tiny"

    wrong = user.run("metrics", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "write how long ago" in wrong.stderr


def test_json_is_one_document(user: Commands) -> None:
    for arguments in (["metrics", "--json"], ["metrics", "--since", "1h", "--json"]):
        done = user.run(*arguments)
        assert done.returncode == 0, done.stderr
        json.loads(done.stdout)
