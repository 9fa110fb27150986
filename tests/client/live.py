"""A real Jupyter server as kernels see it: with our client, and the fake engine's journal."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.schema import ModelQuery, StartServer
from tests.fixtures import jupyter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.schema import Server
    from tests.fixtures.hub import FakeHub

#: Apart from other runs on this machine, below the range the system hands out by itself.
PORTS = {"MLX_MANAGER_DEFAULT_PORT_START": str(12_000 + os.getpid() % 8_000)}


@dataclass
class Jupyter:
    """The running server, as a kernel or a test reaches it."""

    connection: Path
    model: Path
    folder: Path

    @property
    def client(self) -> Client:
        return Client(lambda: read(self.connection))

    @property
    def secrets(self) -> list[str]:
        return [read(self.connection).token]

    def env(self, **faults: Any) -> dict[str, str]:
        """Fault switches of a fake engine that notes in the journal what happens to it."""
        return {"FAKE_ENGINE": json.dumps(faults), "FAKE_ENGINE_JOURNAL": str(self.journal)}

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def noted(self, event: str) -> list[dict[str, Any]]:
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [note for note in map(json.loads, lines) if note["event"] == event]

    def serve(self, name: str, **faults: Any) -> Server:
        """A ready server whose engine has these faults."""
        with self.using() as client:
            wanted = {"env": self.env(**faults)}
            client.servers.start(StartServer(model=str(self.model), name=name, set=wanted))
            until(lambda: client.servers.get(name).state not in ("starting", "loading"))
            server = client.servers.get(name)
            assert server.state == "ready", server
            return server

    def stop_all(self) -> None:
        with self.using() as client:
            for server in client.servers.list():
                client.servers.stop(server.name)
        self.journal.unlink(missing_ok=True)

    def remove_all(self) -> None:
        """No download listed, no model here."""
        with self.using() as client:
            for _ in range(2):  # cancelled, then dismissed
                for download in client.downloads.list():
                    client.downloads.cancel(download.id)
            for model in client.models.search(ModelQuery(limit=1000)).models:
                client.models.delete(model.id)
            client.models.prune()

    @contextmanager
    def using(self) -> Iterator[Client]:
        client = self.client
        try:
            yield client
        finally:
            client.close()


@contextmanager
def running(folder: Path, model: Path, hub: FakeHub) -> Iterator[Jupyter]:
    """Start it, wait for its door, and stop it as a terminal would."""
    given = hub.environment(folder / "hf")
    of_hub = {key: value for key, value in given.items() if key.startswith("HF_")}
    with jupyter.Jupyter(folder, env=PORTS | of_hub) as process:
        yield Jupyter(process.connection_file, model, folder)


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something that no one announces; fail rather than hang."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
