"""Which engine `auto` means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.adapters.engines.table import ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from mlx_manager_jupyter.schema import EngineKind, Profile

    ModelType = Literal[
        "auto", "lm", "multimodal", "embeddings", "whisper", "image-generation", "image-edit"
    ]

#: Who runs what, best first: the lightest for text, the broad one for what sees or embeds.
CANDIDATES: Mapping[str, tuple[EngineKind, ...]] = {
    "lm": ("mlx-lm", "mlx-vlm", "mlx-openai-server"),
    "multimodal": ("mlx-vlm", "mlx-openai-server"),
    "embeddings": ("mlx-vlm", "mlx-openai-server"),
    "whisper": ("mlx-openai-server",),
    "image-generation": ("mlx-openai-server",),
    "image-edit": ("mlx-openai-server",),
}


class Nature(Struct, frozen=True, kw_only=True):
    """What the files of a model say that it is."""

    model_type: ModelType = "lm"
    as_text: bool = False
    """An engine for text runs it too, and the one that would do more can't run it here."""


def choose(
    profile: Profile, nature: Nature | None, installed: Callable[[EngineKind], bool]
) -> EngineKind:
    """The engine for a profile that leaves it open.

    The best one for the model that can honour all that is set; of several, one that is installed.

    Args:
        profile: says what is wanted.
        nature: of its model; None if that can't be told.
        installed: whether there is an engine of this kind.
    """
    if profile.engine != "auto":
        return profile.engine
    if profile.command:
        return "command"
    if profile.base_url:
        return "remote"
    kind = model_type(profile, nature)
    candidates = CANDIDATES[kind]
    if nature and nature.as_text and profile.model_type == "auto":
        candidates = CANDIDATES["lm"]
    able = [one for one in candidates if not any(ENGINES[one].refusals(profile))]
    for one in able:
        if installed(one):
            return one
    return (able or candidates)[0]


def model_type(profile: Profile, nature: Nature | None) -> ModelType:
    """What kind of model is run: as the profile says, else as its files do, else text."""
    if profile.model_type != "auto":
        return profile.model_type
    return nature.model_type if nature else "lm"
