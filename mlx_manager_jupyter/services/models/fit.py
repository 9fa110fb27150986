"""Does a model fit into the memory that is free now, and what else would?"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from mlx_manager_jupyter.schema import FIT_CONTEXT, Alternative, Fit
from mlx_manager_jupyter.services.models.kv import cache_bytes, quantizes
from mlx_manager_jupyter.services.models.names import stem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlx_manager_jupyter.schema import FitVerdict, Memory, StoredUsage
    from mlx_manager_jupyter.services.models.rows import Row

#: Below the limit by so many percent of the free memory there is room for other programs.
TIGHT_PERCENT = 10.0

#: What an engine takes beside weights and cache. Measured with mlx-lm 0.32 on Linux's CPU backend:
#: 0.09 GB idle with a tiny model, 0.25 GB at the end of a prompt of 5,000 tokens, 0.15 to 0.18 GB
#: with SmolLM2-135M.
BASE_BYTES = 250_000_000

#: Buffers grow with the width of the network. A rule of thumb that no measurement of ours stands
#: behind: a chunk of 2,048 tokens of an 8B model has some 0.3 GB of activations, 6 % of its 4-bit
#: weights. What servers of this machine took corrects it.
SHARE = 0.05

#: A run of a model this much smaller says nothing of buffers.
TOO_SMALL = 8

#: However strange what was measured is, the rule is not bent further.
LEAST, MOST = 0.25, 4.0

_WORDS = {"fits": "It fits", "tight": "It is tight", "no": "It does not fit"}


class Load(Struct, frozen=True, kw_only=True):
    """How a model is to be run."""

    context_length: int
    concurrency: int = 1
    kv_bits: int | None = None


def judge(
    needed: int, available: int, *, limit_percent: float = 85, most: int | None = None
) -> FitVerdict:
    """The verdict on ``needed`` of ``available`` bytes: no from ``limit_percent`` on.

    ``most`` is what the GPU can hold at all, if that is limited.
    """
    if available <= 0 or (most is not None and needed > most):
        return "no"
    percent = 100 * needed / available
    if percent >= limit_percent:
        return "no"
    return "tight" if percent >= limit_percent - TIGHT_PERCENT else "fits"


def overhead_bytes(weights: int, usage: Sequence[StoredUsage]) -> tuple[int, int]:
    """What the engine takes beside weights and cache, and how many runs that stands on.

    The rule is scaled by the median of what was measured against it. The rule itself counts as one
    run more, so that the first does not decide alone.
    """
    shares = sorted(
        max(0, one.peak_bytes - one.weights_bytes - one.cache_bytes) / _rule(one.weights_bytes)
        for one in usage
        if one.weights_bytes * TOO_SMALL >= weights
    )
    if not shares:
        return _rule(weights), 0
    measured = min(MOST, max(LEAST, median(shares)))
    return round(_rule(weights) * (measured * len(shares) + 1) / (len(shares) + 1)), len(shares)


def fit(
    row: Row,
    others: Iterable[Row],
    memory: Memory,
    usage: Sequence[StoredUsage],
    *,
    context_length: int | None = None,
    concurrency: int = 1,
    kv_bits: int | None = None,
    limit_percent: float = 85,
) -> Fit:
    """Weigh a model whose weights' size is known.

    Args:
        row: the model; ``row.weights_bytes`` must be known.
        others: where a smaller build of the same model is looked for.
        memory: of the machine, now.
        usage: what models took on this machine before.
        context_length: tokens a conversation; `FIT_CONTEXT` or the model's own if that is less.
        concurrency: conversations at once.
        kv_bits: of the cache.
        limit_percent: of the free memory, from which on it does not fit.
    """
    tokens = context_length or min(FIT_CONTEXT, row.model.context_length or FIT_CONTEXT)
    load = Load(context_length=tokens, concurrency=concurrency, kv_bits=kv_bits)
    weights = row.weights_bytes or 0
    cache, (overhead, measured) = _cache(row, row, load), overhead_bytes(weights, usage)
    needed = weights + cache + overhead
    verdict = judge(
        needed, memory.available_bytes, limit_percent=limit_percent, most=memory.gpu_bytes
    )
    smaller = None
    if verdict != "fits":
        builds = builds_of_same(row, others)
        sized = [(other, _needed(other, row, load, usage)) for other in builds]
        smaller = _best(
            [(other, size) for other, size in sized if size < needed],
            memory,
            limit_percent,
            tight=verdict == "no",
        )
    found = Fit(
        model=row.model.id,
        verdict=verdict,
        weights_bytes=weights,
        cache_bytes=cache,
        overhead_bytes=overhead,
        needed_bytes=needed,
        available_bytes=memory.available_bytes,
        total_bytes=memory.total_bytes,
        spare_bytes=memory.available_bytes - needed,
        context_length=tokens,
        concurrency=concurrency,
        kv_bits=kv_bits,
        measured=measured,
        reason="",
        alternative=smaller,
    )
    unquantized = kv_bits is not None and row.config is not None and not quantizes(row.config)
    return replace(
        found,
        reason=_reason(
            found,
            limit_percent,
            trained=row.model.context_length,
            unquantized=unquantized,
            most=memory.gpu_bytes,
        ),
    )


def builds_of_same(row: Row, others: Iterable[Row]) -> list[Row]:
    """Other builds of the same model: the same name but for how the weights are stored.

    Two that say what they were made from must have been made from the same.
    """
    own, base = stem(row.model.id), row.model.base_model
    return [
        other
        for other in others
        if other.weights_bytes
        and other.model.id != row.model.id
        and stem(other.model.id) == own
        and (not base or not other.model.base_model or stem(other.model.base_model) == stem(base))
    ]


def _best(
    candidates: Iterable[tuple[Row, int]], memory: Memory, limit: float, *, tight: bool
) -> Alternative | None:
    """The largest that fits, else the largest that is tight; of equals one that is here."""
    verdicts = ["fits", "tight"] if tight else ["fits"]
    available, most = memory.available_bytes, memory.gpu_bytes
    judged = [
        (judge(needed, available, limit_percent=limit, most=most), needed, row.model.complete, row)
        for row, needed in candidates
    ]
    for verdict in verdicts:
        good = [one for one in judged if one[0] == verdict]
        if good:
            _, needed, local, row = max(good, key=lambda one: one[1:3])
            size = row.model.size_bytes or row.weights_bytes or 0
            return Alternative(
                id=row.model.id,
                needed_bytes=needed,
                size_bytes=size,
                bits=row.model.bits,
                local=local,
            )
    return None


def _needed(other: Row, row: Row, load: Load, usage: Sequence[StoredUsage]) -> int:
    weights = other.weights_bytes or 0
    return weights + _cache(other, row, load) + overhead_bytes(weights, usage)[0]


def _cache(row: Row, like: Row, load: Load) -> int:
    """Of a row; one whose config nobody has read has the shape of the one it is a build of."""
    return cache_bytes(
        row.config or like.config,
        load.context_length,
        concurrency=load.concurrency,
        kv_bits=load.kv_bits,
        parameters=row.model.parameters or like.model.parameters,
    )


def _rule(weights: int) -> int:
    return BASE_BYTES + round(SHARE * max(0, weights))


def _reason(
    found: Fit,
    limit_percent: float,
    *,
    trained: int | None,
    unquantized: bool,
    most: int | None,
) -> str:
    """The numbers as a sentence or two."""
    times = f"{found.concurrency} x " if found.concurrency > 1 else ""
    parts = [
        f"{_size(found.weights_bytes)} of weights",
        f"{_size(found.cache_bytes)} for {times}{found.context_length:,} tokens",
        f"{_size(found.overhead_bytes)} for the engine",
    ]
    share = f"{100 * found.needed_bytes / max(1, found.available_bytes):.0f} %"
    text = (
        f"{_WORDS[found.verdict]}: it needs {_size(found.needed_bytes)} ({', '.join(parts)}),"
        f" {share} of the {_size(found.available_bytes)} that are free now."
    )
    if found.verdict == "no":
        if found.needed_bytes > found.total_bytes:
            text += f" This machine has {_size(found.total_bytes)} in all."
        elif most is not None and found.needed_bytes > most:
            text += f" The GPU can hold {_size(most)} of it."
        elif found.spare_bytes > 0:
            text += f" More than {limit_percent:.0f} % would leave too little for the rest."
    if trained is not None and found.context_length > trained:
        text += f" The model was made for {trained:,} tokens."
    if unquantized:
        text += " mlx-lm can't quantize the cache of this model."
    if found.alternative:
        other = found.alternative
        text += f" {other.id} needs {_size(other.needed_bytes)}."
    return text


def _size(held: int) -> str:
    """Memory in binary units under their usual names, so that a 48 GB Mac has 48 GB."""
    for unit, scale, digits in (("TB", 2**40, 1), ("GB", 2**30, 1), ("MB", 2**20, 0)):
        if abs(held) >= scale:
            return f"{held / scale:.{digits}f} {unit}"
    return f"{held / 2**10:.0f} kB"
