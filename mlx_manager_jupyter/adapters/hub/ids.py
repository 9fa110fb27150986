"""Which words can be the id of a repo."""

from __future__ import annotations

from mlx_manager_jupyter.adapters.hub.errors import explained


def check_id(model: str) -> None:
    """Blocking: the first time it imports huggingface_hub, whose rules these are.

    What passes has at most one slash, no ``..``, no ``--`` and no character that means something
    in a path or an address.

    Raises:
        UnknownModel: no repo can have this id.
    """
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # noqa: PLC0415

    try:
        validate_repo_id(model)
    except ValueError as error:
        raise explained(error, model) from None
