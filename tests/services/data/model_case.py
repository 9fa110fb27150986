"""What the tables of models are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import Capability

Q4 = {"group_size": 64, "bits": 4}
Q8 = {"group_size": 64, "bits": 8}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model and what is true of it."""

    id: str
    config: dict[str, Any]
    template: str | None = None
    tags: tuple[str, ...] = ()
    pipeline: str | None = None
    modules: bool = False
    bits: int | None
    method: str | None
    mixed: bool = False
    family: str
    context: int | None
    can: tuple[Capability, ...] = ()
    engine: str = "mlx-lm"
    problem: str | None = None
    """Words of it."""
    flags: dict[str, str] = field(default_factory=dict)
    bits_per_weight: float | None = None
    billions: float | None = None


def config_of(model_type: str, architecture: str, **fields: Any) -> dict[str, Any]:
    quantization = fields.get("quantization")
    written = {"quantization_config": quantization} if quantization else {}
    return {
        "model_type": model_type,
        "architectures": [architecture],
        "torch_dtype": "bfloat16",
        **written,
        **fields,
    }


def shape_of(  # noqa: PLR0917  the order in which model cards give them
    width: int, layers: int, mlp: int, heads: int, kv: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "intermediate_size": mlp,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": vocabulary,
        **more,
    }
