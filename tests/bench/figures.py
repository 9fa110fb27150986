"""What a benchmark says: figures with a budget, and the same of a peer measured in the same run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: A peer that never did it within the time we gave it.
NEVER = math.inf
#: In a cell of the table.
NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. A peer's value is None when it could not be measured."""

    name: str
    ours: float
    unit: str
    budget: float | None = None
    at_least: bool = False
    """The budget is a floor, not a ceiling."""
    peers: Mapping[str, float | None] = field(default_factory=dict)
    """By name, the one that the ratio is taken of first."""
    samples: int | None = None

    @property
    def over(self) -> bool:
        """Whether the budget is missed."""
        if self.budget is None:
            return False
        return self.ours < self.budget if self.at_least else self.ours > self.budget

    @property
    def ratio(self) -> float | None:
        """Ours by the first peer's; None where that says nothing."""
        first = next(iter(self.peers.values()), None)
        return self.ours / first if first and math.isfinite(first) else None

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        sign = "≥" if self.at_least else "≤"
        return (
            f"{self.name} ({self.unit})" if self.unit else self.name,
            f"{_number(self.ours)}{' !' if self.over else ''}",
            ", ".join(f"{_number(value)} {name}" for name, value in self.peers.items()) or NOTHING,
            NOTHING if self.budget is None else f"{sign} {self.budget:g}",
            NOTHING if self.ratio is None else f"{self.ratio:.2f}",
            "" if self.samples is None else str(self.samples),
        )

    def record(self) -> dict[str, Any]:
        """The figure as JSON; infinity, which JSON lacks, as text."""
        peers = {name: "never" if value == NEVER else value for name, value in self.peers.items()}
        return {
            **{name: getattr(self, name) for name in ("name", "ours", "unit", "budget")},
            **{name: getattr(self, name) for name in ("at_least", "over", "ratio", "samples")},
            "peers": peers,
        }


def table(figures: Iterable[Figure]) -> str:
    """The figures as Markdown, aligned for a terminal."""
    rows: list[tuple[str, ...]] = [("figure", "ours", "peer", "budget", "ratio", "n")]
    rows += [figure.cells() for figure in figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that is not exceeded by ``percent`` of all (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _number(value: float | None) -> str:
    if value is None:
        return "n/a"
    if value == NEVER:
        return "never"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
