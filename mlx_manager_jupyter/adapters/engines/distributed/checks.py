"""Everything that keeps a model from being shared out, found before anything starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.adapters.engines.distributed.abilities import abilities
from mlx_manager_jupyter.adapters.engines.distributed.hosts import spread_of
from mlx_manager_jupyter.adapters.engines.distributed.launcher import check_backend, launcher_of
from mlx_manager_jupyter.adapters.engines.distributed.split import check_division, layers_of
from mlx_manager_jupyter.errors import InvalidValue, MLXManagerError, UnsupportedField

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation
    from mlx_manager_jupyter.schema import Profile

PIPELINE = "--pipeline"
_INDEX = "model.safetensors.index.json"

#: What a request must not say to several ranks, for the reason that is given below.
LOCKS_RANKS = frozenset({"seed"})

#: Fields that mlx-lm takes, but not from several ranks, and why not.
_REFUSED = {
    "adapter_path": "mlx-lm loads no adapters when several ranks share a model",
    "draft_model": "mlx-lm loads no draft model when several ranks share a model",
    "num_draft_tokens": "mlx-lm loads no draft model when several ranks share a model",
    # Measured on 0.32.2: requests are then served one by one, where a client that leaves raises
    # NotImplementedError in rank 0 alone, and the ranks wait for each other for ever.
    "kv_bits": "with it, a client that leaves an answer would lock the ranks up for ever",
    "kv_group_size": "it stands for nothing without 'kv_bits', which several ranks can't have",
    "quantized_kv_start": "it stands for nothing without 'kv_bits', which several ranks can't have",
    "seed": "with it, a client that leaves an answer would lock the ranks up for ever",
}


def refused_fields(profile: Profile) -> Iterator[tuple[str, MLXManagerError]]:
    """Fields that don't go together with ``distributed``."""
    if profile.distributed is None:
        return
    for name, why in _REFUSED.items():
        if getattr(profile, name) is not None:
            message = f"{name!r} and 'distributed' can't be had together: {why}."
            yield name, UnsupportedField(message, "Leave one of them out.")


def check_distributed(installation: Installation, profile: Profile, model: Path | None) -> None:
    """See that the machines, the launcher and the model make a server. Blocks.

    Raises:
        InvalidValue: the machines, or a number of ranks that the model can't be divided by.
        UnsupportedField: the installed mlx-lm can't share out models of this type.
        EngineMissing: there is no launcher, or not what the backend needs.
    """
    if profile.distributed is None or model is None:
        return
    spread = spread_of(profile.distributed)
    launcher_of(installation)
    check_backend(spread)
    config = _config(model)
    if PIPELINE in profile.extra_args:
        _check_pipeline(installation, config, model, spread.ranks)
    else:
        _check_tensor(installation, config, model, spread.ranks)


def _check_tensor(
    installation: Installation, config: Mapping[str, Any], model: Path, ranks: int
) -> None:
    able = abilities(installation)
    module = able.module(str(config.get("model_type"))) if able else ""
    deals = bool(able and able.deals_out(module) and (model / _INDEX).is_file())
    otherwise = f"With {PIPELINE} in 'extra_args' whole layers are dealt out." if deals else ""
    if able and not able.cuts(module):
        message = f"The installed mlx-lm can't cut models of the type {module!r} into ranks."
        hint = otherwise or f"Those it can: {', '.join(able.which(able.cuts))}."
        raise UnsupportedField(message, hint)
    check_division(config, ranks, otherwise)


def _check_pipeline(
    installation: Installation, config: Mapping[str, Any], model: Path, ranks: int
) -> None:
    able = abilities(installation)
    module = able.module(str(config.get("model_type"))) if able else ""
    if able and not able.deals_out(module):
        message = f"The installed mlx-lm can't deal out the layers of the type {module!r}."
        others = f"Those it can: {', '.join(able.which(able.deals_out))}."
        hint = f"Leave {PIPELINE} out." if able.cuts(module) else others
        raise UnsupportedField(message, hint)
    if not (model / _INDEX).is_file():
        message = f"To deal out layers mlx-lm needs {_INDEX}, which this model of one file lacks."
        raise InvalidValue(message, f"Leave {PIPELINE} out, or take a larger model.")
    layers = layers_of(config)
    if layers and ranks > layers:
        message = f"{layers} layers can't be dealt out to {ranks} ranks."
        raise InvalidValue(message, f"Take {layers} ranks at most.")


def _config(model: Path) -> dict[str, Any]:
    try:
        config = json.loads((model / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # what is wrong with a model is said elsewhere
    return config if isinstance(config, dict) else {}
