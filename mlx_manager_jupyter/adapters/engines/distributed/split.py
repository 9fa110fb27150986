"""What the number of ranks has to divide, by how mlx-lm's ``shard`` cuts a model.

Read from ``models/*.py`` of mlx-lm 0.32: each rank keeps a share of the heads and of the width of
the feed-forward layers. Embeddings, norms, routers and the number of experts are not cut.
A matrix that is cut along its rows is cut between quantization groups only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mlx_manager_jupyter.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Where models of several parts keep their language model.
_PARTS = ("text_config", "llm_config", "language_config", "text")
#: These copy a key-value head rather than cut it, and cut the output over the vocabulary.
_COPIES_HEADS = ("qwen3_5", "prism_hadamard_qwen35")
_CUTS_VOCABULARY = (*_COPIES_HEADS, "muse_spark")
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
#: Widths of feed-forward layers: those of experts, and those that every token passes.
_EXPERT_WIDTHS = ("moe_intermediate_size", "expert_ffn_hidden_size")
_WIDTHS = (
    "ffn_hidden_size",
    "intermediate_size_mlp",
    "shared_expert_intermediate_size",
    "share_expert_dim",
)
#: More ranks than this are not proposed.
_MOST_RANKS = 32
_SHOWN = 6


class Part(Struct, frozen=True):
    """A number of things that are shared out."""

    number: int
    what: str
    copied: bool = False
    """Whether ranks may be a multiple of it, too."""

    def fits(self, ranks: int) -> bool:
        """Whether each rank gets as much."""
        return self.number % ranks == 0 or (self.copied and ranks % self.number == 0)


def parts_of(config: Mapping[str, Any]) -> tuple[Part, ...]:
    """Everything that is shared out; nothing if the config does not give the shape."""
    part = _language(config)
    kind = str(config.get("model_type") or part.get("model_type"))
    if not _whole(part, "num_attention_heads"):
        return ()
    found = [*_heads(part, kind), *_widths(part), *_groups(part, config)]
    if kind.startswith(_CUTS_VOCABULARY) and part.get("tie_word_embeddings") is not True:
        found += [Part(n, "tokens of the vocabulary") for n in _some(part, "vocab_size")]
    return tuple(dict.fromkeys(found))


def rank_counts(parts: tuple[Part, ...]) -> tuple[int, ...]:
    """How many ranks would work, from 2 on."""
    return tuple(n for n in range(2, _MOST_RANKS + 1) if all(part.fits(n) for part in parts))


def check_division(config: Mapping[str, Any], ranks: int, otherwise: str = "") -> None:
    """Refuse a number of ranks that the model can't be divided by.

    ``otherwise`` is said where no number would do.

    Raises:
        InvalidValue: with the numbers, and those that would work.
    """
    parts = parts_of(config)
    bad = [part for part in parts if not part.fits(ranks)]
    if not bad:
        return
    listed = _and([f"{part.number} {part.what}" for part in bad])
    message = f"The model can't be shared out to {ranks} ranks: {ranks} does not divide {listed}."
    good = rank_counts(parts)
    if good:
        hint = f"{_or([str(n) for n in good[:_SHOWN]])} ranks work."
    else:
        hint = f"No number of ranks works for this model. {otherwise}".rstrip()
    raise InvalidValue(message, hint)


def layers_of(config: Mapping[str, Any]) -> int:
    """How many layers there are; 0 if the config does not say."""
    return _whole(_language(config), "num_hidden_layers", "n_layers", "num_layers")


def _language(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((config[name] for name in _PARTS if isinstance(config.get(name), dict)), config)


def _heads(part: Mapping[str, Any], kind: str) -> Iterator[Part]:
    queries = _whole(part, "num_attention_heads")
    yield Part(queries, "attention heads")
    if not _whole(part, "kv_lora_rank"):  # latent attention has no key heads of its own
        keys = _whole(part, "num_key_value_heads", "num_attention_groups")
        copied = kind.startswith(_COPIES_HEADS)
        yield from (Part(n, "key-value heads", copied) for n in (keys,) if n)
    other = part.get("attention_other_setting")  # Step 3.5: the layers with a window
    if isinstance(other, dict):
        yield from (Part(n, "attention heads") for n in _some(other, "num_attention_heads"))
        yield from (Part(n, "key-value heads") for n in _some(other, "num_attention_groups"))
    yield from (Part(n, "output groups") for n in _some(part, "o_groups"))
    linear = part.get("linear_attn_config")
    if isinstance(linear, dict):
        yield from (Part(n, "heads of linear attention") for n in _some(linear, "num_heads"))
    for name in ("linear_num_key_heads", "linear_num_value_heads"):
        yield from (Part(n, "heads of linear attention") for n in _some(part, name))


def _widths(part: Mapping[str, Any]) -> Iterator[Part]:
    yield from (Part(n, "columns of the feed-forward layers") for n in _all_widths(part))


def _all_widths(part: Mapping[str, Any]) -> list[int]:
    names = list(_WIDTHS)
    if any(_whole(part, name) for name in _EXPERTS):
        names += _EXPERT_WIDTHS
        # Without a width of their own, experts are as wide as this says; with one it is that of the
        # layers without experts, if there are any.
        alone = not any(_whole(part, name) for name in _EXPERT_WIDTHS)
        dense = any(part.get(name) for name in ("first_k_dense_replace", "mlp_only_layers"))
        names += ["intermediate_size"] if alone or dense else []
    else:
        names.append("intermediate_size")
    return [n for name in names for n in _some(part, name)]


def _groups(part: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Part]:
    """Of the matrices that are cut along their rows: what attention and feed-forward put out."""
    for size in _group_sizes(config, ("down_proj",)):
        yield from _grouped(_all_widths(part), size, "feed-forward")
    queries = _whole(part, "num_attention_heads")
    dims = _whole(part, "v_head_dim", "head_dim") or _whole(part, "hidden_size") // queries
    linear = _whole(part, "linear_num_value_heads") * _whole(part, "linear_value_head_dim")
    outputs = [queries * dims, linear]
    for size in _group_sizes(config, ("o_proj", "out_proj")):
        yield from _grouped(outputs, size, "attention")


def _grouped(widths: list[int], size: int, what: str) -> Iterator[Part]:
    # What no group fits into is not quantized.
    fitting = (width for width in widths if width and width % size == 0)
    yield from (Part(n // size, f"groups of {size} quantized {what} columns") for n in fitting)


def _group_sizes(config: Mapping[str, Any], layers: tuple[str, ...]) -> set[int]:
    told = config.get("quantization") or config.get("quantization_config")
    if not isinstance(told, dict):
        return set()
    # How transformers names what mlx-lm loads as mxfp4: groups of 32 (mlx_lm/utils.py).
    default = 32 if told.get("quant_method") == "mxfp4" else 0
    own = [v for k, v in told.items() if k.endswith(layers) and isinstance(v, dict)]
    return {n for each in (told, *own) if (n := _whole(each, "group_size") or default)}


def _some(config: Mapping[str, Any], name: str) -> tuple[int, ...]:
    number = _whole(config, name)
    return (number,) if number else ()


def _whole(config: Mapping[str, Any], *names: str) -> int:
    """The first of these that is a whole number above zero, else 0: anybody may have written it."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
