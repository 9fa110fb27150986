"""One user with two Jupyter servers, several profiles, and the means to break everything."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from mlx_manager_jupyter.services.servers.plan import RUN_MARKER
from tests.fixtures.jupyter import Jupyter, runs

if TYPE_CHECKING:
    import random
    from pathlib import Path

#: Servers get ports from here on, below the range that the system hands out by itself.
PORT_START = 24_000
PORTS = range(PORT_START, PORT_START + 60)

#: So that backoff and looks at each other take moments. The health timeout stays patient: on a
#: machine that is this busy a slow answer is no sign of death.
HASTY = (
    "--ServerManager.sync_interval=0.2",
    "--ServerManager.restart_delay=0.2",
    "--ServerManager.restart_longest_delay=0.5",
    "--ServerManager.restart_limit=1000",
    "--ServerManager.healthy_after=3",
    "--MLXManager.health_check_interval=1",
    "--ServerManager.health_timeout=10",
)

#: How the engines of the profiles behave, and what else the profiles say.
PROFILES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "family": ({"fork_child": True, "fork_own_session": True}, {}),
    "deaf": ({"ignore_term": True, "fork_child": "stubborn"}, {}),
    "slow": ({"load_seconds": 0.4}, {}),
    "brief": ({}, {"idle_unload_seconds": 0.6}),
    "careless": ({"fork_escaped": True}, {"restart": "never"}),
}

#: Problems that commands which cross each other may honestly be told.
EXPECTED = frozenset(
    {"unknown_server", "name_taken", "not_ready", "port_taken", "unknown_model", "engine_crashed"}
)


@dataclass
class User:
    """Two Jupyter servers over one folder."""

    folder: Path
    model: Path
    jupyters: list[Jupyter] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    """What should not have happened."""
    answers: Counter[str] = field(default_factory=Counter)
    _reviving: tuple[threading.Lock, threading.Lock] = field(
        default_factory=lambda: (threading.Lock(), threading.Lock())
    )

    def open(self) -> None:
        """Start both at once, and save the profiles."""
        env = {"MLX_MANAGER_DEFAULT_PORT_START": str(PORT_START), "PYTHONDONTWRITEBYTECODE": "1"}
        self.jupyters = [Jupyter(self.folder, options=HASTY, env=env) for _ in range(2)]
        in_parallel(*(jupyter.start for jupyter in self.jupyters))
        for name, (faults, more) in PROFILES.items():
            env = {"FAKE_ENGINE": json.dumps(faults)}
            profile = {"name": name, "model": str(self.model), "env": env, **more}
            self.jupyters[0].api("profiles", "POST", profile)

    def close(self) -> None:
        """Whatever happened, leave nothing behind."""
        for jupyter in self.jupyters:
            if hasattr(jupyter, "process"):
                jupyter.kill()
        for process in self.engines():
            with suppress(psutil.Error):
                process.kill()

    # --- what is done to them -------------------------------------------------------------------

    def ask(self, which: int, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask one of them; what it refuses is noted unless it had to be expected."""
        with self._reviving[which]:
            pass  # one that comes up again is waited for; one that is killed now is not
        try:
            answer = self.jupyters[which].api(path, method, body)
        except urllib.error.HTTPError as error:
            text = error.read()
            code = json.loads(text).get("code") if text.startswith(b"{") else None
            self.answers[f"{method} {code}"] += 1
            if code not in EXPECTED:
                self.surprises.append(f"{method} {path}: {error.code} {text!r}")
        except (OSError, http.client.HTTPException, ValueError):
            self.answers["nobody there"] += 1  # killed a moment ago, or not come up again yet
        else:
            self.answers[f"{method} done"] += 1
            return answer
        return None

    def kill(self, which: int) -> None:
        """kill -9 of one Jupyter server, and start it again."""
        with self._reviving[which]:
            jupyter = self.jupyters[which]
            jupyter.kill()
            jupyter.connection_file.unlink(missing_ok=True)
            jupyter.start()

    def kill_engine(self, name: str) -> None:
        """kill -9 of a server's leader."""
        for stored in self.stored():
            if stored["name"] == name and stored["process"]:
                kill_if(stored["process"]["pid"], stored["run"])

    def kill_child(self, chance: random.Random) -> None:
        """kill -9 of any process that an engine has forked."""
        leaders = {stored["process"]["pid"] for stored in self.stored() if stored["process"]}
        children = [each for each in self.engines() if each.pid not in leaders]
        if children:
            with suppress(psutil.Error):
                chance.choice(children).kill()

    # --- what is true of them -------------------------------------------------------------------

    def stored(self) -> list[dict[str, Any]]:
        """The servers in the store."""
        try:
            document = json.loads((self.folder / "mlx" / "state.json").read_bytes())
        except FileNotFoundError:
            return []
        return list(document["tables"]["servers"].values())

    def engines(self) -> list[psutil.Process]:
        """Every living process of an engine of this user, and of its children, wherever it went."""
        return [each for each in psutil.process_iter() if run_of(each, self.folder) is not None]

    def held_ports(self) -> set[int]:
        """Ports of ours that somebody listens on."""
        listening = (
            each.laddr.port
            for each in psutil.net_connections("tcp4")
            if each.status == psutil.CONN_LISTEN and each.laddr
        )
        return {port for port in listening if port in PORTS}

    def zombies(self) -> list[psutil.Process]:
        """Engines that wait to be reaped; an engine's own children are its own affair."""
        children = [
            child
            for jupyter in self.jupyters
            for child in psutil.Process(jupyter.process.pid).children()
        ]
        return [child for child in children if not runs(child.pid) and psutil.pid_exists(child.pid)]


def run_of(process: psutil.Process, folder: Path) -> str | None:
    """The run that a living process carries the mark of, if it is of this user."""
    try:
        if not runs(process.pid):
            return None
        environment = process.environ()
    except psutil.Error:
        return None
    mine = environment.get("HOME") == str(folder)
    return environment.get(RUN_MARKER) if mine else None


def kill_if(pid: int, run: str) -> None:
    """SIGKILL, if the process is of this run still."""
    with suppress(psutil.Error, ProcessLookupError):
        if psutil.Process(pid).environ().get(RUN_MARKER) == run:
            os.kill(pid, signal.SIGKILL)


def in_parallel(*work: Any) -> None:
    """Run all at once, and raise the first error."""
    errors: list[BaseException] = []

    def guarded(each: Any) -> None:
        try:
            each()
        except BaseException as error:  # noqa: BLE001  told by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[each]) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def until(true: Any, seconds: float, why: Any) -> None:
    """Wait for a condition; ``why`` says what is seen when it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)
