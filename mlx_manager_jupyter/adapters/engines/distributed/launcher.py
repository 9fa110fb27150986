"""The command line of ``mlx.launch`` around that of an engine (read from mlx 0.32's launch.py)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import EngineMissing, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.adapters.engines.distributed.hosts import Spread
    from mlx_manager_jupyter.adapters.engines.installed import Installation

LAUNCHER = "mlx.launch"

#: Where each backend is told its first port, and how many it takes from there on.
_PORT_FLAGS = {"ring": "--starting-port", "jaccl": "--starting-port", "nccl": "--nccl-port"}
_PORT_FLAGS["jaccl-ring"] = _PORT_FLAGS["jaccl"]

#: The ranks' ports are looked for from here on, below those that Linux (32768) and macOS (49152)
#: give to outgoing connections.
_FIRST_PORT = 20_000
#: Each server looks from another place on, told by the one port that no other server has, so that
#: two that start at the same moment don't take each other's ranks for their own.
_STRIDE, _PLACES = 16, 640


def launcher_of(installation: Installation) -> Path:
    """The launcher of the engine's own environment: another one's ranks would not understand it.

    Raises:
        EngineMissing: there is none.
    """
    program = Path(installation.command[0])
    for beside in (program, program.resolve()):  # tools of uv are linked into a folder of commands
        found = beside.with_name(LAUNCHER)
        if os.access(found, os.X_OK):
            return found
    message = f"MLX's launcher {LAUNCHER} is not beside {program}."
    raise EngineMissing(message, "It comes with mlx: upgrade it in the engine's environment.")


def check_backend(spread: Spread) -> None:
    """See that this machine has what the backend stands on.

    Raises:
        EngineMissing: naming what is missing.
    """
    if spread.backend == "mpi" and shutil.which("mpirun") is None:
        raise EngineMissing("The backend mpi needs mpirun.", "Install Open MPI, or use the ring.")


def ports_needed(spread: Spread) -> int:
    """How many ports in a row the ranks talk through, beside the one of HTTP."""
    if spread.backend == "ring":
        return sum(len(host.ips) for host in spread.hosts)
    return 1 if spread.backend in _PORT_FLAGS else 0


def first_port(port: int) -> int:
    """Where to look for the ranks' ports of the server that answers at ``port``."""
    return _FIRST_PORT + port % _PLACES * _STRIDE


def launch_words(
    launcher: Path,
    spread: Spread,
    *,
    port: int,
    hostfile: Path | None,
    folder: Path | None,
    env: Mapping[str, str],
) -> tuple[str, ...]:
    """What stands before the engine's own command line.

    Args:
        launcher: the program.
        spread: the machines.
        port: the first of the ranks' ports.
        hostfile: where `Spread.hostfile` was written; unused on one machine.
        folder: the model's. A machine that has no such folder says so at once.
        env: what the ranks of other machines have to be told. Those of this one inherit it.
    """
    where = ["-n", str(spread.ranks)] if spread.is_local else ["--hostfile", str(hostfile)]
    words = [str(launcher), *where, "--backend", spread.backend]
    if flag := _PORT_FLAGS.get(spread.backend):
        words += [flag, str(port)]
    if folder and not spread.is_local:
        words += ["--cwd", str(folder)]
    for name, value in env.items():
        words += ["--env", f"{name}={value}"]
    return (*words, "--")


def check_env(spread: Spread, secrets: list[str]) -> None:
    """Refuse to put secrets where every user of a machine can read them: on a command line.

    Raises:
        InvalidValue: naming the variables.
    """
    if secrets and not spread.is_local:
        message = f"Other machines would be told {', '.join(secrets)} on a command line."
        hint = "Set it on those machines, and take it out of 'env' of the profile."
        raise InvalidValue(message, hint)
