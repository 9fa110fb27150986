"""command: any program that serves HTTP, with a path that answers 200 once it is ready."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.asked import ANYTHING, EXTRAS, REQUEST_FIELDS
from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.fields import MODEL
from mlx_manager_jupyter.adapters.engines.meaning import SHARED
from mlx_manager_jupyter.adapters.engines.probe import Probe
from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import Profile, StoredServer

MODEL_WORD = "{model}"
_PLACES = re.compile(r"\{(?:model|host|port)\}")


class Command(Engine, frozen=True, kw_only=True):
    """Its words are the profile's own."""

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """It has to be told what to run, and the program on which port."""
        yield from super().refusals(profile, installation)
        words = " ".join(profile.command)
        if not profile.command or not profile.command[0].strip():
            yield (
                "command",
                InvalidValue(
                    "'command' is missing.",
                    "Give the program and its words, with {model}, {host} and {port} in place.",
                ),
            )
        elif "{port}" not in words and profile.port is None:
            yield (
                "command",
                InvalidValue(
                    "Nobody knows on which port it will listen.",
                    "Put {port} into 'command', or set 'port' to the one that it takes.",
                ),
            )
        if MODEL_WORD in words and not profile.model:
            yield (
                "model",
                InvalidValue(
                    "'command' wants a {model}, and 'model' is missing.",
                    "Name a model, or a folder.",
                ),
            )

    def argv(
        self,
        installation: Installation,  # noqa: ARG002  it is not installed by us
        profile: Profile,
        model: Path | None,
        host: str,
        port: int,
    ) -> tuple[str, ...]:
        """The profile's words, filled in. Other braces stay as they are."""
        values = {MODEL_WORD: str(model or profile.model), "{host}": host, "{port}": str(port)}
        words = (_PLACES.sub(lambda found: values[found[0]], word) for word in profile.command)
        return (*words, *profile.extra_args)

    def health(self, stored: StoredServer) -> Probe:
        """The path that the profile names."""
        return Probe(path=stored.profile.ready_path)


COMMAND = Command(
    kind="command",
    request_fields=REQUEST_FIELDS,
    fields=MODEL | {"command", "ready_path"},
    offers=ANYTHING,
    guessed=True,
    carries=EXTRAS,
    meanings=SHARED,
)
