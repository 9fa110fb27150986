"""The words that a model's id, or what somebody types, is made of.

Names of models are written in many ways, ``Phi-4``, ``phi4``, ``4-bit``, ``Q4``; here they become
the same tokens. A token with a digit in it is a number, and two numbers are equal or they are not:
``8b`` is not ``80b``, ``3`` is not ``3.2``. What has no digit is a word.
"""

from __future__ import annotations

import re
import unicodedata

#: Spellings of one and the same word, in ids and in queries alike.
SAME = {"it": "instruct", "ds": "deepseek"}

#: In so many names that it tells nothing: every model here is one for MLX.
NOISE = frozenset({"mlx"})

#: More than any model's id has: the Hub allows 96 characters. What is longer is no name.
MOST_CHARACTERS = 400
MOST_TOKENS = 32

_LETTER = r"[^\W\d_]"
_TOKEN = re.compile(
    rf"""
      (?P<bits>[0-9]+(?:\.[0-9]+)?)[-_ ]?bits?(?!{_LETTER})              # 4bit, 4-bit, 4 bits
    | (?<![^\W_])(?:q|int)(?P<quant>[2-8])(?![0-9.])                     # Q4, int8
    | (?P<format>(?:mx|nv)?fp[0-9]+|bf16)                                # mxfp4, bf16
    | (?P<spaced>[0-9]+(?:\.[0-9]+)?)[ ](?P<unit>[bm])(?![^\W_])         # 8 b
    | (?P<atom>[0-9]+x[0-9]+(?:\.[0-9]+)?[bm]?                           # 8x7b
      | (?<!{_LETTER})[a-uw-z][0-9]+(?:\.[0-9]+)?[bm]?(?!{_LETTER}))     # a3b, e4b, r1, k2
    | (?:(?<!{_LETTER})v)?                                               # v3.1 is 3.1
      (?P<number>[0-9]+(?:\.[0-9]+|_[0-9](?![^\W_]))*(?:(?:[a-z]|bi)(?!{_LETTER}))?)  # 0.6b
    | (?P<word>{_LETTER}+)
    """,
    re.VERBOSE,
)
_HAS_DIGIT = re.compile(r"[0-9]")
_PRECISION = re.compile(r"[0-9.]+bit\Z|(?:mx|nv)?fp[0-9]+\Z|bf16\Z")
_WHOLE_NUMBER = re.compile(r".*[0-9](?:b|m)\Z")
_ADDRESS = re.compile(
    r"(?:https?://)?(?:huggingface\.co|hf\.co)/([^/\s]+/[^/\s?#]+)(?:[/?#]\S*)?\Z"
)
_CHUNK_END = re.compile(r"[\s/_,-]+")


def tokens(text: str) -> list[str]:
    """The tokens of a text in their order: lower case, every spelling of a thing the same."""
    return [_token(found) for found in _TOKEN.finditer(folded(text))]


def chunks(text: str) -> list[str]:
    """What blanks and hyphens separate, folded; each may hold several tokens, as ``gptoss20b``."""
    return [chunk for chunk in _CHUNK_END.split(folded(text)) if chunk]


def folded(text: str) -> str:
    """Without upper case and wide forms; the address of a model's page is the model's id."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    plain = plain.strip().casefold()
    page = _ADDRESS.match(plain)
    return page[1] if page else plain


def is_number(token: str) -> bool:
    """Whether it has to be matched as it is."""
    return _HAS_DIGIT.search(token) is not None


def is_whole(number: str) -> bool:
    """Whether a number has its unit, so that nobody is still typing it."""
    return is_precision(number) or _WHOLE_NUMBER.match(number) is not None


def is_precision(token: str) -> bool:
    """Whether it says how many bits the weights have."""
    return _PRECISION.match(token) is not None


def split_id(model: str) -> tuple[str, str]:
    """Author and name of a repo id; of a folder's path, the last two parts."""
    parts = [part for part in model.split("/") if part]
    if not parts:
        return "", ""
    return (parts[-2] if len(parts) > 1 else ""), parts[-1]


def _token(found: re.Match[str]) -> str:
    if word := found["word"]:
        return SAME.get(word, word)
    if bits := found["bits"] or found["quant"]:
        return f"{bits}bit"
    if spaced := found["spaced"]:
        return f"{spaced}{found['unit']}"
    return found[0] if found["atom"] or found["format"] else found["number"].replace("_", ".")
