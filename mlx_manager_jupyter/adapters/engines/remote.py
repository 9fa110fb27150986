"""remote: a server elsewhere that speaks OpenAI's language, another machine's gateway included."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.asked import ANYTHING, EXTRAS, REQUEST_FIELDS
from mlx_manager_jupyter.adapters.engines.base import Engine
from mlx_manager_jupyter.adapters.engines.fields import OURS
from mlx_manager_jupyter.adapters.engines.probe import Probe
from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.errors import MLXManagerError
    from mlx_manager_jupyter.schema import Profile, StoredServer


class Remote(Engine, frozen=True, kw_only=True):
    """No process of ours: a URL, and perhaps a key."""

    def refusals(
        self, profile: Profile, installation: Installation | None = None
    ) -> Iterator[tuple[str, MLXManagerError]]:
        """It has to be told where, and what to ask for."""
        yield from super().refusals(profile, installation)
        if not profile.base_url:
            hint = "Give the URL below which /models and /chat/completions are, often …/v1."
            yield "base_url", InvalidValue("'base_url' is missing.", hint)
        if not profile.model:
            hint = "Give the name that the other server knows it by; its /models lists them."
            yield "model", InvalidValue("'model' is missing.", hint)
        if profile.api_key_env and not os.environ.get(profile.api_key_env):
            yield (
                "api_key_env",
                InvalidValue(
                    f"Jupyter's environment has no variable {profile.api_key_env!r}.",
                    "Set it to the key before Jupyter is started.",
                ),
            )

    def argv(
        self,
        installation: Installation,  # noqa: ARG002  nothing is started
        profile: Profile,  # noqa: ARG002
        model: Path | None,  # noqa: ARG002
        host: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def health(self, stored: StoredServer) -> Probe:  # noqa: ARG002  the same for all
        """Its list of models, which costs it nothing."""
        return Probe(path="/v1/models")

    def url(self, stored: StoredServer, path: str) -> str:
        """Below its base, which is what OpenAI calls ``/v1``."""
        return (stored.base_url or "").rstrip("/") + path.removeprefix("/v1")

    def headers(self, stored: StoredServer) -> dict[str, str]:
        """The key, read from the environment each time and kept nowhere."""
        variable = stored.profile.api_key_env
        key = os.environ.get(variable, "") if variable else ""
        return {"Authorization": f"Bearer {key}"} if key else {}


REMOTE = Remote(
    kind="remote",
    request_fields=REQUEST_FIELDS,
    fields=OURS - {"host", "host_confirmed"} | {"base_url", "api_key_env"},
    offers=ANYTHING,
    guessed=True,
    carries=EXTRAS,
)
