"""What a model is, read from its name, tags, config and chat template, each fact with its evidence.

Pure: nothing is asked for, and nothing that anybody wrote into a config raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from mlx_manager_jupyter.services.models import template as templates
from mlx_manager_jupyter.services.models.bits import storage_of
from mlx_manager_jupyter.services.models.capabilities import capabilities_of
from mlx_manager_jupyter.services.models.context import context_of
from mlx_manager_jupyter.services.models.engines import (
    KNOWN_TYPES,
    engine_of,
    method_problem,
)
from mlx_manager_jupyter.services.models.families import family_of
from mlx_manager_jupyter.services.models.flags import flags_of
from mlx_manager_jupyter.services.models.parameters import size_of
from mlx_manager_jupyter.services.models.reading import model_type as type_of
from mlx_manager_jupyter.services.models.reading import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mlx_manager_jupyter.schema import Capability, Quantization


class Source(Struct, frozen=True, kw_only=True):
    """What there is to read of one model; a row of the catalogue has an id and tags only."""

    id: str
    """Repo id or path of a folder."""
    config: Mapping[str, Any] | None = None
    """``config.json``."""
    chat_template: str | None = None
    """Several of one tokenizer come one after the other."""
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    """``safetensors.parameters`` of the Hub, by data type."""
    weights_bytes: int | None = None
    """Exact sum of the weight files."""
    has_modules: bool = False
    """``modules.json`` is there, as sentence-transformers writes it."""


class Facts(Struct, frozen=True, kw_only=True):
    """The fields of `mlx_manager_jupyter.schema.Model` of the same names."""

    parameters: int | None = None
    bits: int | None = None
    quantization: Quantization | None = None
    family: str | None = None
    model_type: str | None = None
    context_length: int | None = None
    capabilities: tuple[Capability, ...] = ()
    evidence: dict[str, str] = field(default_factory=dict)
    license: str | None = None
    base_model: str | None = None
    engine: str | None = None
    engine_problem: str | None = None
    flags: dict[str, str] = field(default_factory=dict)
    estimated_bytes: int | None = None


def facts_of(
    source: Source,
    *,
    known: Mapping[str, Collection[str]] | None = None,
    methods: Collection[str] | None = None,
) -> Facts:
    """Read all that the source tells.

    Args:
        source: what there is.
        known: by engine that is installed, the model types that it can run.
        methods: ways of others to quantize that the installed mlx-lm has code for.
            Both default to those of released versions.
    """
    config = source.config if isinstance(source.config, dict) else None
    tags = texts(list(source.tags))
    written = source.chat_template
    template = templates.read(written) if isinstance(written, str) and written else None
    kind, kind_evidence = _type(config, tags)

    storage = storage_of(source.id, config, tags)
    size = size_of(
        source.id,
        config,
        storage,
        counts=source.parameters,
        weights_bytes=source.weights_bytes,
    )
    quantization = storage.quantization
    if quantization and size.bits_per_weight:
        quantization = replace(quantization, bits_per_weight=size.bits_per_weight)
    context, context_evidence = context_of(config or {})
    family, family_evidence = family_of(source.id, kind)
    can = capabilities_of(
        source.id, config, template, tags, source.pipeline_tag, has_modules=source.has_modules
    )
    engine, engine_evidence, problem = engine_of(kind, can, known or {}, source.pipeline_tag)
    flags = flags_of(source.id, kind, template, tools="tools" in can, reasoning="reasoning" in can)
    license_, base = _tagged(tags, "license:"), _base_model(tags)
    evidence: dict[str, str] = {
        "parameters": size.evidence,
        "bits": storage.evidence,
        "family": family_evidence,
        "model_type": kind_evidence,
        "context_length": context_evidence,
        "engine": engine_evidence,
        "license": f"tag license:{license_}" if license_ else "",
        "base_model": f"tag base_model: {base}" if base else "",
    }
    evidence.update(can.items())
    evidence |= {name: why for name, (_, why) in flags.items()}
    return Facts(
        parameters=size.parameters,
        bits=storage.bits,
        quantization=quantization,
        family=family,
        model_type=kind,
        context_length=context,
        capabilities=tuple(can),
        evidence={name: why for name, why in evidence.items() if why},
        license=license_,
        base_model=base,
        engine=engine,
        engine_problem=method_problem(quantization, methods) or problem,
        flags={name: value for name, (value, _) in flags.items()},
        estimated_bytes=size.estimated_bytes,
    )


def _type(config: Mapping[str, Any] | None, tags: Sequence[str]) -> tuple[str | None, str]:
    """Of the config; the Hub makes it a tag, which has to do while nobody has read the config."""
    if config is not None:
        kind = type_of(config)
        return kind, "config.json" if kind else ""
    kind = next((tag for tag in tags if tag in KNOWN_TYPES), None)
    return kind, f"tag {kind}" if kind else ""


def _base_model(tags: Sequence[str]) -> str | None:
    """The Hub's tags: ``base_model:Qwen/Qwen3-8B`` and ``base_model:quantized:Qwen/Qwen3-8B``."""
    return _tagged(tags, "base_model:quantized:") or next(
        (base for tag in tags if (base := _after(tag, "base_model:")) and ":" not in base), None
    )


def _tagged(tags: Sequence[str], prefix: str) -> str | None:
    return next((value for tag in tags if (value := _after(tag, prefix))), None)


def _after(tag: str, prefix: str) -> str:
    return tag[len(prefix) :] if tag.startswith(prefix) else ""
