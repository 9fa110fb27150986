"""The log of requests over the end of a real Jupyter server, and beside a second one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.client.live import until
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from pathlib import Path


def ask(jupyter: Jupyter, name: str) -> None:
    """Ask for a model that nobody has: a request like any other, and no engine is needed."""
    door = json.loads(jupyter.connection_file.read_text("utf-8"))["url"]
    secret = jupyter.api("keys", "POST", {"label": name})["secret"]
    body = {"model": name, "messages": [{"role": "user", "content": "Hello?"}]}
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{door}v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {secret}"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)  # noqa: S310  loopback
    assert refused.value.code == 404
    refused.value.close()


def asked(jupyter: Jupyter) -> list[str]:
    return [each["asked"] for each in jupyter.api("requests")]


def test_what_was_asked_before_is_told_afterwards(tmp_path: Path) -> None:
    with Jupyter(tmp_path) as one, Jupyter(tmp_path) as other:
        ask(one, "first")
        ask(other, "second")
        until(lambda: asked(one) == asked(other) == ["first", "second"])
        one.kill()
        ask(other, "third")
        other.stop()  # at once: what it has not written yet, it writes now
        one.start()
        assert asked(one) == ["first", "second", "third"]
        ask(one, "fourth")
        until(lambda: asked(one) == ["first", "second", "third", "fourth"])
    assert len(list((tmp_path / "mlx" / "requests").iterdir())) == 2, "one left by each"
