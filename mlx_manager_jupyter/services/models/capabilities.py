"""What a model can do, and from what that was read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.services.models.names import has_word, plain
from mlx_manager_jupyter.services.models.reading import record, text, text_part, texts, words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mlx_manager_jupyter.schema import Capability
    from mlx_manager_jupyter.services.models.template import Template

_SEEING_PIPELINES = words(
    "image-text-to-text image-to-text visual-question-answering document-question-answering"
    " video-text-to-text any-to-any"
)
_HEARING_PIPELINES = words(
    "automatic-speech-recognition text-to-speech text-to-audio audio-text-to-text audio-to-audio"
    " audio-classification"
)
_EMBEDDING_PIPELINES = words(
    "feature-extraction sentence-similarity image-feature-extraction visual-document-retrieval"
)

#: Parts of a config that only a model with eyes has.
_SEEING_PARTS = (
    "vision_config",
    "img_processor",
    "visual",
    "vision_tower",
    "mm_vision_tower",
    "vit_config",
    "vision_encoder_config",
    "perceiver_config",
)
#: Models whose class has eyes that their config does not mention.
_SEEING_TYPES = words(
    "molmo molmo2 moondream1 moondream2 moondream3 florence2 llava-qwen2 llava_qwen2 bunny-llama"
    " phi3_v phi4mm multi_modality minicpmo minicpmv deepseekocr"
)
#: Numbers of tokens that stand for an image. A text-only conversion by mlx-lm drops
#: ``vision_config`` and keeps these, so they count only with another hint.
_IMAGE_TOKENS = ("image_token_id", "image_token_index", "video_token_id", "vision_start_token_id")

_HEARING_PARTS = ("audio_config", "audio_encoder", "speech_config", "audio_tower", "encodec_config")
_HEARING_TYPES = words(
    "whisper kokoro parakeet csm dia bark outetts spark voxtral qwen2_audio wav2vec2 hubert"
    " seamless_m4t vibevoice moonshine musicgen sesame orpheus chatterbox"
)
_ENCODER_TYPES = words(
    "bert roberta xlm-roberta xlm_roberta modernbert nomic_bert mpnet distilbert new"
    " jina_embeddings"
    " gemma3_embedding siglip clip colqwen2_5 colidefics3 qwen3_embedding"
)
_EMBEDDING_TAGS = frozenset({"sentence-transformers", "feature-extraction", "embeddings"})
_EMBEDDING_NAME = re.compile(r"(^|-)(embed(der|s)?|bge|gte|e5|minilm)(-|$)|embedding")
_RANKER = re.compile(r"rerank|cross-?encoder|reranker")

#: Tags, and in words what they mean.
_TOOL_TAGS = words("tool-use tool-calling tool-call tools function-calling function-call")
_THINKING_TAGS = frozenset({"reasoning", "thinking", "reasoning-model", "chain-of-thought"})

#: Last resort, for a row of the catalogue whose files nobody has read yet: what is documented of
#: the models of these names. A template, where there is one, decides alone.
_TOOLS_BY_NAME = re.compile(
    r"qwen(2\.5|3|3\.5)-(?!.*base|.*embed|.*rerank|.*math|.*asr|.*tts)|qwq|gpt-oss|functiongemma|hermes"
    r"|llama-(3\.[1-9]|4)-.*instruct|mistral-(nemo|small|large|medium).*instruct|ministral|magistral"
    r"|devstral|glm-(4\.[5-9]|5)|kimi-k2|minimax-m2|granite-(3|4)|command-(r|a)|lfm2(\.5)?-(?!.*vl)"
    r"|smollm3|nemotron|seed-oss|hunyuan|deepseek-v3\.[12]|gemma-4"
)
_THINKING_BY_NAME = re.compile(
    r"thinking|reason(?!er-base)|deepseek-r1|-r1-|qwq|gpt-oss|magistral|deephermes|hermes-4|smollm3|kimi-k2-think"
    r"|qwen3-(\d+(\.\d+)?b(-a\d+b)?)(-mlx|-\d|-bf|-mx|-dwq|$)|qwen3\.5|glm-(4\.[5-9]|5|z1)|minimax-m\d"
    r"|phi-4-(mini-)?reason|exaone-(deep|4)|seed-oss|hunyuan|nemotron-(3|nano)|ernie-.*-thinking"
)

#: Who was made text-only says so: ``gemma-3n-E4B-it-lm-4bit``.
_TEXT_ONLY = ("lm", "textonly", "text")


def capabilities_of(
    model: str,
    config: Mapping[str, Any] | None,
    template: Template | None,
    tags: Sequence[str],
    pipeline: str | None,
    *,
    has_modules: bool = False,
) -> dict[Capability, str]:
    """What it can do, each with what shows it; in the order in which people see them.

    ``template`` may be None because there is none, or because nobody looked: with a config at hand
    the first is meant.
    """
    found: dict[Capability, str | None] = {
        "vision": _vision(model, config, pipeline),
        "tools": _tools(model, config, template, tags),
        "reasoning": _reasoning(model, config, template, tags),
        "embeddings": _embeddings(model, config, tags, pipeline, has_modules=has_modules),
        "audio": _audio(model, config, pipeline),
    }
    if found["embeddings"]:
        found["tools"] = found["reasoning"] = None  # the template is that of the model it came from
    return {name: evidence for name, evidence in found.items() if evidence}


def _vision(model: str, config: Mapping[str, Any] | None, pipeline: str | None) -> str | None:
    if _is_text_only(model, config):
        return None
    seeing = pipeline in _SEEING_PIPELINES
    if config is None and not seeing:
        return "name" if has_word(model, "vl", "vlm", "vision", "llava", "paligemma") else None
    if part := _part(config or {}, _SEEING_PARTS, _SEEING_TYPES):
        return part
    tokens = next((one for one in _IMAGE_TOKENS if (config or {}).get(one) is not None), None)
    if seeing:
        return f"config.json: {tokens}" if tokens else f"pipeline {pipeline}"
    return None


def _part(config: Mapping[str, Any], names: Sequence[str], types: Collection[str]) -> str | None:
    """What in a config shows a sense; Qwen's Omni has its senses one level down."""
    for part in (config, record(config.get("thinker_config"))):
        if name := next((one for one in names if part.get(one)), None):
            return f"config.json: {name}"
    kind = text(config.get("model_type"))
    return f"config.json: model_type {kind}" if kind in types else None


def _audio(model: str, config: Mapping[str, Any] | None, pipeline: str | None) -> str | None:
    if _is_text_only(model, config):
        return None
    if part := _part(config or {}, _HEARING_PARTS, _HEARING_TYPES):
        return part
    if pipeline in _HEARING_PIPELINES:
        return f"pipeline {pipeline}"
    known = ("whisper", "kokoro", "parakeet", "tts", "asr", "audio", "omni")
    return "name" if config is None and has_word(model, *known) else None


def _is_text_only(model: str, config: Mapping[str, Any] | None) -> bool:
    if has_word(model, *_TEXT_ONLY):
        return True
    named = texts((config or {}).get("architectures"))
    return bool(named) and all(
        one.endswith("ForCausalLM") and one.startswith(("Gemma3", "Qwen3_5", "Llama4", "Gemma4"))
        for one in named
    )


def _tools(
    model: str, config: Mapping[str, Any] | None, template: Template | None, tags: Sequence[str]
) -> str | None:
    if template:
        return f"chat template: {template.tools}" if template.tools else None
    if tag := next((tag for tag in tags if tag in _TOOL_TAGS), None):
        return f"tag {tag}"
    if config is None and (named := _TOOLS_BY_NAME.search(plain(model))):
        return f"name: {named[0]}"
    return None


def _reasoning(
    model: str, config: Mapping[str, Any] | None, template: Template | None, tags: Sequence[str]
) -> str | None:
    if template and template.thought and not _only_history(model, template):
        return f"chat template: {template.thought}"
    if has_word(model, "thinking", "reasoning", "reasoner"):
        return "name"
    if template:
        return None
    if tag := next((tag for tag in tags if tag in _THINKING_TAGS), None):
        return f"tag {tag}"
    if config is None and (named := _THINKING_BY_NAME.search(plain(model))):
        return f"name: {named[0]}"
    return None


def _only_history(model: str, template: Template) -> bool:
    """Whether it cares for thoughts in what was said before, but its model makes none.

    Those of Qwen3's instruct models are the ones of the thinking models without the switch.
    """
    switched = template.begins_thought or template.switch
    return not switched and has_word(model, "instruct") and not has_word(model, "thinking", "r1")


def _embeddings(
    model: str,
    config: Mapping[str, Any] | None,
    tags: Sequence[str],
    pipeline: str | None,
    *,
    has_modules: bool,
) -> str | None:
    name = plain(model)
    if _RANKER.search(name) or pipeline == "text-ranking":
        return None
    if pipeline in _EMBEDDING_PIPELINES:
        return f"pipeline {pipeline}"
    if has_modules:
        return "modules.json"
    if tag := next((tag for tag in tags if tag in _EMBEDDING_TAGS), None):
        return f"tag {tag}"
    return _encoder(config or {}) or ("name" if _EMBEDDING_NAME.search(name) else None)


def _encoder(config: Mapping[str, Any]) -> str | None:
    kind, heads = text(config.get("model_type")), texts(config.get("architectures"))
    if kind in _ENCODER_TYPES and not any("For" in one for one in heads):
        return f"config.json: model_type {kind}"
    if text_part(config).get("use_bidirectional_attention") is True:
        return "config.json: use_bidirectional_attention"
    return None
