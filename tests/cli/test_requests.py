"""``jupyter mlx requests``: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.schema import RequestRecord
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


def test_what_was_asked_in_every_form(user: Commands, tmp_path: Path) -> None:
    nothing = user.run("requests")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "Nothing was asked." in nothing.stderr

    user.json("serve", str(make("chat", tmp_path / "tiny-chat")), "--name", "tiny")
    reply = user.json("chat", "tiny", "Hello?")
    user.json("chat", "tiny", "Are you there?")
    until(lambda: len(user.json("requests", "--server", "tiny")) == 2)
    first, second = user.json("requests", "--since", "1h")
    assert set(first) == set(RequestRecord.__struct_fields__)
    assert first["time"] < second["time"]
    assert (first["server"], first["status"], first["finish"]) == ("tiny", 200, "stop")
    assert first["completion_tokens"] == reply["usage"]["completion_tokens"]
    assert user.json("requests", "--limit", "1") == [second]
    assert user.json("requests", "--server", "nobody") == []

    table = list(csv.DictReader(io.StringIO(user.says("requests", "--csv"))))
    assert [row["id"] for row in table] == [first["id"], second["id"]]
    assert table[0]["completion_tokens"] == str(first["completion_tokens"])
    assert table[0]["error"] == ""

    head, *lines = user.says("requests").splitlines()
    assert head.split()[:3] == ["model", "time", "result"]
    assert [line.split()[0] for line in lines] == ["tiny", "tiny"]

    wrong = user.run("requests", "--since", "yesterday")
    assert wrong.returncode == 2
    assert "write how long ago" in wrong.stderr
