"""An answer as it is saved in the notebook: Markdown, which every front end shows without a kernel.

Only tags that JupyterLab's sanitizer keeps in untrusted notebooks: ``details``, ``summary``,
``blockquote``, ``small`` (there without its colour).
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.display import QUIET

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.reply import Reply

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$")

#: Ends of an answer that the reader must know about.
_ENDS = {"length": "cut at the token limit", "interrupted": "interrupted", None: "broke off"}


def bundle(reply: Reply) -> dict[str, str]:
    """The answer with its folded reasoning and its footer."""
    markdown = closed(reply.text)
    if reply.reasoning:
        markdown = f"{_fold(reply)}\n\n{markdown}"
    # A blank line before it, or the footer would join the last list item or table row.
    foot = f'<small style="{QUIET}">{escape(footer(reply))}</small>'
    plain = f"{reply.text}\n\n{footer(reply)}" if reply.text else footer(reply)
    return {"text/markdown": f"{markdown}\n\n{foot}", "text/plain": plain}


def metadata(reply: Reply) -> dict[str, object]:
    """Where the answer came from, to be stored with the output."""
    return {"mlx_manager_jupyter": reply.facts}


def footer(reply: Reply) -> str:
    """``assistant · 214 → 58 tokens · 41 tok/s · first token 0.21 s``, as far as it is known."""
    parts = [reply.server]
    if reply.usage:
        usage = reply.usage
        parts.append(f"{usage.prompt_tokens:,} → {usage.completion_tokens:,} tokens")
    if reply.timings.tokens_per_second is not None:
        parts.append(fmt.rate(reply.timings.tokens_per_second))
    if reply.timings.first_token_seconds is not None:
        parts.append(f"first token {fmt.seconds(reply.timings.first_token_seconds)}")
    if reply.finish_reason in _ENDS:
        parts.append(f"({_ENDS[reply.finish_reason]})")
    return " · ".join(parts)


def thought(reply: Reply) -> str:
    """``thought for 1.4 s``."""
    return f"thought for {fmt.seconds(reply.timings.reasoning_seconds or 0.0)}"


def closed(markdown: str) -> str:
    """Close a code fence that an answer cut short left open; it would swallow the footer."""
    fence = ""
    for line in markdown.splitlines():
        found = _FENCE.match(line)
        if not found:
            continue
        mark, rest = found.groups()
        if not fence:
            # CommonMark: the info string of a backtick fence holds no backtick.
            fence = "" if mark[0] == "`" and "`" in rest else mark
        elif mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip():
            fence = ""
    return f"{markdown}\n{fence}" if fence else markdown


def _fold(reply: Reply) -> str:
    # One HTML block without a blank line: half-open Markdown in the reasoning can't leak out of it.
    lines = "<br>".join(escape(line) for line in reply.reasoning.strip().splitlines())
    summary = f"<summary>{thought(reply)}</summary>"
    return f"<details>{summary}<blockquote>{lines}</blockquote></details>"
