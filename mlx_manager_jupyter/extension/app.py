"""The extension of Jupyter's server: it only wires."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from traitlets import Dict, Int, Unicode, default

from mlx_manager_jupyter import __version__
from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.adapters.process import identify, is_alive
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.adapters.upstream import Upstream
from mlx_manager_jupyter.extension import events, gateway, keys, profiles, servers, status
from mlx_manager_jupyter.extension.door import Door
from mlx_manager_jupyter.extension.managers import SETTING, Managers
from mlx_manager_jupyter.schema import Snapshot
from mlx_manager_jupyter.services.events import EventHub
from mlx_manager_jupyter.services.gateway import Gateway
from mlx_manager_jupyter.services.keys import KeyManager
from mlx_manager_jupyter.services.metrics import MetricsManager
from mlx_manager_jupyter.services.profiles import ProfileManager
from mlx_manager_jupyter.services.servers import Claims, Planner, ServerManager

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


class MLXManager(ExtensionApp):
    """Local MLX models in the notebook: profiles, servers, and a gateway to them."""

    name = "mlx_manager_jupyter"
    app_name = "MLX Manager for Jupyter"
    load_other_extensions = True
    classes = [EventHub, Gateway, KeyManager, MetricsManager, ProfileManager, ServerManager]  # noqa: RUF012

    home = Unicode(help="Folder of profiles, logs and demo models (env: MLX_MANAGER_HOME).").tag(
        config=True
    )
    gateway_port = Int(
        help="Port of the loopback door for kernels and OpenAI clients; any free one if taken "
        "(env: MLX_MANAGER_GATEWAY_PORT)."
    ).tag(config=True)
    default_port_start = Int(
        help="Servers get the first free port from here on (env: MLX_MANAGER_DEFAULT_PORT_START)."
    ).tag(config=True)
    engine_paths = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Where an engine's executable is: {'mlx-lm': '/path/to/mlx_lm.server'}. "
        "Unset: beside this Python, then on PATH.",
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        return os.environ.get("MLX_MANAGER_HOME") or str(Path.home() / ".mlx-manager")

    @default("gateway_port")
    def _default_gateway_port(self) -> int:
        return int(os.environ.get("MLX_MANAGER_GATEWAY_PORT") or 10239)

    @default("default_port_start")
    def _default_port_start(self) -> int:
        return int(os.environ.get("MLX_MANAGER_DEFAULT_PORT_START") or 10240)

    def initialize_settings(self) -> None:
        """Build one manager of each noun and tie them together."""
        home = Path(self.home).expanduser()
        me = identify(os.getpid())
        machine = this_machine()
        self._upstream = Upstream()
        self._store = store = Store(home / "state.json")
        parts: dict[str, Any] = {"parent": self}

        hub = EventHub(self._snapshot, self._watched, **parts)
        saved = ProfileManager(store, hub.publish, **parts)
        planner = Planner(
            profiles=saved,
            me=me,
            logs=home / "logs",
            engine_paths=self.engine_paths,
            port_start=self.default_port_start,
        )
        running = ServerManager(
            claims=Claims(store, me, is_alive),
            planner=planner,
            engines=ENGINES,
            upstream=self._upstream,
            machine=machine,
            publish=hub.publish,
            **parts,
        )
        metrics = MetricsManager(machine, running.pids, hub.publish, **parts)
        self.managers = Managers(
            profiles=saved,
            servers=running,
            gateway=Gateway(
                servers=lambda: running.all,
                profiles=saved,
                upstream=self._upstream,
                traffic=metrics.traffic,
                **parts,
            ),
            keys=KeyManager(**parts),
            metrics=metrics,
            events=hub,
            hardware=machine.hardware(),
            version=__version__,
        )
        self.settings[SETTING] = self.managers
        self.door = Door(Path(jupyter_runtime_dir()), self.log)

    def initialize_handlers(self) -> None:
        """The same handlers as at the door, under Jupyter's own URL and login."""
        self.handlers.extend(_routes("/mlx-manager/api", "/mlx-manager/v1"))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Open the door, then adopt or reap what an earlier extension left."""
        self.door.open(
            self.gateway_port, _routes("/mlx-manager/api", "/v1"), dict(serverapp.web_app.settings)
        )
        self.managers.gateway_url = f"{self.door.url}v1"
        for notice in self._store.notices:
            self.log.warning(notice)
        await self.managers.servers.open()

    async def stop_extension(self) -> None:
        """Stop what nobody wants kept, and leave no stream, file or listener behind."""
        self.door.close()  # first, so that nobody asks for more
        try:
            await self.managers.servers.close()
        finally:
            self.managers.events.close()
            await self._upstream.close()

    def _snapshot(self) -> Snapshot:
        managers = self.managers
        return Snapshot(
            hardware=managers.hardware,
            gateway_url=managers.gateway_url,
            servers=managers.servers.records,
            profiles=managers.profiles.records,
            metrics=managers.metrics.latest,
            history=managers.metrics.history,
        )

    def _watched(self, watched: bool) -> None:  # noqa: FBT001  the hub's callback
        self.managers.metrics.watch(watched=watched)


def _routes(api: str, v1: str) -> list[tuple[str, type]]:
    nouns = (status, profiles, servers, keys, events)
    rest = [(api + path, handler) for noun in nouns for path, handler in noun.HANDLERS]
    return [*rest, *((v1 + path, handler) for path, handler in gateway.HANDLERS)]
