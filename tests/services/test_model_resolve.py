"""Loose words become one model or an error that names the candidates: each rule of the table."""

from __future__ import annotations

import pytest

from mlx_manager_jupyter.errors import AmbiguousModel, UnknownModel
from mlx_manager_jupyter.schema import Model, Resolution
from mlx_manager_jupyter.services.models.resolve import resolve

HUB = [
    Model(id=model, downloads=downloads)
    for model, downloads in {
        "mlx-community/Qwen3-8B-4bit": 500,
        "lmstudio-community/Qwen3-8B-MLX-4bit": 9000,
        "somebody/qwen3-8b-Q4-mlx": 3,
        "mlx-community/Qwen3-8B-4bit-DWQ": 8000,
        "mlx-community/Qwen3-8B-8bit": 400,
        "mlx-community/Qwen3-VL-8B-Instruct-4bit": 7000,
        "mlx-community/Qwen3-4B-Instruct-2507-4bit": 300,
        "mlx-community/Llama-3.3-70B-Instruct-4bit": 200,
        "mlx-community/gemma-3-4b-it-4bit": 100,
        "mlx-community/gemma-3-12b-it-4bit": 90,
        "mlx-community/gpt-oss-20b-MXFP4-Q8": 80,
        "mlx-community/DeepSeek-R1-Distill-Qwen-7B-4bit": 70,
        "mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit": 60,
        "mlx-community/whisper-large-v3-turbo": 50,
        "mlx-community/whisper-large-v3-turbo-4bit": 40,
        "lucky/Mistral-Hermes-7B-4bit": 30,
        "lucky/Hermes-Mistral-7B-4bit": 20,
    }.items()
]


def here(model: str, *, complete: bool = True) -> Model:
    return Model(id=model, local=True, complete=complete)


def meant(words: str, models: list[Model] = HUB) -> str:
    return resolve(words, models).id


def candidates(words: str, models: list[Model] = HUB) -> tuple[str, ...]:
    with pytest.raises(AmbiguousModel) as caught:
        resolve(words, models)
    assert all(model in (caught.value.hint or "") for model in caught.value.candidates)
    return caught.value.candidates


def nearest(words: str, models: list[Model] = HUB) -> tuple[str, ...]:
    with pytest.raises(UnknownModel) as caught:
        resolve(words, models)
    assert all(model in (caught.value.hint or "") for model in caught.value.candidates)
    return caught.value.candidates


# --- 1: an id ----------------------------------------------------------------------------------


def test_every_id_means_itself() -> None:
    for model in HUB:
        for written in (model.id, model.id.upper(), f" {model.id}/ "):
            assert resolve(written, HUB) == Resolution(id=model.id, local=False)
        assert meant(f"https://huggingface.co/{model.id}") == model.id


def test_an_id_wins_over_a_conversion_that_is_here() -> None:
    models = [*HUB, here("lmstudio-community/Qwen3-8B-MLX-8bit")]
    assert meant("mlx-community/Qwen3-8B-8bit", models) == "mlx-community/Qwen3-8B-8bit"


def test_of_ids_that_differ_in_case_the_one_written_so_is_meant() -> None:
    models = [here("/models/A"), here("/models/a")]
    assert [meant("/models/a", models), meant("/models/A", models)] == ["/models/a", "/models/A"]


# --- 2: a whole name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["qwen3 8b 4bit", "Qwen3-8B-4bit", "qwen 3 8b 4 bit", "4bit 8b qwen3", "qwen3 8b q4"]
)
def test_a_whole_name_and_no_more(words: str) -> None:
    found = resolve(words, HUB)
    assert found.id == "mlx-community/Qwen3-8B-4bit"
    # The other conversions, not the other models.
    assert found.candidates == (
        "lmstudio-community/Qwen3-8B-MLX-4bit",
        "somebody/qwen3-8b-Q4-mlx",
    )


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("qwen3 8b 4bit dwq", "mlx-community/Qwen3-8B-4bit-DWQ"),
        ("gemma 3 4b instruct 4bit", "mlx-community/gemma-3-4b-it-4bit"),
        ("gptoss 20b mxfp4 q8", "mlx-community/gpt-oss-20b-MXFP4-Q8"),
        ("whisper large v3 turbo", "mlx-community/whisper-large-v3-turbo"),
    ],
)
def test_whole_names_in_other_spellings(words: str, model: str) -> None:
    assert meant(words) == model


def test_the_author_may_be_named() -> None:
    assert meant("lmstudio qwen3 8b 4bit") == "lmstudio-community/Qwen3-8B-MLX-4bit"
    assert meant("somebody/qwen3 8b 4bit") == "somebody/qwen3-8b-Q4-mlx"
    models = [*HUB, here("lmstudio-community/Qwen3-4B-MLX-4bit")]
    models.append(Model(id="mlx-community/Qwen3-4B-4bit"))
    assert meant("qwen3 4b 4bit", models) == "lmstudio-community/Qwen3-4B-MLX-4bit"
    assert meant("mlx-community qwen3 4b 4bit", models) == "mlx-community/Qwen3-4B-4bit"


def test_of_conversions_the_one_that_is_here_is_meant() -> None:
    partial = here("b/Qwen3-14B-4bit", complete=False)
    others = [Model(id="a/Qwen3-14B-4bit", downloads=9), Model(id="c/Qwen3-14B-4bit", downloads=99)]
    curated = Model(id="mlx-community/Qwen3-14B-4bit")
    whole = here("/models/Qwen3-14B-4bit")
    known = others
    assert meant("qwen3 14b 4bit", known) == "c/Qwen3-14B-4bit"
    known = [*known, curated]
    assert meant("qwen3 14b 4bit", known) == "mlx-community/Qwen3-14B-4bit"
    known = [*known, partial]
    assert meant("qwen3 14b 4bit", known) == "b/Qwen3-14B-4bit"
    known = [*known, whole]
    found = resolve("qwen3 14b 4bit", known)
    assert (found.id, found.local) == ("/models/Qwen3-14B-4bit", True)
    assert found.candidates[0] == "b/Qwen3-14B-4bit"


def test_names_of_the_same_words_in_another_order_are_other_models() -> None:
    assert meant("hermes mistral 7b 4bit") == "lucky/Hermes-Mistral-7B-4bit"
    assert meant("mistral hermes 7b 4bit") == "lucky/Mistral-Hermes-7B-4bit"
    assert len(candidates("7b 4bit hermes mistral", HUB)) == 2


def test_a_name_without_bits_may_be_short_for_one_with_bits() -> None:
    models = [*HUB, Model(id="nobody/Qwen3-8B")]
    assert "nobody/Qwen3-8B" in candidates("qwen3 8b", models)
    assert meant("qwen3 8b", [*HUB, here("nobody/Qwen3-8B")]) == "nobody/Qwen3-8B"
    assert meant("nobody qwen3 8b", models) == "nobody/Qwen3-8B"


# --- 3: only one name has all the words --------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("llama 3.3", "mlx-community/Llama-3.3-70B-Instruct-4bit"),
        ("qwen vl", "mlx-community/Qwen3-VL-8B-Instruct-4bit"),
        ("dwq", "mlx-community/Qwen3-8B-4bit-DWQ"),
        ("2507", "mlx-community/Qwen3-4B-Instruct-2507-4bit"),
    ],
)
def test_the_only_one_with_all_the_words(words: str, model: str) -> None:
    assert meant(words) == model


def test_the_only_name_may_have_several_conversions() -> None:
    models = [Model(id="mlx-community/SmolLM3-3B-4bit"), here("b/SmolLM3-3B-4bit")]
    found = resolve("smollm3", models)
    assert (found.id, found.candidates) == ("b/SmolLM3-3B-4bit", ("mlx-community/SmolLM3-3B-4bit",))


# --- 4: several --------------------------------------------------------------------------------


def test_other_bits_are_another_model() -> None:
    found = candidates("qwen3 8b")
    assert {"mlx-community/Qwen3-8B-4bit", "mlx-community/Qwen3-8B-8bit"} <= set(found)
    models = [Model(id="a/Phi-9-4bit", downloads=10**6), Model(id="a/Phi-9-8bit")]
    assert candidates("phi 9", models) == ("a/Phi-9-4bit", "a/Phi-9-8bit")


def test_those_here_are_the_first_candidates_and_there_are_eight_at_most() -> None:
    models = [Model(id=f"a/Phi-9-part{n:02}-4bit", downloads=100 - n) for n in range(20)]
    assert len(candidates("phi 9", models)) == 8
    models += [here("z/Phi-9-last-4bit"), here("z/Phi-9-half-4bit", complete=False)]
    assert candidates("phi 9", models)[:2] == ("z/Phi-9-last-4bit", "z/Phi-9-half-4bit")


# --- 5, 6: typos -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ("qwn3 8b 4bit", "mlx-community/Qwen3-8B-4bit"),
        ("llma 3.3 70b instrct 4bit", "mlx-community/Llama-3.3-70B-Instruct-4bit"),
        ("whispr large v3 trubo", "mlx-community/whisper-large-v3-turbo"),
    ],
)
def test_a_typo_in_a_whole_name(words: str, model: str) -> None:
    assert meant(words) == model


def test_a_typo_in_part_of_a_name_is_no_answer() -> None:
    assert nearest("llma 3.3") == ("mlx-community/Llama-3.3-70B-Instruct-4bit",)
    assert nearest("qwen 8b dqw")[0] == "mlx-community/Qwen3-8B-4bit-DWQ"


def test_a_typo_that_could_be_several() -> None:
    assert set(candidates("deepsek r1 distil")) == {
        "mlx-community/DeepSeek-R1-Distill-Qwen-7B-4bit",
        "mlx-community/DeepSeek-R1-Distill-Llama-8B-4bit",
    }
    models = [Model(id="a/Lora-7B-4bit"), Model(id="a/Lira-7B-4bit")]
    assert set(candidates("lyra 7b 4bit", models)) == {"a/Lora-7B-4bit", "a/Lira-7B-4bit"}


def test_numbers_have_no_typos() -> None:
    assert nearest("gemma 3 5b it 4bit")
    assert nearest("qwen3 8b 3bit")[0] in {model.id for model in HUB if "Qwen3" in model.id}


# --- 7: nothing --------------------------------------------------------------------------------


def test_nearest() -> None:
    assert nearest("gpt oss 20b mxfp4 q4")[0] == "mlx-community/gpt-oss-20b-MXFP4-Q8"
    assert nearest("gemma 3 4b it 4bit uncensored")[0] == "mlx-community/gemma-3-4b-it-4bit"
    assert len(nearest("qwen3 999b")) == 3
    assert nearest("xyzzy") == ()


def test_no_models_at_all() -> None:
    assert nearest("qwen3 8b 4bit", []) == ()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "words",
    [
        *("", " ", "/", "..", "../../etc/passwd", "🙂🙂", ".*+?[(", "\x00", "mlx"),
        *("x" * 10_000, "qwen3 8b " * 1100, "a b c d " * 1250, "hf.co/a/" + "b" * 10_000 + " x"),
    ],
)
def test_hostile_words(words: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        resolve(words, HUB)
    assert len(str(caught.value)) < 500
