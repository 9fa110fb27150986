"""The extension of Jupyter's server: it only wires."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.extension.application import ExtensionApp
from msgspec.structs import replace
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

MAX_PORT = 65535


class MLXManager(ExtensionApp):
    """Local MLX models in the notebook: profiles, servers, and a gateway to them."""

    name = "mlx_manager_jupyter"
    app_name = "MLX Manager for Jupyter"
    load_other_extensions = True
    classes = [EventHub, Gateway, KeyManager, MetricsManager, ProfileManager, ServerManager]  # noqa: RUF012

    _minds_interrupts = False

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
        return self._port_from("MLX_MANAGER_GATEWAY_PORT", 10239)

    @default("default_port_start")
    def _default_port_start(self) -> int:
        return self._port_from("MLX_MANAGER_DEFAULT_PORT_START", 10240)

    def _port_from(self, variable: str, usual: int) -> int:
        given = os.environ.get(variable) or str(usual)
        if given.isdecimal() and int(given) <= MAX_PORT:
            return int(given)
        self.log.warning("%s=%s is no port; %s is used", variable, given, usual)
        return usual

    def initialize_settings(self) -> None:
        """Build one manager of each noun and tie them together."""
        home = Path(self.home).expanduser()
        # Without argv, where people put Jupyter's own token: this identity is stored.
        me = replace(identify(os.getpid()), argv=())
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
        self._mind_interrupts(serverapp)
        await self.managers.servers.open()
        for notice in self._store.notices:
            self.log.warning(notice)

    async def stop_extension(self) -> None:
        """Stop what nobody wants kept, and leave no stream, file or listener behind."""
        if not hasattr(self, "door"):
            return  # loading failed, and Jupyter has to end all the same
        if self._minds_interrupts:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        self.door.close()  # first, so that nobody asks for more
        try:
            await self.managers.servers.close()
        finally:
            self.managers.events.close()
            await self._upstream.close()

    def _mind_interrupts(self, serverapp: ServerApp) -> None:
        """Without a terminal Jupyter leaves SIGINT to Python, and ends without any clean-up."""
        unhandled = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if unhandled and threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, lambda: serverapp.stop(from_signal=True))
            self._minds_interrupts = True

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
