"""What an engine's environment is made of, and where it can't be made."""

from __future__ import annotations

import platform
import re
import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.errors import InstallFailed, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlx_manager_jupyter.schema import EngineKind

#: A version as packages have them (PEP 440), so that it is no path and no option of a command.
VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")

#: The oldest macOS that mlx has wheels for: macosx_14_0_arm64.
OLDEST_MACOS = 14

BY_HAND = (
    "Make its environment by hand, as docs/engine-environments.md tells, and name its program in "
    "c.MLXManager.engine_paths; or use mlx-vlm."
)


class Recipe(Struct, frozen=True, kw_only=True):
    """How one engine is installed."""

    kind: EngineKind
    distribution: str
    executable: str
    pythons: tuple[tuple[int, int], ...] | None = None
    """The Pythons that it accepts, best first; None: any that we accept."""
    on_linux: tuple[str, ...] = ()
    """What must be asked for there besides, since mlx is a dependency on macOS alone."""
    needed_bytes: int
    """Room that it takes on the disk, measured."""
    not_on_linux: str | None = None
    """Why it can't be installed there."""

    def requirements(self, version: str, system: str = sys.platform) -> list[str]:
        """What pip is asked to install."""
        beside = self.on_linux if system == "linux" else ()
        return [f"{self.distribution}=={version}", *beside]

    def refuse(
        self,
        system: str = sys.platform,
        machine: str | None = None,
        release: str | None = None,
    ) -> None:
        """Say before anything starts that it can't succeed on this machine.

        Args:
            system: as `sys.platform`.
            machine: as `platform.machine`; this one by default.
            release: version of macOS; this one by default.

        Raises:
            InstallFailed: why, and what else can be done.
        """
        if system == "linux" and self.not_on_linux:
            raise InstallFailed(
                f"{self.kind} can't be installed on Linux: {self.not_on_linux}", BY_HAND
            )
        if system != "darwin":
            return
        if (machine or platform.machine()) != "arm64":
            raise InstallFailed(
                f"{self.kind} can't be installed here: MLX needs a Mac with Apple silicon.",
                "With such a Mac: let its Python be one for arm64, not one under Rosetta.",
            )
        release = platform.mac_ver()[0] if release is None else release
        if release and int(release.partition(".")[0]) < OLDEST_MACOS:
            raise InstallFailed(
                f"{self.kind} can't be installed here: MLX needs macOS {OLDEST_MACOS} or newer, "
                f"this is {release}.",
                "Update macOS.",
            )


def checked(version: str) -> str:
    """The same version, if it is one.

    Raises:
        InvalidValue: it is not.
    """
    if VERSION.fullmatch(version):
        return version
    raise InvalidValue(f"{version[:40]!r} is no version.", "Give one like 0.32.2.")


#: Sizes and conflicts as of November 2026: docs/engine-environments.md has the measurements.
RECIPES: Mapping[str, Recipe] = {
    recipe.kind: recipe
    for recipe in (
        Recipe(
            kind="mlx-lm",
            distribution="mlx-lm",
            executable="mlx_lm.server",
            on_linux=("mlx[cpu]",),
            needed_bytes=400_000_000,
        ),
        Recipe(
            kind="mlx-vlm",
            distribution="mlx-vlm",
            executable="mlx_vlm.server",
            on_linux=("mlx[cpu]",),
            needed_bytes=1_200_000_000,
        ),
        Recipe(
            kind="mlx-openai-server",
            distribution="mlx-openai-server",
            executable="mlx-openai-server",
            pythons=((3, 12), (3, 11)),
            needed_bytes=2_000_000_000,
            not_on_linux="its dependency mflux wants mlx-cuda-13 older than 0.32, which was never "
            "published.",
        ),
    )
}
