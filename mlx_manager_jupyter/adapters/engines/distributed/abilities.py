"""Which models the installed mlx-lm can share out: read from its own files, nothing is imported."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines.known_models import package_of, parsed, remapped, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlx_manager_jupyter.adapters.engines.installed import Installation


def abilities(installed: Installation) -> Abilities | None:
    """What the installed one can share out; None if that can't be told. Blocking, remembered."""
    package = package_of(installed)
    return _abilities(package, stamp(package)) if package else None


@lru_cache(maxsize=4)
def _abilities(package: Path, _stamp: object) -> Abilities:
    return Abilities(package)


class Abilities:
    """The modules of ``models``, and what their classes have or inherit. Read when asked for."""

    def __init__(self, package: Path) -> None:
        self._folder = package / "models"
        self._others = remapped(package)
        self._read: dict[str, tuple[dict[str, ast.ClassDef], dict[str, tuple[str, str]]]] = {}

    def module(self, model_type: str) -> str:
        """What runs models that ``config.json`` calls so."""
        return self._others.get(model_type, model_type)

    def cuts(self, module: str) -> bool:
        """Whether each layer can be cut, as mlx-lm does by itself."""
        return self._has(module, "Model", "shard")

    def deals_out(self, module: str) -> bool:
        """Whether layers can be dealt out whole (``--pipeline``).

        As mlx-lm asks: there is a ``model`` in the model, and it has a ``pipeline``.
        """
        for where, found in self._lineage(module, "Model"):
            if "model" in _methods(found) | _attributes(found):
                classes, imports = self._module(where)
                return any(self._has(where, name, "pipeline") for name in {*classes, *imports})
        return False

    def which(self, able: Callable[[str], bool]) -> list[str]:
        """All modules of which that is true. Takes a second: there are more than a hundred."""
        return sorted(path.stem for path in self._folder.glob("*.py") if able(path.stem))

    def _has(self, module: str, name: str, method: str) -> bool:
        return any(method in _methods(found) for _, found in self._lineage(module, name))

    def _lineage(self, module: str, name: str) -> Iterator[tuple[str, ast.ClassDef]]:
        """The class and those it inherits from, nearest first."""
        waiting, seen = [(module, name)], set()
        while waiting:
            here = waiting.pop(0)
            if here in seen:
                continue
            seen.add(here)
            classes, imports = self._module(here[0])
            if found := classes.get(here[1]):
                yield here[0], found
                waiting += [(here[0], ast.unparse(base)) for base in found.bases]
            elif here[1] in imports:
                waiting.append(imports[here[1]])
            else:  # as `module.Model`
                owner, _, last = here[1].rpartition(".")
                if owner in imports and not imports[owner][1]:
                    waiting.append((imports[owner][0], last))

    def _module(self, name: str) -> tuple[dict[str, ast.ClassDef], dict[str, tuple[str, str]]]:
        if name not in self._read:
            classes: dict[str, ast.ClassDef] = {}
            imports: dict[str, tuple[str, str]] = {}
            for node in parsed(self._folder / f"{name}.py").body:
                if isinstance(node, ast.ClassDef):
                    classes[node.name] = node
                elif isinstance(node, ast.ImportFrom) and node.level == 1:
                    for alias in node.names:
                        known = alias.asname or alias.name
                        target = (node.module, alias.name) if node.module else (alias.name, "")
                        imports[known] = target
            self._read[name] = classes, imports
        return self._read[name]


def _methods(found: ast.ClassDef) -> set[str]:
    return {node.name for node in found.body if isinstance(node, ast.FunctionDef)}


def _attributes(found: ast.ClassDef) -> set[str]:
    """What its methods set on ``self``."""
    return {
        node.attr
        for node in ast.walk(found)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
