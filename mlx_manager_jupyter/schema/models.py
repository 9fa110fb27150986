"""Models: what is known of them, where they are, and whether they fit into memory."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from mlx_manager_jupyter.schema.base import NotNegative, Positive, Record
from mlx_manager_jupyter.schema.servers import Problem

Capability = Literal["vision", "tools", "reasoning", "embeddings", "audio"]
FitVerdict = Literal["fits", "tight", "no"]
ModelSource = Literal["local", "hub"]
ModelSort = Literal["relevance", "downloads", "likes", "updated", "size", "name", "used"]
CatalogueState = Literal["absent", "syncing", "ready"]


# Without ``gc``: a catalogue holds tens of thousands of these, which can't be part of a cycle, and
# to look through them all would hold up the event loop for a tenth of a second.
class Quantization(Record, gc=False):
    """How the weights were made smaller."""

    method: str
    """``mlx``, or another's, such as ``awq``, ``fp8`` or ``gptq``, which MLX can't run as it is."""
    bits: int
    """Of most weights, as the name says it."""
    mode: str = "affine"
    group_size: int | None = None
    mixed: bool = False
    """Some layers have other bits."""
    bits_per_weight: float | None = None
    """Scales and biases included: 4-bit affine in groups of 64 is 4.5."""


class ModelFile(Record):
    """One file of a repo. Large files have a ``sha256``; small ones are in Git."""

    path: str
    size_bytes: int
    sha256: str | None = None


class Model(Record, gc=False):
    """A repo of the Hugging Face Hub, one in the local cache, or a local folder.

    Whatever is not known is ``None``: a row of the catalogue lacks what only the repo's files can
    tell, until its details were asked for.
    """

    id: str
    """Repo id, or the absolute path of a folder."""
    author: str | None = None
    revision: str | None = None
    """The commit: on this machine if ``local``, else the latest one on the Hub."""
    local: bool = False
    """Some of it is on this machine."""
    complete: bool = False
    """All of it is, so it can be served."""
    path: str | None = None
    """The folder that can be served, if ``complete``."""
    size_bytes: int | None = None
    """Exact: on disk if ``local``, else to download. Files that MLX does not need don't count."""
    estimated_bytes: int | None = None
    """Only where the exact size is not known yet: a guess from parameters and bits."""
    partial_bytes: int = 0
    """On disk in files that are not finished."""
    parameters: int | None = None
    bits: int | None = None
    quantization: Quantization | None = None
    family: str | None = None
    model_type: str | None = None
    context_length: int | None = None
    capabilities: tuple[Capability, ...] = ()
    evidence: dict[str, str] = {}
    """By the fact's name: what it was read from."""
    license: str | None = None
    gated: bool = False
    base_model: str | None = None
    engine: str | None = None
    """The engine that can run it, whether or not it is installed."""
    engine_problem: str | None = None
    """Why the installed engine can't."""
    flags: dict[str, str] = {}
    """Profile fields that it needs, such as ``tool_call_parser``."""
    downloads: int | None = None
    """On the Hub, in the last 30 days."""
    likes: int | None = None
    updated_at: datetime | None = None
    used_at: datetime | None = None
    """When its files were last read on this machine."""
    profiles: tuple[str, ...] = ()
    """That would serve it."""
    servers: tuple[str, ...] = ()
    """That serve it now."""
    fit: FitVerdict | None = None
    needed_bytes: int | None = None
    """Memory to run it, at the context of `FIT_CONTEXT` tokens or its own if that is shorter."""
    spare_bytes: int | None = None
    """Memory that would be left now; negative if it does not fit."""
    files: tuple[ModelFile, ...] = ()
    """Only in ``GET models/{id}``."""


#: Tokens of context that a model must have room for to be said to fit.
FIT_CONTEXT = 8192


class ModelQuery(Record, forbid_unknown_fields=True):
    """Query of ``GET models``: words, filters, order and page. A filter unset lets all pass."""

    source: ModelSource = "local"
    q: str = ""
    author: str | None = None
    bits: tuple[int, ...] = ()
    family: str | None = None
    vision: bool = False
    tools: bool = False
    reasoning: bool = False
    embeddings: bool = False
    audio: bool = False
    fits: bool = False
    """Only what is not known to be too large: ``fits`` and ``tight``."""
    downloaded: bool = False
    """Only what is complete on this machine."""
    sort: ModelSort = "relevance"
    offset: NotNegative = 0
    limit: Positive = 50
    details: bool = False
    """Wait, within limits, for what only the rows' own files can tell."""


class ModelPage(Record):
    """Answer of a search: the rows of one page, best first, and how many there are in all.

    Over REST the rows are the body and ``total`` is the header ``X-Total-Count``.
    """

    models: tuple[Model, ...]
    total: int


class Alternative(Record):
    """A smaller build of the same base model."""

    id: str
    needed_bytes: int
    size_bytes: int
    bits: int | None = None
    local: bool = False


class Fit(Record):
    """Answer of ``GET models/{id}/fit``: memory that a model would take, against what is free."""

    model: str
    verdict: FitVerdict
    weights_bytes: int
    cache_bytes: int
    """Keys and values of ``concurrency`` conversations of ``context_length`` tokens."""
    overhead_bytes: int
    """What the engine takes beyond that: buffers, activations, Python."""
    needed_bytes: int
    available_bytes: int
    total_bytes: int
    spare_bytes: int
    context_length: int
    concurrency: int
    kv_bits: int | None = None
    measured: int = 0
    """Runs on this machine that ``overhead_bytes`` stands on; 0 means a rule of thumb."""
    reason: str
    """The same as a sentence."""
    alternative: Alternative | None = None


class Resolution(Record):
    """Answer of ``GET resolve``: the one model that loose words mean."""

    id: str
    local: bool
    """Complete on this machine."""
    candidates: tuple[str, ...] = ()
    """Others that the words could have meant, best first."""


class Verification(Record):
    """Answer of ``POST models/{id}/verify``: every file of a local model, read again."""

    model: str
    revision: str | None
    ok: bool
    files: int
    bytes: int
    unverifiable: tuple[str, ...] = ()
    """Files with nothing to compare to, as in a folder that is no part of the cache."""
    damaged: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Pruned(Record):
    """Answer of ``POST models/prune`` and ``DELETE models/{id}``: what was freed."""

    freed_bytes: int
    models: tuple[str, ...] = ()


class Library(Record):
    """The models of this machine in figures. A new ``version`` means: ask for the list again."""

    version: int = 0
    models: int = 0
    size_bytes: int = 0
    partial_bytes: int = 0
    free_bytes: int | None = None
    """On the disk of the cache."""


class Catalogue(Record):
    """What is known here of the models on the Hub."""

    state: CatalogueState = "absent"
    models: int = 0
    """So far, while it is syncing."""
    synced_at: datetime | None = None
    offline: bool = False
    """The setting: the Hub is never asked."""
    error: Problem | None = None
    """Why the last sync failed; what was there before is still searched."""
