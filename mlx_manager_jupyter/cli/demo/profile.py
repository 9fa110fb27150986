"""The profile by which the quick-start notebook names the demo's model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.client.client import Client

NAME = "smollm2"


def ensure(client: Client, model: Path) -> Profile:
    """Create the profile; one that the user changed stays as it is, unless the model moved."""
    wanted = Profile(
        name=NAME,
        description="SmolLM2-135M-Instruct, the demo's model",
        model=str(model),
        temperature=0.0,
        seed=0,
        max_tokens=128,
    )
    for found in client.profiles.list():
        if found.name == NAME:
            if found.model == wanted.model:
                return found
            client.profiles.delete(NAME)
    return client.profiles.create(wanted)
