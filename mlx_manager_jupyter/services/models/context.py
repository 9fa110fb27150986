"""How many tokens a model was made for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.models.reading import number, record, text, text_part, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The names under which it is found, the commonest first. A sliding window is none of them: it says
#: how far one layer looks back, not how long a conversation can be.
_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "max_seq_length",
    "seq_length",
    "n_ctx",
    "model_max_length",
    "max_target_positions",
    "max_text_positions",
)

#: RoBERTa numbers positions from its padding token's id plus one, so two are never used.
_ROBERTA = frozenset({"roberta", "xlm-roberta", "xlm_roberta", "camembert"})


def context_of(config: Mapping[str, Any]) -> tuple[int | None, str]:
    """Tokens of context, and the field that says so.

    YaRN's ``factor`` is on top of ``original_max_position_embeddings``; many configs have
    multiplied it in already, so the larger one counts (https://arxiv.org/abs/2309.00071).
    """
    part = text_part(config)
    found = next(((whole(part, name), name) for name in _NAMES if whole(part, name)), (None, ""))
    length, name = found
    for field in ("rope_scaling", "rope_parameters"):
        scaling = record(part.get(field))
        kind = text(scaling.get("rope_type")) or text(scaling.get("type"))
        original = whole(scaling, "original_max_position_embeddings")
        factor = number(scaling.get("factor"))
        if kind == "yarn" and factor and original and original * factor > (length or 0):
            length, name = int(original * factor), field
    if length and part.get("model_type") in _ROBERTA:
        length -= 2
    return (length, f"config.json: {name}") if length and length > 0 else (None, "")
