"""One Hub on the loopback for all that asks one in this process, and nobody's token."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hub import Hub
from tests.fixtures.hub import FakeHub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    Asking = Callable[..., AbstractAsyncContextManager[Hub]]


@pytest.fixture(scope="session")
def running_hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        yield hub


@pytest.fixture
def fake_hub(
    running_hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeHub]:
    """Without faults and a log, and without a trace of the person testing. Repos stay: each test
    takes names of its own.

    huggingface_hub reads most of its environment when imported, so in this process the Hub's
    address is an argument of `Hub`, and the token's file is another one.
    """
    from huggingface_hub import constants  # noqa: PLC0415  most tests need no Hub

    for name in os.environ:
        if name.startswith(("HF_", "HUGGING")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    running_hub.reset()
    yield running_hub
    running_hub.come_back()
    running_hub.clear()


@pytest.fixture
def asking(fake_hub: FakeHub) -> Asking:
    """``async with asking(timeout_seconds=…) as hub``: a `Hub` that asks ``fake_hub``."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[Hub]:
        hub = Hub(endpoint=fake_hub.url, **options)
        try:
            yield hub
        finally:
            await hub.close()

    return opened
