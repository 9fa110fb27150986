"""What ids and queries are made of: the same thing in any spelling is the same tokens."""

from __future__ import annotations

import pytest

from mlx_manager_jupyter.services.models.words import chunks, is_number, is_whole, split_id, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Qwen3-30B-A3B-Instruct-2507-4bit-DWQ", "qwen 3 30b a3b instruct 2507 4bit dwq"),
        ("phi4", "phi 4"),
        ("gemma-3n-E4B-it", "gemma 3n e4b instruct"),
        ("Llama-3.2-3B-Instruct", "llama 3.2 3b instruct"),
        ("DeepSeek-V3.1-Terminus", "deepseek 3.1 terminus"),
        ("Mistral-7B-Instruct-v0.3", "mistral 7b instruct 0.3"),
        ("ds r1", "deepseek r1"),
        ("Mixtral-8x22B", "mixtral 8x22b"),
        ("gpt-oss-20b-MXFP4-Q8", "gpt oss 20b mxfp4 8bit"),
        ("Qwen2.5VL-7B", "qwen 2.5 vl 7b"),
        ("SmolLM2-135M", "smollm 2 135m"),
        ("MiniMax-M2.1", "minimax m2.1"),
        ("FLUX.1-schnell", "flux 1 schnell"),
        ("Llama-3_3-Nemotron-v1_5", "llama 3.3 nemotron 1.5"),
        ("InternVL3_5-8B", "internvl 3.5 8b"),
        ("llama3_8b_4bit", "llama 3 8b 4bit"),
        ("bge-m3-bf16", "bge m3 bf16"),
        ("BitNet-1.58-bitnet", "bitnet 1.58 bitnet"),
        ("\uff31wen\uff13", "qwen 3"),
        ("https://huggingface.co/mlx-community/Qwen3-8B/tree/main", "mlx community qwen 3 8b"),
        ("hf.co/mlx-community/phi-4?library=mlx", "mlx community phi 4"),
        ("🙂 .. .*+?[(", ""),
        ("", ""),
    ],
)
def test_tokens(text: str, expected: str) -> None:
    assert tokens(text) == expected.split()


@pytest.mark.parametrize("text", ["4bit", "4 bit", "4-bit", "4_bits", "Q4", "q4", "int4", "4Bit"])
def test_bits_in_every_spelling(text: str) -> None:
    assert tokens(f"phi-3 {text} dwq") == ["phi", "3", "4bit", "dwq"]


def test_a_unit_may_stand_apart() -> None:
    assert tokens("qwen 0.6 b") == ["qwen", "0.6b"]
    assert tokens("yi 6 beta") == ["yi", "6", "beta"]


def test_tokens_of_tokens_are_the_same() -> None:
    found = tokens("c4ai Qwen3-30B-A3B-4bit gemma-3n-E4B DeepSeek-V2.5 8x7b mxfp4 whisper-v3 q8")
    assert tokens(" ".join(found)) == found


def test_numbers_and_words() -> None:
    assert [is_number(token) for token in ("8b", "r1", "3.2", "qwen")] == [True, True, True, False]
    whole = ("8b", "135m", "8x7b", "4bit", "mxfp4", "a3b")
    assert all(map(is_whole, whole))
    assert not any(map(is_whole, ("8", "3.2", "8x", "8bi", "a3")))


def test_author_and_name() -> None:
    assert split_id("mlx-community/Qwen3-8B-4bit") == ("mlx-community", "Qwen3-8B-4bit")
    assert split_id("/data/models/Qwen3-8B-4bit/") == ("models", "Qwen3-8B-4bit")
    assert split_id("gpt2") == ("", "gpt2")
    assert split_id("/") == ("", "")


def test_chunks_keep_what_is_written_together() -> None:
    assert chunks("GPToss20b, MXFP4-Q8/x") == ["gptoss20b", "mxfp4", "q8", "x"]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["hf.co/a/" + "b" * 100_000 + " x", "4-" * 50_000, "a1" * 50_000])
def test_hostile_text_takes_no_longer(text: str) -> None:
    assert tokens(text) is not None
