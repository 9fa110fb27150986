"""Offline: no socket, no import of the Hub's client, however it was said."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.errors import Offline
from tests.fixtures.hub import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.adapters.conftest import Asking
    from tests.fixtures.hub import FakeHub

#: Asks everything and prints, as JSON, who was connected to, what it got, and what it imported.
ASK = """
import asyncio, json, sys

connected = []
sys.addaudithook(lambda name, args: connected.append(str(args[1])) if name in (
    "socket.connect", "socket.getaddrinfo", "socket.sendto") else None)

from mlx_manager_jupyter.adapters.hub import Hub

async def main(offline):
    hub = Hub(offline=offline)
    got = []
    for question in (hub.catalogue(), hub.search("qwen"), hub.details("org/model")):
        try:
            await question
            got.append("answer")
        except Exception as error:
            got.append(type(error).__name__)
    await hub.close()
    return got

got = asyncio.run(main(sys.argv[1] == "offline"))
imported = [name for name in ("huggingface_hub", "httpx2", "httpcore2") if name in sys.modules]
print(json.dumps([connected, got, imported]))
"""


def ask(
    hub: FakeHub, home: Path, how: str, **environment: str
) -> tuple[list[str], list[str], bool]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, how],
        cwd=ROOT,
        env={**hub.environment(home), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    connected, got, imported = json.loads(done.stdout)
    return connected, got, bool(imported)


@pytest.mark.parametrize(
    ("how", "environment"),
    [
        ("offline", {}),
        ("online", {"HF_HUB_OFFLINE": "1"}),
        ("online", {"HF_HUB_OFFLINE": "yes"}),
        ("online", {"TRANSFORMERS_OFFLINE": "True"}),
    ],
)
def test_offline_opens_nothing_and_imports_nothing(
    fake_hub: FakeHub, tmp_path: Path, how: str, environment: dict[str, str]
) -> None:
    connected, got, imported = ask(fake_hub, tmp_path, how, **environment)
    assert got == ["Offline"] * 3
    assert connected == []
    assert not imported
    assert fake_hub.connections() == {"hub": 0, "cdn": 0}


def test_the_same_questions_online_are_seen_by_the_hook(fake_hub: FakeHub, tmp_path: Path) -> None:
    """So that the test above can fail. Also: the endpoint is the environment's."""
    connected, got, imported = ask(fake_hub, tmp_path, "online", HF_HUB_OFFLINE="0")
    assert got == ["answer", "answer", "UnknownModel"]
    assert connected
    assert imported
    assert fake_hub.connections()["hub"] > 0


async def test_offline_is_said_with_what_to_do(
    asking: Asking, fake_hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asking() as hub:
        await hub.search("words")
        fake_hub.reset()
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # by whoever runs in this process
        with pytest.raises(Offline, match="HF_HUB_OFFLINE"):
            await hub.search("words")
    assert fake_hub.log() == []
