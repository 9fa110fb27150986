"""What all widgets share: where their JavaScript is, and that they take no unknown arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget

STATIC = Path(__file__).parent.parent / "static"


def built(name: str) -> Path:
    """The built file of that name.

    Raises:
        ImportError: this is a checkout whose JavaScript was never built.
    """
    file = STATIC / name
    if not file.exists():
        raise ImportError(
            f"{file.name} is not built. In a checkout, run `npm ci && npm run build` in js/; "
            "an installed wheel always has it."
        )
    return file


class Widget(anywidget.AnyWidget):
    """Base of all widgets: traits and commands, no logic."""

    def __init__(self, **traits: Any) -> None:
        """Set traits.

        Raises:
            TypeError: no such trait; ipywidgets itself would ignore it.
        """
        if unknown := sorted(traits.keys() - set(self.trait_names())):
            raise TypeError(f"{type(self).__name__} takes no argument {', '.join(unknown)}.")
        super().__init__(**traits)
