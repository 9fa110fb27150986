"""Which engine can run a model, and why it can't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.services.models.reading import words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlx_manager_jupyter.schema import Capability, Quantization

#: Model types of mlx-lm 0.32.2, for when it is not installed here; else its own files are read.
MLX_LM_TYPES = words(
    "afm7 afmoe apertus baichuan_m1 bailing_hybrid bailing_moe bailing_moe_linear"
    " bailing_moe_v3 bitnet cohere cohere2 dbrx deepseek deepseek_v2 deepseek_v3 deepseek_v32"
    " deepseek_v41 deepseek_v41_text dots1 ernie4_5 ernie4_5_moe exaone exaone4 exaone_moe"
    " falcon_h1 falcon_mamba gear gemma gemma2 gemma3 gemma3_text gemma3n gemma4 gemma4_text"
    " gemma4_unified glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa gpt2 gpt_bigcode gpt_neox"
    " gpt_oss gptj granite granitemoe granitemoehybrid helium hunyuan hunyuan_v1_dense internlm2"
    " internlm3 iquestcoder iquestloopcoder jamba joyai_llm_flash kimi_k2 kimi_k25 kimi_k3"
    " kimi_linear kimi_vl Klear laguna lfm2 lfm2-vl lfm2_moe lille-130m llama llama4 llama4_text"
    " llava longcat_flash longcat_flash_ngram mamba mamba2 mellum mimo mimo_v2_flash minicpm"
    " minicpm3 minimax minimax_m2 minimax_m3_vl ministral3 mistral mistral3 mistral4 mixtral"
    " muse_glimmer muse_spark nanbeige nanochat nemotron nemotron-nas nemotron_h olmo olmo2"
    " olmo3 olmo_hybrid olmoe openelm phi phi-msft phi3 phi3small phimoe phixtral pixtral plamo"
    " plamo2 plamo3 prism_hadamard_qwen35 qwen qwen2 qwen2_5_vl qwen2_moe qwen2_vl qwen3 qwen3_5"
    " qwen3_5_moe qwen3_moe qwen3_next qwen3_vl qwen3_vl_moe recurrent_gemma rwkv7 seed_oss"
    " smollm3 solar_open spark2_5 stablelm starcoder2 step3p5 talkie telechat3 xverse youtu_llm"
)
#: Of mlx-vlm 0.7.10, those that see or embed; it has nearly all of mlx-lm's too.
MLX_VLM_TYPES = words(
    "aya_vision bert cohere2_vision colidefics3 colqwen2_5 deepseek_vl_v2 deepseekocr"
    " deepseekocr_2 dots_ocr ernie4_5_moe_vl fastvlm florence2 gemma3 gemma3_embedding gemma3n"
    " gemma4 gemma4_unified glm4v glm4v_moe glm_ocr got granite4_vision granite_vision"
    " hunyuan_vl idefics2 idefics3 internvl internvl_chat jina_vlm kimi_k25 kimi_vl lfm2-vl"
    " lfm2_embedding lfm2_vl llama4 llava llava-qwen2 llava_bunny llava_next llava_onevision"
    " llava_qwen2 bunny-llama minicpmo minimax_m3_vl mistral3 mistral4 mllama modernbert molmo"
    " molmo2 moondream1 moondream2 moondream3 multi_modality nemotron_parse paddleocr_vl"
    " paligemma phi3_v phi4-siglip phi4mm pixtral qwen2_5_vl qwen2_vl qwen3_5 qwen3_5_moe"
    " qwen3_embedding qwen3_omni_moe qwen3_vl qwen3_vl_embedding qwen3_vl_moe siglip smolvlm"
    " xlm_roberta xlm-roberta youtu_vl"
)
#: Ways of others to quantize that mlx-lm 0.32.2 repacks while it loads.
MLX_LM_METHODS = frozenset(
    {"bitnet", "mxfp4", "mxfp8", "fp8", "compressed-tensors", "modelopt", "awq", "gptq"}
)
#: All that are known to be types rather than other words.
KNOWN_TYPES = MLX_LM_TYPES | MLX_VLM_TYPES | {"whisper"}

_BUILT_IN = {"mlx-lm": MLX_LM_TYPES, "mlx-vlm": MLX_VLM_TYPES | MLX_LM_TYPES}

#: Speech to text, which mlx-openai-server runs with ``model_type`` whisper.
_LISTENING = frozenset({"whisper"})

#: It makes images too, with ``model_type`` image-generation or image-edit.
_DRAWING = frozenset({"text-to-image", "image-to-image"})


def engine_of(
    model_type: str | None,
    capabilities: Collection[Capability],
    known: Mapping[str, Collection[str]],
    pipeline: str | None = None,
) -> tuple[str, str, str | None]:
    """The engine, what it was chosen by, and why it can't run the model here.

    Args:
        model_type: of the config; None if nobody has read it yet.
        capabilities: of the model.
        known: by engine that is installed, the model types that it says it can run. An engine that
            is not among them is judged by what is known of a released version.
        pipeline: the Hub's ``pipeline_tag``.
    """
    if pipeline in _DRAWING:
        return "mlx-openai-server", f"pipeline {pipeline}", None
    wanted = _wanted(model_type, capabilities)
    if model_type is None:
        return wanted, _why(capabilities), None
    runs = _runs(wanted, model_type, known)
    evidence = f"{_why(capabilities)}, model_type {model_type}"
    if not known.get(wanted):
        missing = f"{wanted} is not installed: " if known and wanted not in known else ""
        evidence += f" ({missing}by the types of a released version)"
    as_text = wanted == "mlx-vlm" and "embeddings" not in capabilities
    as_text = as_text and _runs("mlx-lm", model_type, known)
    problem = None
    if not runs:
        problem = f"{wanted} does not know the model type {model_type!r}."
    elif known and wanted not in known:
        problem = f"It needs {wanted}, which is not installed."
    if problem and as_text:
        return "mlx-lm", f"{evidence}; mlx-lm runs it as text", None
    return wanted, evidence, problem


def method_problem(
    quantization: Quantization | None, methods: Collection[str] | None = None
) -> str | None:
    """Why the engine can't run weights that another tool than MLX quantized; None if it can.

    ``methods`` are those that the installed mlx-lm has code for.
    """
    if quantization is None or quantization.method == "mlx":
        return None
    method, mode = quantization.method, quantization.mode
    problem = None
    if method not in (MLX_LM_METHODS if methods is None else methods):
        problem = f"Its weights are quantized by {method}, which MLX can't run."
    elif mode == "fp8":
        problem = "Its weights are in fp8, which MLX can't run as they are."
    elif method in _REPACKED and mode == "affine" and quantization.bits != _REPACKED_BITS:
        problem = f"mlx-lm takes {method} with 4 bits only, and this has {quantization.bits}."
    elif method == "gptq":
        problem = "mlx-lm takes GPTQ only without group indices, which nearly all have."
    elif method == "modelopt" and mode != "nvfp4":
        problem = "mlx-lm takes only NVFP4 of modelopt."
    advice = "Take a build for MLX, or convert the original with mlx_lm.convert."
    return f"{problem} {advice}" if problem else None


_REPACKED = frozenset({"awq", "gptq", "compressed-tensors"})
_REPACKED_BITS = 4


def _wanted(model_type: str | None, capabilities: Collection[Capability]) -> str:
    if "embeddings" in capabilities or "vision" in capabilities:
        return "mlx-vlm"
    if model_type in _LISTENING or ("audio" in capabilities and model_type is None):
        return "mlx-openai-server"
    return "mlx-vlm" if "audio" in capabilities else "mlx-lm"


def _why(capabilities: Collection[Capability]) -> str:
    for capability in ("embeddings", "vision", "audio"):
        if capability in capabilities:
            return capability
    return "text"


def _runs(engine: str, model_type: str, known: Mapping[str, Collection[str]]) -> bool:
    if engine == "mlx-openai-server":
        return model_type in _LISTENING
    types = known.get(engine) or _BUILT_IN[engine]
    return model_type in types or model_type.replace("-", "_") in types
