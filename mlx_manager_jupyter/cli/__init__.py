"""``jupyter mlx``: the command line. One module per noun; each prints its result or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``jupyter mlx`` with ``argv`` (default: the process's own) and return its exit code."""
    from mlx_manager_jupyter.cli.app import run  # noqa: PLC0415  importing cli must stay free

    return run(argv)
