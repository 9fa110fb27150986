"""Search over ids: numbers exact, words loose, best first."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from mlx_manager_jupyter.services.models.index import Index
from tests.fixtures.catalogue import entries

#: By how often they are downloaded.
MODELS = {
    "mlx-community/Qwen3-8B-4bit": 9000,
    "mlx-community/Qwen3-80B-4bit": 8000,
    "mlx-community/Qwen3-8B-8bit": 7000,
    "mlx-community/Qwen3-VL-8B-Instruct-4bit": 6000,
    "mlx-community/Qwen3-14B-4bit": 5000,
    "lmstudio-community/Qwen3-8B-MLX-4bit": 4000,
    "mlx-community/gemma-3-4b-it-4bit": 3000,
    "mlx-community/gemma-3n-E4B-it-4bit": 2500,
    "mlx-community/Llama-3.2-3B-Instruct-4bit": 2000,
    "mlx-community/Meta-Llama-3-8B-Instruct-4bit": 1500,
    "mlx-community/TinyLlama-1.1B-Chat-v1.0-8bit": 1200,
    "mlx-community/DeepSeek-R1-Distill-Qwen-7B-4bit": 1000,
    "mlx-community/gpt-oss-20b-MXFP4-Q8": 900,
    "mlx-community/gpt-oss-120b-MXFP4-Q4": 800,
    "mlx-community/Mixtral-8x7B-Instruct-v0.1-4bit": 700,
    "mlx-community/Mistral-7B-Instruct-v0.3-4bit": 600,
    "mlx-community/phi-4-8bit": 500,
    "01-ai/Yi-6B-mlx": 10,
    "/data/models/finetuned-qwen3-8b": 0,
}
IDS = list(MODELS)
INDEX = Index(IDS, list(MODELS.values()))


def found(words: str) -> list[str]:
    return [IDS[place] for place in INDEX.search(words)]


def names(words: str) -> set[str]:
    return {model.rpartition("/")[2] for model in found(words)}


@pytest.mark.parametrize("words", ["", " ", "\n", "mlx", "MLX "])
def test_nothing_said_finds_all_by_downloads(words: str) -> None:
    assert found(words) == IDS


def test_no_models() -> None:
    empty = Index([], [])
    assert [empty.search(words) for words in ("", "qwen", "8b", "mlx x")] == [[], [], [], []]


def test_numbers_are_exact() -> None:
    assert names("qwen3 8b") == {
        "Qwen3-8B-4bit",
        "Qwen3-8B-8bit",
        "Qwen3-8B-MLX-4bit",
        "Qwen3-VL-8B-Instruct-4bit",
        "finetuned-qwen3-8b",
    }
    assert names("qwen 14b") == {"Qwen3-14B-4bit"}
    assert names("llama 3.2 ") == {"Llama-3.2-3B-Instruct-4bit"}
    assert names("llama 3 ") == {"Meta-Llama-3-8B-Instruct-4bit"}
    assert names("7b 4bit") == {"DeepSeek-R1-Distill-Qwen-7B-4bit", "Mistral-7B-Instruct-v0.3-4bit"}
    assert names("qwen3 999b") == set()


@pytest.mark.parametrize("bits", ["8bit", "8 bit", "8-bit", "q8", "8 bits", "int8"])
def test_bits_in_every_spelling(bits: str) -> None:
    assert names(f"gpt {bits}") == {"gpt-oss-20b-MXFP4-Q8"}


def test_what_is_meant_comes_first() -> None:
    assert found("qwen3 8b 4bit")[0] == "mlx-community/Qwen3-8B-4bit"
    assert found("8b qwen3")[0] == "mlx-community/Qwen3-8B-4bit"
    assert found("qwen3 vl")[0] == "mlx-community/Qwen3-VL-8B-Instruct-4bit"
    assert found("gemma 3n")[0] == "mlx-community/gemma-3n-E4B-it-4bit"


def test_a_whole_id_finds_exactly_it_first() -> None:
    for model in IDS:
        assert found(model)[0] == model
        assert found(model.upper())[0] == model
    address = "https://huggingface.co/mlx-community/phi-4-8bit/blob/main/config.json"
    assert found(address)[0] == "mlx-community/phi-4-8bit"


def test_the_last_word_may_go_on() -> None:
    whole = "mistral 7b instruct"
    for stop in range(4, len(whole) + 1):
        assert found(whole[:stop])[0] == "mlx-community/Mistral-7B-Instruct-v0.3-4bit", whole[:stop]
    assert found("gpt oss 2") == ["mlx-community/gpt-oss-20b-MXFP4-Q8"]
    assert found("gpt oss 12") == ["mlx-community/gpt-oss-120b-MXFP4-Q4"]
    assert found("mlx gpt oss 12") == ["mlx-community/gpt-oss-120b-MXFP4-Q4"]
    assert found("gpt oss 2 ") == []
    assert found("mixtral 8x")[0] == "mlx-community/Mixtral-8x7B-Instruct-v0.1-4bit"
    assert names("llama 3") >= {"Meta-Llama-3-8B-Instruct-4bit", "Llama-3.2-3B-Instruct-4bit"}


def test_a_number_that_has_its_unit_does_not_go_on() -> None:
    assert "gemma-3-4b-it-4bit" in names("4b")
    assert "Qwen3-14B-4bit" not in names("4b")
    assert names("8x7b") == {"Mixtral-8x7B-Instruct-v0.1-4bit"}


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("phi4", "phi-4-8bit"),
        ("gptoss20b", "gpt-oss-20b-MXFP4-Q8"),
        ("deepseekr1 7b", "DeepSeek-R1-Distill-Qwen-7B-4bit"),
        ("deep seek r1", "DeepSeek-R1-Distill-Qwen-7B-4bit"),
        ("tiny llama", "TinyLlama-1.1B-Chat-v1.0-8bit"),
        ("qwen3vl", "Qwen3-VL-8B-Instruct-4bit"),
        ("llama3.2", "Llama-3.2-3B-Instruct-4bit"),
    ],
)
def test_written_together_or_apart(words: str, model: str) -> None:
    assert next(iter(found(words))).endswith(f"/{model}")


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("gemma 3 instruct", "gemma-3-4b-it-4bit"),
        ("tinyllama instruct", "TinyLlama-1.1B-Chat-v1.0-8bit"),
        ("ds r1", "DeepSeek-R1-Distill-Qwen-7B-4bit"),
        ("qwen3 vision", "Qwen3-VL-8B-Instruct-4bit"),
    ],
)
def test_other_words_for_it(words: str, model: str) -> None:
    assert names(words) == {model}


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("deepsek r1 distil", "DeepSeek-R1-Distill-Qwen-7B-4bit"),
        ("qwn3 vl", "Qwen3-VL-8B-Instruct-4bit"),
        ("mixtrla 8x7b", "Mixtral-8x7B-Instruct-v0.1-4bit"),
        ("llma 3.2", "Llama-3.2-3B-Instruct-4bit"),
        ("gema 3n", "gemma-3n-E4B-it-4bit"),
    ],
)
def test_typos(words: str, model: str) -> None:
    assert next(iter(found(words))).endswith(f"/{model}")


def test_the_author_counts_too() -> None:
    assert found("lmstudio qwen3") == ["lmstudio-community/Qwen3-8B-MLX-4bit"]
    assert found("lmstudio-community qwen3 8b")[0] == "lmstudio-community/Qwen3-8B-MLX-4bit"
    assert found("mlx-community qwen3 8b")[0] == "mlx-community/Qwen3-8B-4bit"
    assert found("01-ai yi") == ["01-ai/Yi-6B-mlx"]


def test_a_word_too_many_is_forgiven_but_no_number() -> None:
    assert found("qwen3 8b please")[0] == "mlx-community/Qwen3-8B-4bit"
    assert all("qwen3" in model.lower() for model in found("qwen3 xyzzy"))
    assert found("llama gemma 3n") == ["mlx-community/gemma-3n-E4B-it-4bit"]
    assert found("qwen3 8b 17bit") == []
    assert found("xyzzy") == []
    assert found("mlx xyzzy") == []


def test_of_a_folder_the_last_two_parts_count() -> None:
    assert "/data/models/finetuned-qwen3-8b" in found("finetuned qwen3")
    assert found("models finetuned")[0] == "/data/models/finetuned-qwen3-8b"
    assert found("data xyzzy") == []


def test_more_downloads_come_first_among_equals() -> None:
    ids = ["a/zephyr-7b-4bit", "b/zephyr-7b-4bit", "c/zephyr-7b-4bit"]
    index = Index(ids, [1, 100_000, 100])
    assert index.search("zephyr") == [1, 2, 0]
    assert Index(ids, [0, 0, 0]).search("zephyr") == [0, 1, 2]


def test_mlx_in_a_name_is_no_merit() -> None:
    ids = ["b/zephyr-7b-mlx", "mlx-community/zephyr-7b-4bit", "mlx-labs/falcon-7b"]
    assert Index(ids, [9, 1, 1]).search("mlx-community/zeph") == [1]
    assert Index(ids, [9, 1, 1]).search("mlx zephyr") == [1, 0]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "words",
    ["🙂", "..", "../../etc/passwd", ".*+?[(", "\x00", "a " * 5000, "x" * 10_000, "8b " * 3000],
)
def test_hostile_words_find_nothing(words: str) -> None:
    assert found(words) == []


def test_all_results_have_all_numbers() -> None:
    """Over a whole catalogue, whatever words stand beside them."""
    ids = [entry.id for entry in entries(10_000)]
    index = Index(ids, [entry.downloads for entry in entries(10_000)])
    for words in ("qwen 8b 4bit", "llama foo 8b", "qwn 8b", "instrct 8b", "meta google 8b"):
        places = index.search(words)
        assert places
        assert len(places) == len(set(places))
        sized = re.compile(r"(?<![0-9.x])8b(?![a-z])", re.IGNORECASE)
        assert all(sized.search(ids[place]) for place in places), words


def test_rapidfuzz_is_imported_for_the_first_typo() -> None:
    code = """
import sys
from mlx_manager_jupyter.services.models.index import Index
index = Index(["mlx-community/Qwen3-8B-4bit"] * 9, [1] * 9)
assert index.search("qwen3 8b") and "rapidfuzz" not in sys.modules
assert index.search("qwn3 8b") and "rapidfuzz" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
