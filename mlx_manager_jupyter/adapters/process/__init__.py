"""One engine's process, from spawn to a stop that means stopped.

=============  ==================================================================================
`machine`      `EngineProcess`: the state machine; one task owns the state
`supervision`  watching it: up to ready, and on until it ends or has to
`spawn`        starting a child that outlives us, and learning how it ended
`group`        who belongs to a process, signals to all of them, and the proof that they are gone
`identity`     telling a process from another one that later got its pid
`ports`        is it free, does it answer, whose is it
`run_log`      the run's log file: ring of the last lines, rotation, fatal lines
`log_reader`   one viewer's own position in that file
`records`      what goes in (`Launch`) and what comes out (`Failure`)
=============  ==================================================================================
"""

from mlx_manager_jupyter.adapters.process.group import reap
from mlx_manager_jupyter.adapters.process.identity import find_marked, identify, is_alive
from mlx_manager_jupyter.adapters.process.log_reader import LogReader, last_lines
from mlx_manager_jupyter.adapters.process.machine import EngineProcess, Watching
from mlx_manager_jupyter.adapters.process.ports import free_port, port_is_free
from mlx_manager_jupyter.adapters.process.records import (
    Failure,
    Launch,
    ProcessFailed,
    ProcessGone,
    ProcessState,
)

__all__ = [
    "EngineProcess",
    "Failure",
    "Launch",
    "LogReader",
    "ProcessFailed",
    "ProcessGone",
    "ProcessState",
    "Watching",
    "find_marked",
    "free_port",
    "identify",
    "is_alive",
    "last_lines",
    "port_is_free",
    "reap",
]
