"""Engines as they were recorded: their own help texts and logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines import ENGINES, Installation

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import EngineKind

RECORDED = Path(__file__).parent / "recorded"

#: Folders of `RECORDED`, by engine and version. The help texts of mlx-openai-server 1.4.2, 1.5.1,
#: 1.7.1 and 1.8.0 are what click prints for the unchanged ``cli`` module of the released wheel,
#: with the modules that it does not need for that replaced; done so for 1.8.1 it is the very text
#: that the installed 1.8.1 printed. The others were printed by installed engines.
VERSIONS: dict[EngineKind, tuple[str, ...]] = {
    "mlx-lm": ("0.32.2",),
    "mlx-vlm": ("0.7.10",),
    "mlx-openai-server": ("1.4.2", "1.5.1", "1.6.3", "1.7.1", "1.8.0", "1.8.1"),
}
ALL = [(kind, version) for kind, versions in VERSIONS.items() for version in versions]


def folder(kind: EngineKind, version: str) -> Path:
    return RECORDED / f"{kind.replace('-', '_')}-{version}"


def installation(kind: EngineKind, version: str = "") -> Installation:
    """As if this version were installed; the newest recorded one unless said."""
    engine = ENGINES[kind]
    if not engine.executable:
        return Installation(kind, (), source="built-in")
    version = version or VERSIONS[kind][-1]
    told = (folder(kind, version) / "help.txt").read_text("utf-8")
    return Installation(kind, (engine.executable, *engine.subcommand), version, told=told)


def log(kind: EngineKind, name: str, version: str = "") -> list[str]:
    path = folder(kind, version or VERSIONS[kind][-1]) / f"{name}.log"
    return path.read_text("utf-8").splitlines()
