"""How one field of a profile becomes words of a command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec import Struct


class Flag(Struct, frozen=True):
    """A long option, and how it takes its value."""

    name: str
    kind: str = "value"
    """``value``: flag and text; ``switch``: the flag alone when true; ``json``: flag and JSON;
    ``path``: flag and the path of something that exists; ``file``: flag and the *content* of the
    file that the field names; ``seconds``: flag and whole seconds, rounded up."""

    def words(self, value: Any) -> list[str]:  # noqa: ANN401  a profile field has any type
        """The words for this value; none when a switch is off.

        Raises:
            OSError, UnicodeDecodeError: it names a file that is not there, or is no text.
        """
        match self.kind:
            case "switch":
                return [self.name] if value else []
            case "json":
                return [self.name, json.dumps(value)]
            case "file":
                return [self.name, Path(value).expanduser().read_text("utf-8")]
            case "path":
                path = Path(value).expanduser()
                path.stat()
                return [self.name, str(path)]
            case "seconds":
                return [self.name, str(-int(-value // 1))]
            case _:
                return [self.name, str(value)]
