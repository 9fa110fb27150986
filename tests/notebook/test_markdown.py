from __future__ import annotations

from typing import Any

import pytest

from mlx_manager_jupyter.client.reply import Reply, Timings, Usage
from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.markdown import bundle, closed, footer


def reply(text: str = "Paris.", **facts: Any) -> Reply:
    timings = Timings(
        total_seconds=2, first_token_seconds=0.21, tokens_per_second=41.4, reasoning_seconds=1.4
    )
    known: dict[str, Any] = {
        "reasoning": "",
        "usage": Usage(214, 58, 272),
        "timings": timings,
        "server": "assistant",
        "model": "org/model",
        "revision": None,
        "engine": "mlx-lm",
        "sampling": {},
        "seed": None,
        "finish_reason": "stop",
    }
    return Reply(text, **(known | facts))


def test_the_footer_says_what_is_known() -> None:
    assert footer(reply()) == "assistant · 214 → 58 tokens · 41 tok/s · first token 0.21 s"
    nothing = reply(usage=None, timings=Timings(total_seconds=1), finish_reason="interrupted")
    assert footer(nothing) == "assistant · (interrupted)"


def test_a_reply_takes_its_facts_and_no_others() -> None:
    with pytest.raises(TypeError, match="colour"):
        reply(colour="red")
    with pytest.raises(KeyError):
        Reply("hi")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("no fence", ""),
        ("```\ncode\n```", ""),
        ("```python\ncode", "\n```"),
        ("~~~~\ncode\n~~~", "\n~~~~"),
        ("````\n```\ncode\n```", "\n````"),
        ("    ```\nindented code is no fence", ""),
        ("```not `a` fence", ""),
        ("1. item\n\n   ```\n   code", "\n```"),
    ],
)
def test_open_fences_are_closed(text: str, end: str) -> None:
    assert closed(text) == text + end


def test_reasoning_stays_in_one_html_block() -> None:
    shown = bundle(reply(reasoning="One.\n\n```\n<b>two</b>"))["text/markdown"]
    fold = shown.partition("\n\n")[0]
    assert fold.endswith("<br><br>```<br>&lt;b&gt;two&lt;/b&gt;</blockquote></details>")
    assert "thought for 1.4 s" in fold


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (fmt.size(119_000_000), "119 MB"),
        (fmt.size(999_600_000), "1.0 GB"),
        (fmt.size(4_600_000_000), "4.6 GB"),
        (fmt.size(12_000), "12 kB"),
        (fmt.rate(41.2), "41 tok/s"),
        (fmt.rate(9.94), "9.9 tok/s"),
        (fmt.rate(1234.0), "1,234 tok/s"),
        (fmt.seconds(0.21), "0.21 s"),
        (fmt.seconds(0.996), "1.0 s"),
        (fmt.seconds(3.14), "3.1 s"),
        (fmt.seconds(12.4), "12 s"),
        (fmt.duration(-1), "0 s"),
        (fmt.duration(301), "5 m"),
        (fmt.duration(4321), "1 h 12 m"),
        (fmt.duration(3 * 86400 + 4 * 3600), "3 d 4 h"),
        (fmt.short_model("org/Qwen3-8B-4bit"), "Qwen3-8B-4bit"),
        (fmt.short_model("/models/mine/"), "mine"),
    ],
)
def test_figures(shown: str, words: str) -> None:
    assert shown == words
