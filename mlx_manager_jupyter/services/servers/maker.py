"""The right kind of object for what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.servers.engine_server import EngineServer
from mlx_manager_jupyter.services.servers.remote_server import RemoteServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from mlx_manager_jupyter.adapters.engines import Engine
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.upstream import Upstream
    from mlx_manager_jupyter.schema import EngineKind, Problem, StoredServer
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.settings import ServerSettings


class Maker:
    """Makes servers that nobody has started or adopted yet."""

    def __init__(
        self,
        engines: Mapping[EngineKind, Engine],
        upstream: Upstream,
        machine: Machine,
        settings: ServerSettings,
        *,
        health_interval: float,
        on_change: Callable[[ManagedServer], None],
        on_ready: Callable[[ManagedServer], Coroutine[None, None, None]],
        on_end: Callable[[ManagedServer, Problem], Coroutine[None, None, None]],
    ) -> None:
        """The callbacks are those of `ManagedServer` and `EngineServer`."""
        self._engines = engines
        self._upstream = upstream
        self._machine = machine
        self._settings = settings
        self._health_interval = health_interval
        self._on_change = on_change
        self._on_ready = on_ready
        self._on_end = on_end

    def make(self, stored: StoredServer) -> ManagedServer:
        """A server for what is stored."""
        engine = self._engines[stored.engine]
        if stored.base_url:
            return RemoteServer(
                stored,
                engine,
                self._upstream,
                on_change=self._on_change,
                on_ready=self._on_ready,
                interval=self._health_interval,
                timeout=self._settings.health_timeout,
            )
        return EngineServer(
            stored,
            engine,
            self._upstream,
            process_memory=self._machine.process_memory,
            on_change=self._on_change,
            on_ready=self._on_ready,
            on_end=self._on_end,
            load_timeout=self._settings.load_timeout,
            grace=self._settings.stop_grace,
        )
