"""Which models the installed engine can run: read from its own files, without importing it.

Importing mlx-lm takes a second and half a gigabyte, and its environment may not be ours.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.adapters.engines.installed import Installation

#: Where environments keep packages, below their prefix.
_PLACES = ("lib/python*/site-packages", "lib/python*/dist-packages", "Lib/site-packages")

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
    package = _package(Path(installed.command[0]))
    return _models(package, _stamp(package)) if package else frozenset()


def known_methods(installed: Installation) -> frozenset[str] | None:
    """The ways of others to quantize that it has code for; None if that can't be told. Blocking."""
    package = _package(Path(installed.command[0]))
    return _methods(package, _stamp(package)) if package else None


@lru_cache(maxsize=8)
def _models(package: Path, _stamp: object) -> frozenset[str]:
    found = frozenset(_modules(package / "models"))
    tree = _parsed(package / "utils.py")
    assigned = (node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign))
    for node in assigned:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        if "MODEL_REMAPPING" in names and isinstance(node.value, ast.Dict):
            found |= {name for name, module in _pairs(node.value) if module in found}
    return found


@lru_cache(maxsize=8)
def _methods(package: Path, _stamp: object) -> frozenset[str]:
    """What ``quant_method`` is compared with."""
    compared = (node for node in ast.walk(_parsed(package / "utils.py")))
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
        if path.suffix == ".py" and path.stem != "__init__" and _MODEL.search(_text(path)):
            yield path.stem
        elif path.is_dir() and _PASSED_ON.search(_text(path / "__init__.py")):
            yield path.name


def _pairs(table: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
            yield str(key.value), str(value.value)


def _package(command: Path) -> Path | None:
    """The folder of the engine's package: in the environment that the command belongs to."""
    names = _names(command)
    for prefix in _prefixes(command):
        for place in _PLACES:
            for packages in sorted(prefix.glob(place)):
                for name in names:
                    if (packages / name / "models").is_dir():
                        return packages / name
    return None


def _names(command: Path) -> tuple[str, ...]:
    """By the command's own name, else by what it imports."""
    name = command.name.partition(".")[0]
    if name in _PACKAGES:
        return (name,)
    return tuple(_IMPORT.findall(_text(command)))


def _prefixes(command: Path) -> Iterator[Path]:
    """The environment that the command lies in, and that of the Python that runs it."""
    real = command.resolve()  # tools of uv and pipx are linked into a folder of commands
    yield real.parent.parent
    for word in re.findall(
        r"/[^\s'\"]*python[\d.]*", _text(real)[:1000].replace("/usr/bin/env", "")
    ):
        yield Path(word).parent.parent  # not resolved: an environment's Python is a link out of it


def _stamp(package: Path) -> tuple[str, int]:
    """Another version is another name beside it, or at least another time of the folder."""
    versions = sorted(path.name for path in package.parent.glob(f"{package.name}-*.dist-info"))
    return ",".join(versions), (package / "models").stat().st_mtime_ns


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(_text(path))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


def _text(path: Path) -> str:
    """A file's text; that of a program, or of none, is of no use here."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
