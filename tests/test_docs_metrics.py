"""What ``docs/metrics.md`` says in tables is what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.extension import metrics
from mlx_manager_jupyter.extension.prometheus import Figures
from mlx_manager_jupyter.notebook.metrics_frame import MEASURES, SYSTEM
from mlx_manager_jupyter.schema import Server
from mlx_manager_jupyter.services.metrics import MetricsManager
from mlx_manager_jupyter.services.metrics.history import SERVER_COLUMNS, SYSTEM_COLUMNS
from tests.services.test_metrics_counts import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

METRICS = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")
SERVER = Server(name="a", model="m", engine="mlx-lm", state="ready")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table that begins so."""
    table = METRICS.partition(f"{heading}\n")[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_every_column_is_there_on_both_sides() -> None:
    of_server = [row[0] for row in rows("| column | of a server, and of all together |")]
    of_machine = [row[0] for row in rows("| column | of the machine |")]
    assert of_server == list(MEASURES) == list(SERVER_COLUMNS)
    assert of_machine == list(SYSTEM) == list(SYSTEM_COLUMNS)


def test_every_request_is_in_the_table() -> None:
    served = {f"GET {path.lstrip('/')}" for path, _ in metrics.HANDLERS}
    assert {row[0] for row in rows("| request | |")} == served


async def test_every_figure_is_in_the_table() -> None:
    manager = MetricsManager(
        this_machine(), lambda: {"a": []}, lambda _: None, servers=lambda: [SERVER]
    )
    await manager._look()
    manager.traffic("a").ended(record(error="upstream_failed", first_token_seconds=1.0))
    families = list(Figures(manager).collect())
    documented = {row[0]: row[1] for row in rows("| figure | labels | |")}
    assert documented.keys() >= {name for name, _ in _told(families)}
    for name, labels in _told(families):
        assert documented[name] == ", ".join(labels)
    # What takes two looks, or a process, is there with its name alone.
    told = {name for name, _ in _told(families)}
    assert documented.keys() - told == {
        "mlx_manager_cpu_ratio",
        "mlx_manager_server_cpu_ratio",
        "mlx_manager_server_memory_bytes",
    }
    for name in documented:
        assert not re.search("percent|megabytes|millis", name), "base units"


def _told(families: list[Metric]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names of samples, a histogram's as one, and their labels."""
    for family in families:
        for sample in family.samples:
            name = family.name if family.type == "histogram" else sample.name
            yield name, tuple(label for label in sample.labels if label != "le")
