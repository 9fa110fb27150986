"""What the memory guard sees: who holds what, what is promised, what is free. Blocking."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.services.servers.room import Candidate, decide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlx_manager_jupyter.adapters.hardware import Machine
    from mlx_manager_jupyter.schema import Memory, StoredServer
    from mlx_manager_jupyter.services.servers.managed import ManagedServer
    from mlx_manager_jupyter.services.servers.room import Decision, Judge


class Look(Struct, frozen=True):
    """What there was to see at one moment, and what follows from it."""

    decision: Decision
    memory: Memory
    candidates: tuple[Candidate, ...]
    reserved: int


def look(
    needed: int,
    others: Iterable[StoredServer],
    known: Mapping[str, ManagedServer],
    machine: Machine,
    judge: Judge,
    *,
    given_back: int,
    patient: bool,
) -> Look:
    """Measure and decide.

    Args:
        needed: bytes that a server will take.
        others: what the store says of all other servers that live, or are about to.
        known: those of them that this extension watches, by their run.
        machine: is measured.
        judge: as `decide`.
        given_back: as `decide`.
        patient: as `decide`.
    """
    candidates = []
    reserved = seems_free = 0
    # First what they hold, then what is free: what they take in between counts twice, not never.
    for stored in others:
        if stored.base_url or not (stored.wanted or stored.process):
            continue  # on somebody else's machine, or a start that was called off
        server = known.get(stored.run)
        held = machine.held(_pids(stored, server))
        candidate = _candidate(stored, server, held.size)
        if candidate.starting and not candidate.leaving:
            reserved += max(0, (stored.needed_bytes or 0) - held.size)
        seems_free += held.seems_free
        candidates.append(candidate)
    memory = machine.memory(seems_free)
    decision = decide(
        needed, memory, candidates, reserved, judge, given_back=given_back, patient=patient
    )
    return Look(decision, memory, tuple(candidates), reserved)


def _pids(stored: StoredServer, server: ManagedServer | None) -> list[int]:
    if server is not None:
        return server.pids()
    return [stored.process.pid] if stored.process else []  # of another extension, a moment old


def _announced(stored: StoredServer) -> bool:
    """Whether an extension is about to end it."""
    return stored.leaving_until is not None and datetime.now(UTC) < stored.leaving_until


def _candidate(stored: StoredServer, server: ManagedServer | None, held: int) -> Candidate:
    used = server.use.last_at if server else stored.last_used_at
    since = used or stored.ready_at or stored.started_at
    return Candidate(
        name=stored.name,
        held_bytes=held,
        last_used=since.timestamp() if since else 0.0,
        in_flight=server.use.in_flight or int(server.use.elsewhere) if server else 0,
        pinned=stored.profile.pinned,
        # One that we don't watch yet can't be ended by us either.
        starting=server is None or not (server.ready or server.stored.ready_at),
        leaving=not stored.wanted or _announced(stored) or bool(server and server.leaving),
    )
