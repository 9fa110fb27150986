"""Which files are fetched."""

from __future__ import annotations

import pytest
from huggingface_hub.utils import filter_repo_objects  # type: ignore[attr-defined]

from mlx_manager_jupyter.adapters.hub.patterns import has_weights, wanted
from mlx_manager_jupyter.schema import ModelFile

REPO = (
    ".gitattributes",
    "README.md",
    "chat_template.jinja",
    "config.json",
    "consolidated.safetensors",
    "flax_model.msgpack",
    "merges.txt",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "modeling_x.py",
    "onnx/model.onnx",
    "onnx/model.onnx_data",
    "original/params.json",
    "pytorch_model.bin",
    "speech_tokenizer/model.safetensors",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "voices/af.pt",
    "weights.gguf",
    "x/y/z.tiktoken",
)


def files(names: tuple[str, ...] = REPO) -> list[ModelFile]:
    return [ModelFile(path=name, size_bytes=1) for name in names]


def chosen(names: tuple[str, ...] = REPO, **how: object) -> list[str]:
    return [file.path for file in wanted(files(names), **how)]  # type: ignore[arg-type]


def test_what_mlx_needs() -> None:
    assert chosen() == [
        "README.md",
        "chat_template.jinja",
        "config.json",
        "merges.txt",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "modeling_x.py",
        "speech_tokenizer/model.safetensors",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "x/y/z.tiktoken",
    ]


def test_weights_under_another_name_are_kept_where_there_are_no_others() -> None:
    names = ("consolidated.safetensors", "config.json")
    assert chosen(names) == list(names)
    assert chosen(("weights.npz", "config.json")) == ["weights.npz", "config.json"]


def test_all() -> None:
    assert chosen(all=True) == list(REPO)
    assert chosen(all=True, exclude=("*.bin",)) == [each for each in REPO if each[-4:] != ".bin"]


@pytest.mark.parametrize(
    ("include", "exclude"),
    [
        (("*.json",), ()),
        (("*.json",), ("tokenizer*",)),
        (("original/",), ()),
        (("*.bin", "*.gguf"), ()),
        (("onnx/*",), ("*_data",)),
        ((".git*", "README.md"), ()),
        (("[mt]*.json",), ()),
        (("*.JSON",), ()),
    ],
)
def test_patterns_mean_what_they_mean_to_hf_download(
    include: tuple[str, ...], exclude: tuple[str, ...]
) -> None:
    theirs = filter_repo_objects(
        REPO, allow_patterns=list(include), ignore_patterns=list(exclude) or None
    )
    assert chosen(include=include, exclude=exclude) == list(theirs)


def test_exclude_alone_takes_from_what_mlx_needs() -> None:
    assert set(chosen()) - set(chosen(exclude=("*.py", "x/"))) == {
        "modeling_x.py",
        "x/y/z.tiktoken",
    }


def test_weights_that_mlx_reads() -> None:
    assert has_weights(files())
    assert has_weights(files(("a/weights.npz",)))
    assert not has_weights(files(("pytorch_model.bin", "model.safetensors.index.json")))
