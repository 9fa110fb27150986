"""What starting a profile would say, for the form that is being filled in. Blocking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.engines.distributed.checks import check_distributed
from mlx_manager_jupyter.errors import EngineMissing, InvalidValue, MLXManagerError
from mlx_manager_jupyter.schema import FieldProblem, ProfileCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.schema import Profile
    from mlx_manager_jupyter.services.servers.matching import Matcher


def examine(matcher: Matcher, profile: Profile) -> ProfileCheck:
    """Everything at once, where a start would stop at the first problem."""
    problems: list[FieldProblem] = []

    def note(field: str, error: MLXManagerError) -> None:
        problems.append(FieldProblem(field=field, problem=error.problem))

    folder = None
    try:
        if profile.model:  # while it is being typed there is none, which is told elsewhere
            folder = matcher.folder(profile)
    except MLXManagerError as error:
        note("model", error)
    kind, filled = matcher.choose(profile, folder)
    engine, installation = ENGINES[kind], None
    try:
        installation = matcher.find(kind)
        honoured = engine.honoured(installation)
    except EngineMissing as error:
        note("engine", error)
        installation, honoured = None, engine.honoured()
    for field, refused in engine.refusals(filled, installation):
        note(field, refused)
    if installation and folder and "distributed" in honoured:
        try:
            check_distributed(installation, filled, folder.path)
        except MLXManagerError as error:
            note("distributed", error)
    for field, missing in _missing(matcher, profile):
        if field in honoured:
            note(field, missing)
    return ProfileCheck(problems=tuple(problems), engine=kind, honoured=tuple(sorted(honoured)))


def _missing(matcher: Matcher, profile: Profile) -> Iterator[tuple[str, MLXManagerError]]:
    try:
        matcher.with_draft(profile)
    except MLXManagerError as error:
        yield "draft_model", error
    for field in ("chat_template_file", "adapter_path"):
        path = getattr(profile, field)
        try:
            if path is not None:
                Path(path).expanduser().stat()
        except (OSError, RuntimeError) as error:  # RuntimeError: no such user
            yield field, InvalidValue(f"{path!r} can't be read: {error}.", "Correct the path.")
