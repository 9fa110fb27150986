"""How the weights were made smaller, and how many bits a weight really takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from mlx_manager_jupyter.schema import Quantization
from mlx_manager_jupyter.services.models.names import NamedBits, bits_of_name
from mlx_manager_jupyter.services.models.reading import record, text, text_part, texts, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What a group of weights shares takes in bits, by MLX's modes: a scale of 8 bits (E8M0 or E4M3),
#: and for ``affine`` a scale and a bias of 16 each. See ``mlx.core.quantize``.
_SHARED_BITS = {"affine": 32, "mxfp4": 8, "mxfp8": 8, "nvfp4": 8}

#: What MLX uses where the config does not say it.
_GROUP_SIZES = {"affine": 64, "mxfp4": 32, "mxfp8": 32, "nvfp4": 16}

#: Formats of floating point that MLX knows by name.
_FORMATS = frozenset({"mxfp4", "nvfp4", "mxfp8"})

_MOST_BITS = 8

#: Bits that another method's name implies.
_IMPLIED = {"fp8": 8, "mxfp8": 8, "mxfp4": 4, "bitnet": 2, "nvfp4": 4}

_WIDTHS = {"float32": 32, "float16": 16, "bfloat16": 16, "float8_e4m3fn": 8}

#: Routers and gates of a mixture are a vanishing share of the weights, and nearly every mixture has
#: them in 8 bits; towers for images and sound stay as they are. Neither makes a model "mixed".
_BESIDES = re.compile(r"(^|\.)(gate|router|shared_expert_gate)$|vision|visual|audio|embed_vision")

#: Tags that uploaders or the Hub set: ``4-bit``, ``8bit``, ``mxfp4``.
_TAG = re.compile(r"([2-8])-?bit")


class Storage(Struct, frozen=True):
    """How the weights are stored."""

    quantization: Quantization | None = None
    """None if they are not quantized, or nobody says so."""
    bits: int | None = None
    evidence: str = ""


def storage_of(model: str, config: Mapping[str, Any] | None, tags: Sequence[str] = ()) -> Storage:
    """What the config says, else the name's number format, else a tag, else the rest of the name.

    At last the data type of the config, for weights that are not quantized.
    """
    config = config or {}
    if found := _of_mlx(config) or _of_others(config):
        return found
    named = bits_of_name(model)
    if named and named.mode in _FORMATS:
        return _of_name(named)
    for tag in tags:
        if tag in _FORMATS:
            return Storage(_mlx(tag, _IMPLIED[tag]), _IMPLIED[tag], f"tag {tag}")
        if of_tag := _TAG.fullmatch(tag):
            bits = int(of_tag[1])
            mixed = bool(named and named.mixed)
            return Storage(_mlx("affine", bits, mixed=mixed), bits, f"tag {tag}")
    if named:
        return _of_name(named)
    dtype = _dtype(config)
    return Storage(None, _WIDTHS.get(dtype), f"config.json: {dtype}") if dtype else Storage()


def bits_per_weight(quantization: Quantization) -> float:
    """By the formula: 4-bit affine in groups of 64 is 4.5, mxfp4 4.25, nvfp4 4.5, mxfp8 8.25."""
    shared = _SHARED_BITS.get(quantization.mode, 32)
    group = quantization.group_size or _GROUP_SIZES.get(quantization.mode, 64)
    return quantization.bits + shared / group


def _of_mlx(config: Mapping[str, Any]) -> Storage | None:
    """What ``mlx_lm.convert`` and ``mlx_vlm.convert`` write."""
    for part in (config, text_part(config)):
        for field in ("quantization", "quantization_config"):
            found = record(part.get(field))
            bits = whole(found, "bits")
            ours = field == "quantization" or text(found.get("quant_method")) in {"", "mlx"}
            if ours and bits and bits <= _MOST_BITS:
                mode = text(found.get("mode")) or "affine"
                others = {one for one in _overrides(found) if one != bits}
                quantization = _mlx(mode, bits, whole(found, "group_size"), mixed=bool(others))
                told = f"config.json: {field}"
                if others:
                    shown = ", ".join(str(one) if one else "none" for one in sorted(others))
                    told += f", some layers {shown}"
                return Storage(quantization, bits, told)
    return None


def _overrides(quantization: Mapping[str, Any]) -> Iterator[int]:
    """Bits of the layers that are named; 0 for those that are left alone."""
    for path, value in quantization.items():
        if "." in path and not _BESIDES.search(path):
            if value is False:
                yield 0
            elif bits := whole(record(value), "bits"):
                yield bits
    for path in ("lm_head", "embed_tokens"):
        if bits := whole(record(quantization.get(path)), "bits"):
            yield bits


def _of_others(config: Mapping[str, Any]) -> Storage | None:
    """What the tools of others write into ``quantization_config``."""
    for part in (config, text_part(config)):
        for field in ("quantization_config", "compression_config"):
            found = record(part.get(field))
            method = text(found.get("quant_method")).lower()
            if found.get("load_in_4bit") is True or found.get("load_in_8bit") is True:
                method = method or "bitsandbytes"
            if method:
                mode = _mode(method, found)
                bits = _bits(method, found) or _IMPLIED.get(mode, 0)
                group = whole(found, "group_size", "q_group_size")
                quantization = Quantization(method=method, bits=bits, mode=mode, group_size=group)
                return Storage(quantization, bits or None, f"config.json: {field} {method}")
    return None


def _mode(method: str, found: Mapping[str, Any]) -> str:
    if text(found.get("scale_fmt")) == "ue8m0" and found.get("weight_block_size") == [32, 32]:
        return "mxfp8"  # the same under another name: mlx-lm takes it as it is
    words = (method, text(found.get("format")), text(found.get("quant_algo")))
    for word in words:
        for mode in ("mxfp4", "mxfp8", "nvfp4", "fp8"):
            if mode in word.lower():
                return mode
    return method if method == "bitnet" else "affine"


def _bits(method: str, found: Mapping[str, Any]) -> int:
    told = whole(found, "bits", "w_bit", "weight_bits", "nbits")
    if told and told <= _MOST_BITS:
        return told
    if method == "bitsandbytes":
        return 4 if found.get("load_in_4bit") is True else 8
    groups = record(found.get("config_groups")).values()
    inside = (whole(record(record(group).get("weights")), "num_bits") for group in groups)
    return next((bits for bits in inside if bits), 0) or _IMPLIED.get(method, 0)


def _of_name(named: NamedBits) -> Storage:
    bits, mode, evidence = named.bits, named.mode, f"name: {named.word}"
    if mode == "none":
        return Storage(None, bits, evidence)
    if mode == "fp8":
        return Storage(Quantization(method="fp8", bits=bits, mode=mode), bits, evidence)
    return Storage(_mlx(mode, bits, mixed=named.mixed), bits, evidence)


def _mlx(mode: str, bits: int, group: int | None = None, *, mixed: bool = False) -> Quantization:
    group = group or _GROUP_SIZES.get(mode)
    found = Quantization(method="mlx", bits=bits, mode=mode, group_size=group, mixed=mixed)
    return replace(found, bits_per_weight=bits_per_weight(found))


def _dtype(config: Mapping[str, Any]) -> str:
    part = text_part(config)
    for field in ("torch_dtype", "dtype"):
        for one in texts(part.get(field)):
            if (name := one.removeprefix("torch.")) in _WIDTHS:
                return name
    return ""
