"""One background thread a process that follows the extension's events while somebody listens.

| concern | where |
|---|---|
| what an event does to the picture | `apply`, pure |
| connecting, resuming, giving up | `Feed._follow`, in the thread |
| who listens, and when the thread ends | `Feed.listen`, under the lock |
"""

from __future__ import annotations

import threading
import time
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.schema import (
    AnyEvent,
    CatalogueChanged,
    DownloadChanged,
    DownloadProgressed,
    DownloadRemoved,
    EngineJobChanged,
    EnginesChanged,
    LibraryChanged,
    MetricsSampled,
    Problem,
    ProfileChanged,
    ProfileRemoved,
    Record,
    ServerChanged,
    ServerRemoved,
    Snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.client.client import Client

R = TypeVar("R", bound=Record)

#: ``refused``: never connected so far, and somebody must act; ``reconnecting``: it was live before.
Link = Literal["connecting", "live", "reconnecting", "refused"]

#: Points of a sparkline, one a second; the same as in a fresh snapshot.
HISTORY_POINTS = 60

RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0, 4.0)


class Picture(NamedTuple):
    """What a viewer draws: the latest state, and whether it is still being kept up to date."""

    state: Snapshot | None
    link: Link
    problem: Problem | None = None
    """Why it is not."""


class Feed:
    """Keeps a `Picture` up to date for any number of listeners."""

    def __init__(self, client: Client) -> None:
        self._client = client
        # Reentrant: a listener may leave from within its own call.
        self._lock = threading.RLock()
        self._listeners: list[Callable[[Picture], None]] = []
        self._thread: threading.Thread | None = None
        self._picture = Picture(None, "connecting")

    def listen(self, listener: Callable[[Picture], None]) -> Callable[[], None]:
        """Call ``listener`` now and after every event, from the feed's thread.

        A listener must not raise and should be quick: all others wait. The answer is the switch
        that turns it off; the thread ends when it finds nobody listening.
        """
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                self._picture = Picture(None, "connecting")
                self._thread = threading.Thread(
                    target=self._run, name="mlx-manager-feed", daemon=True
                )
                self._thread.start()
            listener(self._picture)

        def leave() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return leave

    @property
    def is_running(self) -> bool:
        """Whether the thread is there: while somebody listens, and a moment longer."""
        return self._thread is not None

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException:
            with self._lock:
                self._thread = None  # the next listener gets a new one
            raise

    def _follow(self) -> None:
        last_id: str | None = None
        failures = 0
        while True:
            try:
                with closing(self._client.events(last_id)) as events:
                    for event in events:
                        failures, last_id = 0, event.id
                        state = apply(self._picture.state, event)
                        if not self._show(Picture(state, "live" if state else "connecting")):
                            return
                problem = None
            except MLXManagerError as error:
                problem = error.problem
            except msgspec.DecodeError:
                # Another version of us; it may be replaced, so go on trying.
                problem = MLXManagerError("Jupyter runs another version of MLX Manager.").problem
            state = self._picture.state
            if not self._show(Picture(state, "reconnecting" if state else "refused", problem)):
                return
            time.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1

    def _show(self, picture: Picture) -> bool:
        """Hand the picture to all; false when there is nobody left and the thread shall end."""
        with self._lock:
            self._picture = picture
            for listener in tuple(self._listeners):
                listener(picture)
            if not self._listeners:
                self._thread = None
            return self._thread is not None


def apply(state: Snapshot | None, event: AnyEvent) -> Snapshot | None:  # noqa: C901, PLR0911, PLR0912  one each
    """The picture after an event; ``None`` until the first snapshot."""
    if isinstance(event, Snapshot):
        return event
    if state is None:
        return None
    match event:
        case ServerChanged(server=server):
            return replace(state, servers=_with(state.servers, server, "name"))
        case ServerRemoved(name=name):
            history = {key: points for key, points in state.history.items() if key != name}
            kept = _without(state.servers, name, "name")
            return replace(state, servers=kept, history=history)
        case ProfileChanged(profile=profile):
            return replace(state, profiles=_with(state.profiles, profile, "name"))
        case ProfileRemoved(name=name):
            return replace(state, profiles=_without(state.profiles, name, "name"))
        case EnginesChanged(engines=engines):
            return replace(state, engines=engines)
        case EngineJobChanged(job=job):
            return replace(state, engine_jobs=_with(state.engine_jobs, job, "id"))
        case DownloadChanged(download=download) | DownloadProgressed(download=download):
            return replace(state, downloads=_with(state.downloads, download, "id"))
        case DownloadRemoved(download_id=gone):
            return replace(state, downloads=_without(state.downloads, gone, "id"))
        case LibraryChanged(library=library):
            return replace(state, library=library)
        case CatalogueChanged(catalogue=catalogue):
            return replace(state, catalogue=catalogue)
        case MetricsSampled(metrics=metrics):
            rates = {name: load.tokens_per_second for name, load in metrics.servers.items()}
            history = {
                name: (*state.history.get(name, ()), rate)[-HISTORY_POINTS:]
                for name, rate in rates.items()
            }
            return replace(state, metrics=metrics, history=history)


@cache
def shared_feed() -> Feed:
    """The one feed of this process."""
    return Feed(shared_client())


def _with(known: tuple[R, ...], record: R, key: str) -> tuple[R, ...]:
    """Replace the record of the same key where it stands, or append it."""
    name = getattr(record, key)
    if any(getattr(old, key) == name for old in known):
        return tuple(record if getattr(old, key) == name else old for old in known)
    return (*known, record)


def _without(known: tuple[R, ...], name: str, key: str) -> tuple[R, ...]:
    return tuple(record for record in known if getattr(record, key) != name)
