"""Saying why an answer takes its time: the first search of a day waits for the Hub's catalogue."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlx_manager_jupyter.client.feed import Feed, Picture
    from mlx_manager_jupyter.schema import Catalogue

#: A shorter wait needs no explanation, nor a connection to learn it.
QUIET_SECONDS = 1.0


@contextmanager
def while_syncing(feed: Feed, say: Callable[[Catalogue], object]) -> Iterator[None]:
    """Around a question: ``say`` how far the catalogue is, as long as the Hub is asked for it.

    Args:
        feed: where that is told.
        say: called from another thread, and no more once the block has ended.
    """
    leave: list[Callable[[], None]] = []

    def tell(picture: Picture) -> None:
        if picture.state and picture.state.catalogue.state == "syncing":
            say(picture.state.catalogue)

    timer = Timer(QUIET_SECONDS, lambda: leave.append(feed.listen(tell)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for each in leave:
            each()
