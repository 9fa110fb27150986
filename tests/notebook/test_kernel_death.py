"""A kernel that is killed says good-bye to nobody: what it asked for ends all the same."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.discovery import VARIABLE
from tests.client.live import until
from tests.notebook.conftest import ROOT
from tests.notebook.kernel import started

if TYPE_CHECKING:
    from tests.client.live import Jupyter

#: It would go on for minutes.
TOKENS = 5000


@pytest.mark.parametrize(
    "code",
    [
        f"%%mlx_chat slow --max-tokens {TOKENS}\nTalk!",
        f"mlx.chat('Talk!', model='slow', max_tokens={TOKENS})",
    ],
    ids=["streamed", "plain"],
)
def test_generation_ends_with_the_kernel(jupyter: Jupyter, code: str) -> None:
    jupyter.serve("slow", tokens=["word "] * TOKENS, token_seconds=0.05)
    env = {**os.environ, VARIABLE: str(jupyter.connection), "PYTHONPATH": str(ROOT)}
    with started(env) as kernel:
        kernel.ok("%load_ext mlx_manager_jupyter\nimport mlx_manager_jupyter as mlx")
        pid = int(kernel.value("__import__('os').getpid()"))
        asked = len(jupyter.noted("request"))
        kernel.client.execute(code)
        if code.startswith("%%"):
            kernel.heard(lambda message: "word" in json.dumps(message["content"].get("data", "")))
        until(lambda: len(jupyter.noted("request")) > asked)
        os.kill(pid, signal.SIGKILL)
        killed = time.time()
        until(lambda: jupyter.noted("closed"))
    closed = jupyter.noted("closed")[-1]
    print(f"kernel killed -> upstream closed: {(closed['time'] - killed) * 1000:.0f} ms")
    assert closed["token"] < TOKENS
    assert not jupyter.noted("finished")[asked:], "nothing was generated to its end"
