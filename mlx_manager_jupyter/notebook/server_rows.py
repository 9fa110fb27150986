"""What a table says of servers, and what a line says of one.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import Column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlx_manager_jupyter.schema import Server, ServerLoad


def server_columns(servers: Sequence[Server], loads: Mapping[str, ServerLoad]) -> list[Column]:
    """Columns of a table of servers; what is said of none of them stays empty."""
    held = [loads[each.name].memory_bytes if each.name in loads else None for each in servers]
    return [
        Column("name", [each.name for each in servers]),
        Column("state", [doing(each) for each in servers]),
        Column("note", [", ".join(notes(each)) for each in servers], rank=2),
        Column("model", [fmt.short_model(each.model) for each in servers], rank=4),
        Column("engine", [each.engine for each in servers], rank=5),
        Column("size", [_size(each) for each in servers], rank=6, right=True),
        Column("memory", [fmt.memory(size) if size else "" for size in held], rank=3, right=True),
        Column("port", [_port(each) for each in servers], rank=1, right=True),
        Column("up", [up_time(each) for each in servers], rank=7, right=True),
    ]


def remarks(servers: Sequence[Server]) -> list[str]:
    """A line for each server that went wrong, or of which there is something to know."""
    said = [
        (each.name, MLXManagerError.of(each.error) if each.error else each.note) for each in servers
    ]
    return [f"{name}: {words}" for name, words in said if words]


def doing(server: Server) -> str:
    """The state, with how far a start is: ``loading weights, 2.4 GB of 3.9 GB``."""
    progress = server.progress
    if progress is None or server.state not in ("starting", "loading"):
        return server.state
    if progress.done_bytes is None or progress.total_bytes is None:
        return progress.stage
    done, total = fmt.size(progress.done_bytes), fmt.size(progress.total_bytes)
    return f"{progress.stage}, {done} of {total}"


def notes(server: Server) -> list[str]:
    """What else one should know of it; mostly nothing."""
    said = []
    if server.state == "ready" and server.health == "busy":
        said.append("busy")
    if server.state == "ready" and server.health == "silent":
        said.append("does not answer")
    if server.retry_at:
        left = (server.retry_at - datetime.now(UTC)).total_seconds()
        said.append(f"tries again in {fmt.duration(left)}" if left >= 1 else "tries again")
    if server.restarts:
        said.append(f"restarted {_times(server.restarts)}")
    if server.restart_to_apply:
        said.append("restart to apply")
    return said


def up_time(server: Server) -> str:
    """``1 h 12 m``; empty for what does not run."""
    if server.started_at is None or server.state in ("failed", "stopped"):
        return ""
    return fmt.duration((datetime.now(UTC) - server.started_at).total_seconds())


def _port(server: Server) -> str:
    over = server.state in ("failed", "stopped")  # another one may have it by now
    return "" if over or server.port is None else str(server.port)


def _size(server: Server) -> str:
    return fmt.size(server.size_bytes) if server.size_bytes else ""


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
