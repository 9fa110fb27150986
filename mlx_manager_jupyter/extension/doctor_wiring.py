"""`Doctor`, made from the settings and from what it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter import __version__
from mlx_manager_jupyter.services.doctor import Doctor

if TYPE_CHECKING:
    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.extension.app import MLXManager


def doctor_of(app: MLXManager, store: Store, machine: Machine) -> Doctor:
    """Tie it to everything else, which need not be there yet."""

    async def ask_hub() -> None:
        from mlx_manager_jupyter.adapters.hub import Hub  # noqa: PLC0415  not at start-up

        hub = Hub(offline=app.offline_mode, endpoint=app.hf_endpoint or None)
        try:
            await hub.search("mlx", limit=1)
        finally:
            await hub.close()

    return Doctor(
        version=__version__,
        home=Path(app.home).expanduser(),
        cache=Path(app.hf_cache_path).expanduser(),
        store=store,
        machine=machine,
        port_start=app.default_port_start,
        wanted_port=app.gateway_port,
        gateway_url=lambda: app.managers.gateway_url,
        engines=lambda: app.managers.engines.list(),  # noqa: PLW0108  not there yet
        servers=lambda: app.managers.servers.list(),  # noqa: PLW0108  the same
        ask_hub=ask_hub,
    )
