"""The extension of Jupyter's server: it only wires."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_core.paths import jupyter_runtime_dir
from msgspec.structs import replace

from mlx_manager_jupyter import __version__
from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.process import identify, is_alive
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.adapters.upstream import Upstream
from mlx_manager_jupyter.extension import (
    doctor,
    downloads,
    engines,
    events,
    gateway,
    keys,
    logs,
    metrics,
    models,
    profiles,
    requests,
    servers,
    status,
)
from mlx_manager_jupyter.extension.doctor_wiring import doctor_of
from mlx_manager_jupyter.extension.door import Door
from mlx_manager_jupyter.extension.engine_manager import engine_manager
from mlx_manager_jupyter.extension.managers import SETTING, Managers
from mlx_manager_jupyter.extension.memory import machine_of, memory_guard
from mlx_manager_jupyter.extension.model_manager import model_manager, nature_of
from mlx_manager_jupyter.extension.profile_manager import checker_of, whole
from mlx_manager_jupyter.extension.prometheus import Figures
from mlx_manager_jupyter.extension.settings import Settings
from mlx_manager_jupyter.schema import Metrics, Snapshot
from mlx_manager_jupyter.services.downloads import DownloadManager, Ledger
from mlx_manager_jupyter.services.engines import EngineManager
from mlx_manager_jupyter.services.events import EventHub
from mlx_manager_jupyter.services.gateway import Gateway
from mlx_manager_jupyter.services.keys import KeyManager
from mlx_manager_jupyter.services.metrics import MetricsManager
from mlx_manager_jupyter.services.models import ModelManager, Use, by_model, models_of
from mlx_manager_jupyter.services.profiles import EvidenceBook, Prober, ProfileManager
from mlx_manager_jupyter.services.requests import RequestLog
from mlx_manager_jupyter.services.servers import Claims, Planner, ServerManager

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


class MLXManager(Settings):
    """Local MLX models in the notebook: profiles, servers, and a gateway to them."""

    name = "mlx_manager_jupyter"
    app_name = "MLX Manager for Jupyter"
    load_other_extensions = True
    classes = [  # noqa: RUF012  as traitlets wants it
        DownloadManager,
        EngineManager,
        EventHub,
        Gateway,
        KeyManager,
        MetricsManager,
        ModelManager,
        ProfileManager,
        RequestLog,
        ServerManager,
    ]

    _minds_interrupts = False

    def initialize_settings(self) -> None:
        """Build one manager of each noun and tie them together."""
        home = Path(self.home).expanduser()
        # Without argv, where people put Jupyter's own token: this identity is stored.
        me = replace(identify(os.getpid()), argv=())
        machine = machine_of(self.memory_limit, lambda: self.managers.servers)
        self._upstream = Upstream()
        self._store = store = Store(Path(self.database_path).expanduser())
        cache = Path(self.hf_cache_path).expanduser()
        parts: dict[str, Any] = {"parent": self}

        hub = EventHub(self._snapshot, self._watched, **parts)
        saved = ProfileManager(
            store,
            hub.publish,
            changed=lambda old, new: running.profile_changed(old, new),  # noqa: PLW0108  it comes later
            servers=lambda: running.records,
            **parts,
        )
        used: dict[str, Any] = {"use": self._use, "use_now": self._use_now}
        found = model_manager(self, cache, store, machine, **used, publish=hub.publish)
        planner = Planner(
            profiles=saved,
            servable=found.servable,
            cache=cache,
            me=me,
            logs=home / "logs",
            engine_paths=self.engine_paths,
            port_start=self.default_port_start,
            managed=home / "engines",
            nature=nature_of(self),
        )
        claims = Claims(store, me, is_alive)
        running = ServerManager(
            claims=claims,
            planner=planner,
            engines=ENGINES,
            upstream=self._upstream,
            machine=machine,
            publish=hub.publish,
            guard=memory_guard(found, claims, machine, lambda: running, self.log).admit,
            health_interval=self.health_check_interval,
            **parts,
        )
        measured = MetricsManager(
            machine,
            running.pids,
            hub.publish,
            servers=lambda: running.records,
            sampled=self._sampled,
            **parts,
        )
        evidence = EvidenceBook(store)
        logged = RequestLog(home / "requests", **parts)
        asked = Gateway(
            servers=running,
            profiles=saved,
            upstream=self._upstream,
            traffic=measured.traffic,
            finished=logged.add,
            **parts,
        )
        self.managers = Managers(
            models=found,
            downloads=DownloadManager(
                ledger=Ledger(store, me, is_alive),
                jobs=home / "downloads",
                cache=cache,
                environment=self._for_workers(),
                max_running=self.max_downloads,
                limit=self.download_limit or None,
                is_offline=self.offline_mode,
                repo_id=found.repo_id,
                publish=hub.publish,
                ended=found.changed,
                **parts,
            ),
            profiles=saved,
            checker=checker_of(self, saved, planner, evidence),
            prober=Prober(profiles=saved, servers=running, ask=whole(asked), evidence=evidence),
            evidence=evidence,
            servers=running,
            engines=engine_manager(
                self, self._upstream, servers=self._servers_by_pid, publish=hub.publish
            ),
            gateway=asked,
            keys=KeyManager(store, profiles=saved.list, **parts),
            metrics=measured,
            requests=logged,
            events=hub,
            doctor=doctor_of(self, store, machine),
            hardware=machine.hardware(),
            version=__version__,
        )
        self._figures = Figures(measured)
        self.settings[SETTING] = self.managers
        self.door = Door(Path(jupyter_runtime_dir()), self.log)

    def _for_workers(self) -> dict[str, str]:
        """The environment of downloads: ours, token included, and the Hub that we ask, if any."""
        endpoint = {"HF_ENDPOINT": self.hf_endpoint} if self.hf_endpoint else {}
        # A download of before may be in the queue, or be resumed.
        offline = {"HF_HUB_OFFLINE": "1"} if self.offline_mode else {}
        return {**os.environ, **endpoint, **offline}

    def _servers_by_pid(self) -> dict[int, str]:
        return {each.pid: each.name for each in self.managers.servers.records if each.pid}

    def _use(self) -> Use:
        managers = self.managers
        return Use(
            profiles=by_model(
                (model, saved.name)
                for saved in managers.profiles.records
                for model in models_of(saved.model)
            ),
            servers=by_model(
                (model, server.name)
                for server in managers.servers.all
                if server.alive
                for model in models_of(server.stored.profile.model, server.stored.argv)
            ),
            downloads=managers.downloads.active(),
            resumable=managers.downloads.resumable(),
        )

    async def _use_now(self) -> Use:
        """With what other extensions started or asked for a moment ago."""
        await self.managers.servers.list()
        await self.managers.downloads.list()
        return self._use()

    def _sampled(self, metrics: Metrics) -> None:
        """What servers hold is what estimates are corrected by."""
        held = {}
        for server in self.managers.servers.records:
            load = metrics.servers.get(server.name)
            if load and load.memory_bytes and server.size_bytes and server.state == "ready":
                name = f"{server.model}@{server.revision}"
                held[name] = server.size_bytes, load.memory_bytes
        self.managers.models.learn(held)

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
        await self.managers.profiles.open()
        await self.managers.servers.open()
        await self.managers.downloads.open()
        self.managers.metrics.open()
        self._figures.open()
        self.managers.requests.open()
        for notice in self._store.notices:
            self.log.warning(notice)

    async def stop_extension(self) -> None:
        """Stop what nobody wants kept, and leave no stream, file or listener behind."""
        if not hasattr(self, "door"):
            return  # loading failed, and Jupyter has to end all the same
        if self._minds_interrupts:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        await self.door.close()  # first, so that nobody asks for more
        await self.managers.gateway.close()
        self._figures.close()
        await self.managers.metrics.close()
        try:
            await self.managers.profiles.close()
            await self.managers.keys.close()
            await self.managers.engines.close()
            await self.managers.downloads.close()  # while the store still lists who else is there
            await self.managers.servers.close()
        finally:
            await self.managers.models.close()
            self.managers.events.close()
            await self._upstream.close()
            await self.managers.requests.close()  # last: what was cut off is in it, too

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
            downloads=managers.downloads.records,
            engines=managers.engines.records,
            engine_jobs=managers.engines.jobs,
            library=managers.models.library,
            catalogue=managers.models.catalogue,
            metrics=managers.metrics.recent,
            history=managers.metrics.history,
        )

    def _watched(self, watched: bool) -> None:  # noqa: FBT001  the hub's callback
        self.managers.metrics.watch(watched=watched)
        self.managers.models.watch(watched=watched)


def _routes(api: str, v1: str) -> list[tuple[str, type]]:
    nouns = (status, models, downloads, profiles, servers, logs, engines, keys, events, doctor)
    more = (metrics, requests)
    rest = [(api + path, handler) for noun in (*nouns, *more) for path, handler in noun.HANDLERS]
    return [*rest, *((v1 + path, handler) for path, handler in gateway.HANDLERS)]
