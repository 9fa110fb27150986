"""The panel of metrics: its view asks the kernel for the past, and gets what is measured now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


@pytest.fixture
def panel(kernel: Kernel) -> Iterator[Panel]:
    yield Panel(kernel, "mlx.MetricsPanel()", "metrics")
    kernel.ok("panel.close()")


def test_the_past_comes_as_columns(jupyter: Jupyter, panel: Panel) -> None:
    jupyter.serve("tiny")
    panel.until(lambda state: "tiny" in (state.get("metrics") or {"servers": ()})["servers"])
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for step in (1, 10):
        history = panel.result("metrics", since=since, step=step)
        assert history["step_seconds"] == step
        assert len(history["servers"]["tiny"]["memory_bytes"]) == len(history["times"]) > 0
    assert panel.result("metrics")["step_seconds"] == 1


def test_a_time_that_is_none_is_said(panel: Panel) -> None:
    answer = panel.ask("metrics", since="yesterday", step=1)
    assert answer["ok"] is False
    assert answer["problem"]["code"] == "invalid_value"
