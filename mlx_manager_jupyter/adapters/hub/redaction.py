"""Texts of the Hub's client, made fit to be shown: no signature, no password, no token."""

from __future__ import annotations

import re

_LONGEST = 300
_QUERY = re.compile(r"(https?://[^\s?'\"<>]+)\?[^\s'\"<>]*", re.IGNORECASE)
_PASSWORD = re.compile(r"(https?://)[^\s/@'\"]+@", re.IGNORECASE)
#: As the Hub makes them. Not every word that begins so: errors speak of hf_hub_download and hf_xet.
_TOKEN = re.compile(
    r"\b(?:hf_(?:oauth_|jwt_)?|api_org_)[A-Za-z0-9]{6}[\w.-]*|\bBearer\s+[^\s'\"]+", re.IGNORECASE
)


def redacted(text: str) -> str:
    """The text without tokens, and addresses without passwords and queries.

    A query may be a signature, which for an hour opens a file to whoever reads it.
    """
    return _TOKEN.sub("<token>", _PASSWORD.sub(r"\1", _QUERY.sub(r"\1", text)))


def first_line(text: str) -> str:
    """The first line, redacted, not too long and without its full stop."""
    line = next(iter(redacted(text).strip().splitlines()), "")
    return line[:_LONGEST].rstrip(". ")
