"""Which models the installed engine can run: read from its own files, without importing it.

Importing mlx-lm takes a second and half a gigabyte, and its environment may not be ours.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.places import packages_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.engines.installed import Installation

#: A module of ``models`` that is a model has, or passes on, this class; the others help them.
_MODEL = re.compile(r"^class Model\b|^Model\s*=|^from .* import .*\bModel\b", re.MULTILINE)
_PASSED_ON = re.compile(r"\bModel\b")

#: How a script of an engine begins to import it.
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(mlx_lm|mlx_vlm)\b", re.MULTILINE)
_PACKAGES = ("mlx_lm", "mlx_vlm")


def known_models(installed: Installation) -> frozenset[str]:
    """The model types that the installed engine can run; empty if that can't be told. Blocking.

    They are the modules of its package ``models``, and the other names for them in its table
    ``MODEL_REMAPPING``. Remembered until another version is installed.
    """
    package = package_of(installed)
    return _models(package, stamp(package)) if package else frozenset()


def known_methods(installed: Installation) -> frozenset[str] | None:
    """The ways of others to quantize that it has code for; None if that can't be told. Blocking."""
    package = package_of(installed)
    return _methods(package, stamp(package)) if package else None


@lru_cache(maxsize=8)
def _models(package: Path, _stamp: object) -> frozenset[str]:
    found = frozenset(_modules(package / "models"))
    return found | {name for name, module in remapped(package).items() if module in found}


def remapped(package: Path) -> dict[str, str]:
    """More names of models, and the module that runs each."""
    found: dict[str, str] = {}
    tree = parsed(package / "utils.py")
    assigned = (node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    for node in assigned:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if "MODEL_REMAPPING" in names and isinstance(node.value, ast.Dict):
            found |= dict(_pairs(node.value))
    return found


@lru_cache(maxsize=8)
def _methods(package: Path, _stamp: object) -> frozenset[str]:
    """What ``quant_method`` is compared with."""
    compared = (node for node in ast.walk(parsed(package / "utils.py")))
    return frozenset(
        constant.value
        for node in compared
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Name)
        and node.left.id == "quant_method"
        for constant in ast.walk(node)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    )


def _modules(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.stem != "__init__" and _MODEL.search(text_of(path)):
            yield path.stem
        elif path.is_dir() and _PASSED_ON.search(text_of(path / "__init__.py")):
            yield path.name


def _pairs(table: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            yield str(key.value), str(value.value)


def package_of(installed: Installation) -> Path | None:
    """The folder of the engine's package: in the environment that the command belongs to."""
    if not installed.command:
        return None
    command = Path(installed.command[0])
    names = _names(command)
    for packages in packages_of(command):
        for name in names:
            if (packages / name / "models").is_dir():
                return packages / name
    return None


def _names(command: Path) -> tuple[str, ...]:
    """By the command's own name, else by what it imports."""
    name = command.name.partition(".")[0]
    if name in _PACKAGES:
        return (name,)
    return tuple(_IMPORT.findall(text_of(command)))


def stamp(package: Path) -> tuple[str, int]:
    """Another version is another name beside it, or at least another time of the folder."""
    versions = sorted(path.name for path in package.parent.glob(f"{package.name}-*.dist-info"))
    return ",".join(versions), (package / "models").stat().st_mtime_ns


def parsed(path: Path) -> ast.Module:
    """What a module says; nothing if it can't be read as one."""
    try:
        return ast.parse(text_of(path))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])
