"""What the name of a repo says: its size, its quantization, and which model it is a build of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

#: Parts of a name that say how the weights are stored, not which model it is. Versions and dates
#: may follow ``dwq``.
_STORAGE = re.compile(
    r"""
    (?<![a-z0-9.]) (?:
        dwq.*
      | (?:\d-)* \d+(?:\.\d+)?-?bits?
      | (?:quantized\.)? w\d+a\d+
      | (?:int|fp|f|bf|float|bfloat)(?:4|8|16|32) | mx(?:fp|int)\d | nvfp4
      | d?q\d+(?:-(?:k(?:-(?:xl|[sml]))?|\d))? | qx\d+\w*(?:-hi)? | oq\d\w* | gs?\d+
      | mlx | gguf | hf | safetensors | quantized | unquantized | mixed | qat
      | awq | gptq | bnb | dynamic | optiq | ud
    ) (?![a-z0-9.])
    """,
    re.VERBOSE,
)

#: Number formats of their own; one that is named decides, whatever it was mixed with.
_FORMATS = (
    (re.compile(r"(?<![a-z0-9])mxfp4(?![0-9])"), "mxfp4", 4),
    (re.compile(r"(?<![a-z0-9])nvfp4(?![0-9])"), "nvfp4", 4),
    (re.compile(r"(?<![a-z0-9])mxfp8(?![0-9])"), "mxfp8", 8),
)
#: ``4bit``, ``4-bit``, ``6.5bit``; ``q4``, ``q4_k_m``, ``int8``, ``w4a16``, ``dq3_k_m``, ``qx86``;
#: ``bf16``, ``fp8``.
_BITS = re.compile(
    r"(?<![a-z0-9.])(?: (?P<number>\d{1,2})(?:\.\d+)?-?bits?"
    r" | (?:int|d?q|qx|w(?=\da))(?P<letter>\d)(?:_\w+|\d\w*|a\d+)?"
    r" | (?:bf|fp|f|bfloat|float)(?P<float>8|16|32) )(?![a-z0-9])",
    re.VERBOSE,
)
_MIXED = re.compile(
    r"(?<![a-z])(?:dq\d|qx\d\d|mixed|optiq|dynamic|ud)(?![a-z])|mxfp\d-q\d|\d-\d-?bit"
)
_BIT_COUNTS = frozenset({1, 2, 3, 4, 5, 6, 8, 16, 32})
_HALF = 16

_BILLIONS = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)(b|m)(?![a-z0-9])")
_EXPERTS = re.compile(r"(?<![a-z0-9.])(\d+)x(\d+(?:\.\d+)?)b(?![a-z0-9])")
_ROUTED = re.compile(r"(?<![a-z0-9.])\d+b-(\d+)e(?![a-z0-9])")
_EFFECTIVE = re.compile(r"(?<![a-z0-9.])e(\d+)b(?![a-z0-9])")
_TRILLIONS = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)t(?![a-z0-9])")

#: Experts share the attention, so there are fewer than the product: Mixtral 8x7B has 46.7 of 56
#: billion, 8x22B 140.6 of 176.
_NOT_SHARED = 0.82

#: Llama 4 names what is active and the number of experts: Scout, Maverick.
_BY_EXPERTS = {16: 109_000_000_000, 128: 402_000_000_000}


class NamedBits(NamedTuple):
    """What a name says of the weights."""

    bits: int
    mode: str
    """``affine``, ``mxfp4``, ``nvfp4``, ``mxfp8``, ``fp8``, or ``none`` if not quantized."""
    mixed: bool
    word: str
    """The part of the name that says it."""


class NamedSize(NamedTuple):
    """What a name says of the size."""

    parameters: int
    word: str


@lru_cache(maxsize=4096)
def plain(model: str) -> str:
    """The repo's or folder's own name, in lower case, with dashes for underscores and blanks."""
    return re.sub(r"[\s_]+", "-", _own(model))


def stem(model: str) -> str:
    """The name without what says how the weights are stored: builds of one model share it."""
    name = _STORAGE.sub("", plain(model)).removeprefix("meta-")
    return re.sub("-+", "-", name).strip("-")


def bits_of_name(model: str) -> NamedBits | None:
    """Bits as a name gives them, such as ``-4bit``, ``-bf16``, ``-MXFP4-Q8`` or ``-DQ3_K_M``."""
    name = _own(model)
    mixed = bool(_MIXED.search(name))
    for pattern, mode, bits in _FORMATS:
        if found := pattern.search(name):
            return NamedBits(bits, mode, mixed, found[0])
    if name.endswith("unquantized"):
        return None  # it names the bits that it was trained for
    for found in _BITS.finditer(name):
        bits = int(found["number"] or found["letter"] or found["float"])
        if bits in _BIT_COUNTS:
            mode = "fp8" if found["float"] == "8" else "affine" if bits < _HALF else "none"
            return NamedBits(bits, mode, mixed, found[0])
    return None


def size_of_name(model: str) -> NamedSize | None:
    """Parameters as a name gives them, such as ``-8B``, ``-8x7B``, ``-30B-A3B`` or ``-135M``."""
    name = plain(model)
    if found := _EXPERTS.search(name):
        whole = int(found[1]) * float(found[2])
        return NamedSize(round(whole * _NOT_SHARED * 1e9), found[0])
    if found := _ROUTED.search(name):
        known = _BY_EXPERTS.get(int(found[1]))
        return NamedSize(known, found[0]) if known else None
    if found := _EFFECTIVE.search(name):
        # Stored with the embeddings of each layer: Gemma 3n's E2B is 5.4, E4B 7.8 billion.
        return NamedSize(round((3.0 + 1.2 * int(found[1])) * 1e9), found[0])
    if found := _BILLIONS.search(name):
        return NamedSize(round(float(found[1]) * (1e9 if found[2] == "b" else 1e6)), found[0])
    if found := _TRILLIONS.search(name):
        return NamedSize(round(float(found[1]) * 1e12), found[0])
    return None


def has_word(model: str, *words: str) -> bool:
    """Whether the name has one of these as a part of its own."""
    return not set(words).isdisjoint(_words(model))


def _own(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2].lower()


def _words(model: str) -> list[str]:
    return [word for word in plain(model).split("-") if word]
