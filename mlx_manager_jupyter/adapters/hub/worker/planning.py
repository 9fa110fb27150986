"""What is to be fetched, whether it may be, and whether there is room for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from huggingface_hub import HfApi
from msgspec import Struct

from mlx_manager_jupyter.adapters.hub.patterns import WEIGHTS, has_weights, wanted
from mlx_manager_jupyter.adapters.hub.worker.folder import PARTS, part_path, repo_folder
from mlx_manager_jupyter.adapters.hub.worker.part import allocated
from mlx_manager_jupyter.errors import DiskFull, HubFailed, InvalidValue, NoWeights
from mlx_manager_jupyter.schema import ModelFile

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

    from mlx_manager_jupyter.adapters.hub.worker.folder import JobSpec

#: Nothing serves a folder without it, so it comes last, when all else is whole and checked.
SEAL = "config.json"

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Plan(Struct, frozen=True):
    """All files of one commit that are wanted."""

    commit: str
    files: tuple[ModelFile, ...]
    git_ids: dict[str, str]
    """By path, of files that are in Git: the name of their content there and in the cache."""
    repo: Path
    """The repo's folder in the cache."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def snapshot(self) -> Path:
        """The folder that a server is given."""
        return self.repo / "snapshots" / self.commit

    @property
    def large(self) -> list[ModelFile]:
        """Files that have a checksum: of LFS."""
        return [file for file in self.files if file.sha256]

    @property
    def small(self) -> list[ModelFile]:
        """Files in Git."""
        return [file for file in self.files if not file.sha256]

    def blob(self, file: ModelFile) -> Path:
        """Where the cache keeps a file's content."""
        return self.repo / "blobs" / (file.sha256 or self.git_ids[file.path])


def plan(spec: JobSpec, commit: str | None) -> Plan:
    """Ask the Hub what there is, and choose.

    Args:
        spec: what was asked for.
        commit: that an earlier run of the job chose; the job stays with it.

    Raises:
        NoWeights: the repo has none that MLX reads.
        InvalidValue: the patterns leave nothing.
        HfHubHTTPError, httpx2.HTTPError: the Hub refused, or was not reached.
    """
    api = HfApi()
    info = api.model_info(
        spec.model,
        revision=commit or spec.revision,
        timeout=spec.timeout_seconds,
        files_metadata=True,
    )
    if info.gated:
        # Its list of files is public: without this question the refusal would come at the end.
        api.auth_check(spec.model)
    files, git_ids = _files(info)
    chosen = wanted(files, all=spec.all, include=spec.include, exclude=spec.exclude)
    if not has_weights(files):
        others = ", ".join(sorted({Path(file.path).suffix for file in files} - {""})) or "nothing"
        raise NoWeights(
            f"{spec.model} has no weights that MLX can read: none of {' '.join(WEIGHTS)}.",
            f"It has {others}. Look for a conversion, for example by mlx-community.",
        )
    if not chosen:
        raise InvalidValue(
            f"The patterns leave no file of {spec.model}.", "Change `include` or `exclude`."
        )
    if info.sha is None:
        raise HubFailed(f"The Hub does not say which commit of {spec.model} it means.")
    return Plan(info.sha, chosen, git_ids, repo_folder(Path(spec.cache), spec.model))


def require_room(spec: JobSpec, plan: Plan, job: Path) -> None:
    """Look before the first byte whether the disk has room for what is missing.

    Raises:
        DiskFull: it has not.
    """
    missing = 0
    for file in plan.files:
        if not plan.blob(file).exists():
            missing += file.size_bytes
            if file.sha256 and (job / PARTS / f"{file.sha256}.map").exists():
                missing -= min(file.size_bytes, allocated(part_path(plan.repo, file.sha256)))
    folder = plan.repo
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if missing + spec.margin_bytes > free:
        raise DiskFull(
            f"{spec.model} needs {_gigabytes(missing)} more on the disk of {spec.cache}, and"
            f" {_gigabytes(spec.margin_bytes)} to spare; {_gigabytes(free)} are free.",
            "Free some space, for example by deleting models, and resume.",
        )


def _files(info: ModelInfo) -> tuple[list[ModelFile], dict[str, str]]:
    files, git_ids = [], {}
    for each in info.siblings or ():
        sha256 = each.lfs.sha256 if each.lfs else None
        size = each.lfs.size if each.lfs else each.size
        path = PurePosixPath(each.rfilename)
        # Both become paths on this disk.
        strays = path.is_absolute() or ".." in path.parts or "\\" in each.rfilename
        if strays or size is None or (sha256 and not _SHA256.fullmatch(sha256)):
            raise HubFailed(f"The Hub's list of files of {info.id} is not one that can be used.")
        files.append(ModelFile(path=each.rfilename, size_bytes=size, sha256=sha256))
        if not sha256:
            git_ids[each.rfilename] = str(each.blob_id)
    return files, git_ids


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
