"""Which models an engine can run, read from the files of its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlx_manager_jupyter.adapters.engines.installed import Installation
from mlx_manager_jupyter.adapters.engines.known_models import known_methods, known_models

UTILS = """
import mlx.core as mx
MODEL_REMAPPING = {"mistral": "llama", "gone": "nosuch"}
def load(quant_method):
    if quant_method == "bitnet":
        pass
    elif quant_method in ("awq", "gptq"):
        raise SystemExit("nobody runs this")
"""
MODEL = "raise SystemExit('nobody imports this')\nclass Model(nn.Module):\n    pass\n"


def _environment(folder: Path, package: str = "mlx_lm", version: str = "1.0") -> Path:
    """As pip makes one; returns the engine's command."""
    packages = folder / "lib" / "python3.12" / "site-packages"
    models = packages / package / "models"
    models.mkdir(parents=True)
    (packages / f"{package}-{version}.dist-info").mkdir()
    (packages / package / "utils.py").write_text(UTILS)
    for name in ("llama", "nemotron-nas", "qwen3"):
        (models / f"{name}.py").write_text(MODEL)
    (models / "solar.py").write_text("from .llama import Model, ModelArgs\n")
    (models / "base.py").write_text("class BaseModelArgs:\n    pass\n")
    (models / "__init__.py").write_text("class Model: pass")
    (models / "seeing").mkdir()
    (models / "seeing" / "__init__.py").write_text("from .seeing import Model\n")
    (models / "kernels").mkdir()
    command = folder / "bin" / f"{package}.server"
    command.parent.mkdir()
    command.write_text(f"#!{folder}/bin/python\nfrom {package}.server import main\n")
    return command


def test_models_and_their_other_names(tmp_path: Path) -> None:
    installed = Installation("mlx-lm", (str(_environment(tmp_path)),))
    assert known_models(installed) == {
        "llama",
        "mistral",
        "nemotron-nas",
        "qwen3",
        "seeing",
        "solar",
    }
    assert known_methods(installed) == frozenset({"bitnet", "awq", "gptq"})


def installed(command: Path) -> Installation:
    return Installation("mlx-lm", (str(command),))


def test_the_engine_is_its_own_package(tmp_path: Path) -> None:
    lm = _environment(tmp_path)
    vlm = _environment(tmp_path / "other", "mlx_vlm")
    assert known_models(installed(vlm)) == known_models(installed(lm))
    (tmp_path / "bin" / "mlx_vlm.server").write_text("#!/bin/sh\n")
    assert known_models(installed(tmp_path / "bin" / "mlx_vlm.server")) == frozenset()


def test_a_command_that_is_a_link_or_lies_elsewhere(tmp_path: Path) -> None:
    real = _environment(tmp_path / "tools" / "mlx-lm")
    linked = tmp_path / "bin" / "mlx_lm.server"
    linked.parent.mkdir()
    linked.symlink_to(real)
    assert "llama" in known_models(Installation("mlx-lm", (str(linked),)))
    # With a long path pip writes a shell script that starts the environment's Python.
    started = tmp_path / "bin" / "serve"
    python = tmp_path / "tools" / "mlx-lm" / "bin" / "python3.12"
    started.write_text(f"#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\nfrom mlx_lm import x\n")
    assert "llama" in known_models(Installation("mlx-lm", (str(started),)))


def test_another_version_is_read_again(tmp_path: Path) -> None:
    command = _environment(tmp_path)
    installed = Installation("mlx-lm", (str(command),))
    assert "brandnew" not in known_models(installed)
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    (packages / "mlx_lm" / "models" / "brandnew.py").write_text(MODEL)
    (packages / "mlx_lm-1.0.dist-info").rename(packages / "mlx_lm-1.1.dist-info")
    assert "brandnew" in known_models(installed)


@pytest.mark.parametrize("command", ["/nowhere/at/all", sys.executable, os.devnull])
def test_whatever_is_no_engine_knows_none(command: str) -> None:
    assert known_models(Installation("mlx-lm", (command,))) == frozenset()
    assert known_methods(Installation("mlx-lm", (command,))) is None


def test_files_that_are_no_python_do_no_harm(tmp_path: Path) -> None:
    command = _environment(tmp_path)
    package = tmp_path / "lib" / "python3.12" / "site-packages" / "mlx_lm"
    (package / "utils.py").write_text("def (:")
    (package / "models" / "odd.py").write_bytes(b"\xff\xfe\x00")
    installed = Installation("mlx-lm", (str(command),))
    assert known_models(installed) == {"llama", "nemotron-nas", "qwen3", "seeing", "solar"}


@pytest.mark.engine
def test_the_real_one() -> None:
    installed = Installation("mlx-lm", (str(Path(sys.executable).with_name("mlx_lm.server")),))
    found = known_models(installed)
    assert {"llama", "qwen3", "mistral", "gpt_oss", "gemma3_text"} <= found
    assert not found & {"base", "cache", "rope_utils", "switch_layers", "__init__"}
    assert {"awq", "mxfp4"} <= (known_methods(installed) or frozenset())


@pytest.mark.engine
def test_reading_imports_no_engine() -> None:
    code = (
        "import sys; from mlx_manager_jupyter.adapters.engines.installed import Installation;"
        "from mlx_manager_jupyter.adapters.engines.known_models import known_models;"
        "path = sys.executable.rpartition('/')[0] + '/mlx_lm.server';"
        "assert len(known_models(Installation('mlx-lm', (path,)))) > 100;"
        "assert not any(name.startswith('mlx_lm') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
