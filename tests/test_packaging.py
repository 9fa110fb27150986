"""The parts of a release agree with each other."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
NAME = "mlx-manager-jupyter"


def closure(name: str) -> set[str]:
    """Every distribution that installing `name` without extras brings into this environment."""
    found: set[str] = set()
    wanted = [Requirement(name)]
    while wanted:
        requirement = wanted.pop()
        key = canonicalize_name(requirement.name)
        for extra in requirement.extras or {""}:
            if (mark := f"{key}[{extra}]") in found:
                continue
            found.add(mark)
            for text in metadata.requires(key) or ():
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    wanted.append(needed)
    return {mark.partition("[")[0] for mark in found}


def test_base_install_brings_no_mlx_and_stays_light() -> None:
    brought = closure(NAME)
    assert {"jupyterlab", "anywidget", "msgspec"} <= brought
    assert {name for name in brought if name.startswith("mlx")} == {NAME}
    assert brought.isdisjoint({"safetensors", "torch", "transformers"})


def test_extras_are_the_engines_that_fit_beside_jupyterlab() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras["optional-dependencies"]) == {"demo", "mlx-lm", "mlx-vlm", "test"}


def test_versions_of_python_and_javascript_agree() -> None:
    package = json.loads((ROOT / "js/package.json").read_text())
    lock = json.loads((ROOT / "js/package-lock.json").read_text())
    assert package["version"] == metadata.version(NAME)
    assert package["version"] == lock["version"] == lock["packages"][""]["version"]


def test_names_of_python_and_javascript_agree() -> None:
    package = json.loads((ROOT / "js/package.json").read_text())
    install = json.loads((ROOT / "install.json").read_text())
    server = json.loads((ROOT / "mlx_manager_jupyter/etc/server.json").read_text())
    assert package["name"] == install["packageName"] == NAME
    assert server["ServerApp"]["jpserver_extensions"] == {"mlx_manager_jupyter": True}


def test_jupyter_finds_the_subcommand() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="jupyter-mlx")
    assert callable(script.load())


def test_lock_file_names_no_host_and_serves_a_mac() -> None:
    lock = json.loads((ROOT / "js/package-lock.json").read_text())["packages"]
    assert not [name for name, entry in lock.items() if "resolved" in entry]
    # npm drops a platform's binary silently if the registry lags behind; `npm ci` there then fails.
    assert "node_modules/@rspack/binding-darwin-arm64" in lock
    assert "node_modules/@esbuild/darwin-arm64" in lock


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    told = re.compile(
        rb"/root/|/work/|/home/[a-z]|registry\.npm|registry\.yarn|pythonhosted|pypi\.org"
    )
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    mine = Path(__file__).relative_to(ROOT).as_posix()
    assert not [
        name
        for name in files.split("\0")
        if name and name != mine and (ROOT / name).is_file()
        if told.search((ROOT / name).read_bytes())
    ]
