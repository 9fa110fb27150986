"""How long a server stays, as a request said: whichever extension the request came through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fixtures.models import make
from tests.services.extensions import another_jupyter, extension

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server


async def test_what_one_extension_was_told_the_owner_of_the_server_minds(tmp_path: Path) -> None:
    model = make("chat", tmp_path / "tiny-chat")
    with another_jupyter() as other:
        async with extension(tmp_path) as one, extension(tmp_path, other) as two:
            await one.ask(model=str(model), name="tiny", ttl=3600.0)
            await one.ready()
            await two.ready()
            use = (await two.servers.find("tiny")).use
            for seconds in (1800.0, 900.0):
                use.ttl = seconds
                await one.until(stays(seconds))
                await two.until(stays(seconds))
            owner = (await one.servers.find("tiny")).use
            owner.ttl = 600.0
            await two.until(stays(600.0))
            assert use.ttl is None, "it was told, and is the store's by now"
            assert one.seen()["tiny"].state == "ready"


def stays(seconds: float) -> Callable[[dict[str, Server]], bool]:
    """Whether viewers are told so."""
    return lambda seen: seen["tiny"].idle_unload_seconds == seconds
