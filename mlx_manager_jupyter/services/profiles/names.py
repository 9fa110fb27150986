"""Whose a name is: of a profile, or an alias of one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import NameTaken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlx_manager_jupyter.schema import Profile


def collisions(profile: Profile, others: Iterable[Profile]) -> Iterator[tuple[str, NameTaken]]:
    """Names of this profile that mean another one, with the field that says them."""
    for other in others:
        if profile.name == other.name:
            message = f"There is a profile named {profile.name!r} already."
            yield "name", NameTaken(message, "Delete it first, or choose another name.")
        elif profile.name in other.aliases:
            message = f"{profile.name!r} is an alias of the profile {other.name!r}."
            yield "name", NameTaken(message, "Choose another name, or take the alias away there.")
        for alias in profile.aliases:
            if alias == other.name:
                message = f"The alias {alias!r} is the name of another profile."
                yield "aliases", NameTaken(message, "Choose another alias.")
            elif alias in other.aliases:
                message = f"The alias {alias!r} is one of the profile {other.name!r} already."
                yield "aliases", NameTaken(message, "Choose another alias, or take it away there.")


def refuse_taken(profile: Profile, others: Iterable[Profile]) -> None:
    """Let no two profiles have a name in common.

    Raises:
        NameTaken: saying whose it is.
    """
    for _, error in collisions(profile, others):
        raise error
