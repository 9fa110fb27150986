"""Where the environments of one engine lie, and how the current one changes in a single step.

::

    engines/mlx-lm/current  -> 0.32.2      what servers are started from
    engines/mlx-lm/previous -> 0.31.3      what a rollback brings back
    engines/mlx-lm/0.32.2/                 an environment; nothing in it changes any more
    engines/mlx-lm/.new-5f3a…/             one that is being made
    engines/mlx-lm/.lock                   held by who works here; ends with its process

A kill at any moment leaves the links as they were or as they shall be. What neither of them names
is a leftover, and goes at the next job unless a server still runs from it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.environments.processes import end_orphans, running_from
from mlx_manager_jupyter.errors import Conflict, DiskFull, InstallFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlx_manager_jupyter.adapters.environments.recipes import Recipe

NEW = ".new-"
GONE = ".gone-"


class EngineFolder:
    """The environments of one engine. Every method but the properties blocks: use a thread."""

    def __init__(self, engines: Path, recipe: Recipe) -> None:
        # The real path: processes are found by it.
        self.path = engines.expanduser().resolve() / recipe.kind
        self.recipe = recipe

    @property
    def current(self) -> Path | None:
        """The environment that servers are started from, by its real path."""
        return self._named("current")

    @property
    def previous(self) -> Path | None:
        """The one that a rollback brings back; None when there is none."""
        found = self._named("previous")
        return None if found == self.current else found

    def version(self, name: str) -> Path | None:
        """The environment of this version. A folder gets such a name only when it is whole."""
        found = self.path / name
        return found if found.is_dir() and not found.is_symlink() else None

    def executable(self, environment: Path) -> Path:
        """The engine's program in an environment."""
        return environment / "bin" / self.recipe.executable

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one who changes anything here, in any process.

        Raises:
            Conflict: another one is.
            InstallFailed: there is no place for it.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path / ".lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(self.path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict(
                f"Another Jupyter server installs or removes {self.recipe.kind} right now.",
                "Wait for it, then try again.",
            ) from error
        finally:
            os.close(handle)

    def fresh(self) -> Path:
        """A name for a new environment.

        Raises:
            DiskFull: there is no room for it.
        """
        free = shutil.disk_usage(self.path).free
        if free < self.recipe.needed_bytes:
            raise DiskFull(
                f"{self.recipe.kind} needs {self.recipe.needed_bytes / 1e9:.1f} GB, and "
                f"{free / 1e9:.1f} GB are free.",
                "Free some disk space, or set MLX_MANAGER_HOME to another disk.",
            )
        return self.path / f"{NEW}{secrets.token_hex(4)}"

    def settle(self, fresh: Path) -> Path:
        """Give a finished environment its final name, which is its version.

        Raises:
            InstallFailed: the engine's program is not in it.
        """
        version = installed_version(fresh, self.recipe.distribution)
        if version is None or not os.access(self.executable(fresh), os.X_OK):
            raise InstallFailed(
                f"{self.recipe.distribution} was installed, but has no {self.recipe.executable}.",
                "Choose another --version.",
            )
        final = self.path / version
        if self.version(version):
            discard(fresh)  # a server still runs from it, so it was never swept away
            return final
        _readdress(fresh, final)
        fresh.rename(final)
        return final

    def switch(self, environment: Path) -> None:
        """Start servers from this one, and remember the one before for a rollback."""
        before = self.current
        if before and before != environment:
            _point(self.path / "previous", before.name)
        _point(self.path / "current", environment.name)

    def sweep(self) -> None:
        """Remove what killed jobs left, and old environments from which nothing runs any more."""
        kept = {each.name for each in (self.current, self.previous) if each}
        left = [
            each
            for each in self.path.iterdir()
            if each.is_dir() and not each.is_symlink() and each.name not in kept
        ]
        if not left:
            return
        end_orphans(self.path)
        for each in left:
            if not running_from(each):
                discard(each)

    def remove(self) -> None:
        """Remove every environment of this engine.

        Raises:
            InstallFailed: some file can't be removed.
        """
        for name in ("current", "previous"):
            (self.path / name).unlink(missing_ok=True)
        self.sweep()
        if any(each.is_dir() for each in self.path.iterdir()):
            raise InstallFailed(
                f"Some files of {self.path} can't be removed.", "Remove them by hand."
            )

    def _named(self, link: str) -> Path | None:
        with suppress(OSError):
            found = (self.path / link).resolve(strict=True)
            if found.parent == self.path and found.is_dir():
                return found
        return None


def installed_version(environment: Path, distribution: str) -> str | None:
    """What an environment's own metadata says, without starting anything."""
    folders = [str(each) for each in environment.glob("lib/python*/site-packages")]
    found = next(iter(distributions(name=distribution, path=folders)), None)
    return found.version if found else None


def discard(environment: Path) -> None:
    """Remove an environment, as far as it can be; the next sweep tries again."""
    gone = environment.with_name(f"{GONE}{secrets.token_hex(4)}")
    with suppress(OSError):
        # A kill in the middle must leave no half one under a version's name.
        environment.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def unusable(path: Path, error: OSError) -> InstallFailed | DiskFull:
    """Say in words why files can't be written there."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"No room on the disk for {path}.", "Free some disk space and try again.")
    return InstallFailed(
        f"{path} can't be used: {error.strerror or error}.",
        "Make the folder writable, or set MLX_MANAGER_HOME to another one.",
    )


def _point(link: Path, name: str) -> None:
    """Let a link name another environment, with no moment between."""
    temporary = link.with_name(f".{link.name}-{secrets.token_hex(4)}")
    temporary.symlink_to(name)
    temporary.replace(link)


def _readdress(fresh: Path, final: Path) -> None:
    """Scripts name their interpreter by its whole path: let it be the one that it will have."""
    for script in (fresh / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        if content.startswith(b"#!") and os.fsencode(fresh) in content:
            script.write_bytes(content.replace(os.fsencode(fresh), os.fsencode(final)))
