"""The guard's words: why a server can't start, with the numbers, and what could be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import NotEnoughMemory
from mlx_manager_jupyter.services.servers.room import Refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlx_manager_jupyter.schema import Alternative
    from mlx_manager_jupyter.services.models.need import Need
    from mlx_manager_jupyter.services.servers.look import Look
    from mlx_manager_jupyter.services.servers.room import Candidate, Judge

#: So many servers are named one by one.
NAMED = 4


def refusal(
    name: str, need: Need, look: Look, judge: Judge, smaller: Alternative | None
) -> NotEnoughMemory:
    """The error that tells why there is no room, and the ways on.

    Args:
        name: of the server.
        need: its memory.
        look: what the guard saw.
        judge: as `decide`.
        smaller: a build of the same model that would fit now.
    """
    message = " ".join(_facts(name, need, look, judge))
    ways = [*_ways(need, look, judge, smaller), "start it all the same with --force"]
    listed = ", ".join(ways[:-1])
    hint = f"{listed}, or {ways[-1]}" if listed else ways[-1]
    return NotEnoughMemory(
        message, f"{hint[0].upper()}{hint[1:]}.", candidates=[smaller.id] if smaller else ()
    )


def tight(need: Need, look: Look) -> str:
    """The note of a server that was started though little will be left."""
    free = size(look.memory.available_bytes)
    return f"Memory is tight: it needs {size(need.total_bytes)} of the {free} that were free."


def room_in(look: Look, judge: Judge) -> int:
    """The most that a server may need to be let in now."""
    least, most = 0, weighed_against(look)
    while least < most:
        middle = (least + most + 1) // 2
        fits = judge(middle + look.reserved, weighed_against(look)) != "no"
        least, most = (middle, most) if fits else (least, middle - 1)
    gpu = look.memory.gpu_bytes
    return least if gpu is None else min(least, gpu)


def weighed_against(look: Look) -> int:
    """What counts as free: under pressure less than what is."""
    decision = look.decision
    if isinstance(decision, Refuse) and decision.reason != "gpu":
        return decision.free_bytes
    return look.memory.available_bytes


def size(held: int) -> str:
    """Memory in binary units under their usual names, so that a 48 GB Mac has 48 GB."""
    if held >= 2**30:
        return f"{held / 2**30:.1f} GB"
    return f"{held / 2**20:.0f} MB"


def _facts(name: str, need: Need, look: Look, judge: Judge) -> Iterable[str]:
    decision = look.decision
    reason = decision.reason if isinstance(decision, Refuse) else "memory"
    yield (
        f"{name} needs {size(need.total_bytes)}: {size(need.weights_bytes)} of weights,"
        f" {size(need.cache_bytes)} for {need.context_length:,} tokens,"
        f" {size(need.overhead_bytes)} for the engine."
    )
    if reason == "gpu" and look.memory.gpu_bytes is not None:
        yield f"The GPU of this machine can hold {size(look.memory.gpu_bytes)}."
        return
    free = size(look.memory.available_bytes)
    if reason == "pressure":
        yield f"{free} look free, but the system is short of memory: other programs need them."
    else:
        yield f"{free} are free now, of which it could take {size(room_in(look, judge))}."
    if look.reserved:
        yield f"Servers that are starting will take {size(look.reserved)}."
    holders = sorted(look.candidates, key=lambda each: -each.held_bytes)
    if holders:
        held = ", ".join(_described(each) for each in holders[:NAMED])
        more = f" and {len(holders) - NAMED} more" if len(holders) > NAMED else ""
        yield f"Servers hold {size(sum(each.held_bytes for each in holders))}: {held}{more}."
        freeable = sum(each.held_bytes for each in holders if each.may_go)
        if freeable:
            yield f"To end the idle ones would free {size(freeable)}, which is too little."
        else:
            yield "None of them may be ended to make room."


def _described(server: Candidate) -> str:
    why = (
        "being ended"
        if server.leaving
        else "starting"
        if server.starting
        else "busy"
        if server.in_flight
        else "pinned"
        if server.pinned
        else "idle"
    )
    return f"{server.name} {size(server.held_bytes)} ({why})"


def _ways(need: Need, look: Look, judge: Judge, smaller: Alternative | None) -> Iterable[str]:
    if smaller:
        where = "" if smaller.local else ", once it is downloaded"
        yield f"serve {smaller.id} instead, which needs {size(smaller.needed_bytes)}{where}"
    if tokens := need.tokens_within(room_in(look, judge)):
        yield f"set context_length to {tokens} or less"
    if isinstance(look.decision, Refuse) and look.decision.reason == "gpu":
        return
    free = weighed_against(look)
    enough = [
        server
        for server in look.candidates
        if judge(need.total_bytes + look.reserved, free + server.held_bytes) != "no"
    ]
    if enough:
        server = min(enough, key=lambda each: each.held_bytes)
        yield f"stop {server.name}"
