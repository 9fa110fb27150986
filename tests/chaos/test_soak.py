"""Hundreds of requests, a tenth of them abandoned: nothing stays behind, and all is counted.

The same with 10,000, and with an eye on the memory, is ``python -m tests.bench soak``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.soak import Soak, jupyter_for

if TYPE_CHECKING:
    from pathlib import Path

REQUESTS = 500


def test_abandoned_requests_leave_nothing_behind_and_totals_are_exact(tmp_path: Path) -> None:
    with jupyter_for(tmp_path) as jupyter:
        rest = Soak(jupyter).run(REQUESTS)
        jupyter.api("servers/soaked", "DELETE")
    print(f"{rest.asked / rest.seconds:.0f} requests a second")
    assert rest.left == REQUESTS // 10
    assert rest.connections == 0
    assert rest.missing == 0
    assert rest.wrong == 0, rest.by_status
    assert rest.tokens_off == 0
