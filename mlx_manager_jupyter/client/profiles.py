"""``client.profiles``: saved ways to run a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from mlx_manager_jupyter.schema import (
    CopyProfile,
    DeletedProfile,
    ImportedProfile,
    Profile,
    ProfileCheck,
    ProfileDocument,
    ProfileProbe,
    StartingPoint,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping

    from mlx_manager_jupyter.client.client import Client

#: What becomes of an imported profile whose name is taken.
OnConflict = Literal["refuse", "skip", "replace", "rename"]


class ProfileCalls:
    """``client.profiles``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> list[Profile]:
        """All profiles."""
        return self._client.call("GET", "profiles", list[Profile])

    def get(self, name: str) -> Profile:
        """One profile; `UnknownProfile` if there is none."""
        return self._client.call("GET", _path(name), Profile)

    def create(self, profile: Profile | Mapping[str, Any]) -> Profile:
        """Save a new profile; `NameTaken` if a name of it is another's."""
        return self._client.call("POST", "profiles", Profile, profile)

    def edit(self, name: str, changes: Mapping[str, Any]) -> Profile:
        """Change some fields; ``None`` resets one, ``name`` renames the profile."""
        return self._client.call("PATCH", _path(name), Profile, changes)

    def copy(self, name: str, to: str) -> Profile:
        """Save the same under another name, without aliases, fixed port and automatic start."""
        return self._client.call("POST", f"{_path(name)}/copy", Profile, CopyProfile(name=to))

    def delete(self, name: str) -> DeletedProfile:
        """Delete a profile; what runs from it goes on, and is named."""
        answer = self._client.send("DELETE", _path(name))
        return msgspec.json.decode(answer.content, type=DeletedProfile)

    def check(self, values: Mapping[str, Any]) -> ProfileCheck:
        """What saving and starting these values would say; nothing is saved."""
        return self._client.call("POST", "profiles/check", ProfileCheck, values)

    def export(self, name: str | None = None) -> ProfileDocument:
        """All profiles, or one, as a document without secrets."""
        wanted = "" if name is None else f"?{urlencode({'name': name})}"
        return self._client.call("GET", f"profiles/export{wanted}", ProfileDocument)

    def import_(
        self, document: object, on_conflict: OnConflict = "refuse"
    ) -> builtins.list[ImportedProfile]:
        """Save the profiles of a document, all or none; says what was done with each."""
        path = f"profiles/import?on_conflict={on_conflict}"
        return self._client.call("POST", path, list[ImportedProfile], document)

    def starting_points(self, model: str = "") -> builtins.list[StartingPoint]:
        """Ready-made beginnings for a model; all of them without one."""
        path = f"profiles/starting-points?{urlencode({'model': model})}"
        return self._client.call("GET", path, list[StartingPoint])

    def probe(self, name: str) -> ProfileProbe:
        """Try it on the running model, which takes as long as three answers."""
        answer = self._client.send("POST", f"{_path(name)}/probe", patient=True)
        return msgspec.json.decode(answer.content, type=ProfileProbe)


def _path(name: str) -> str:
    return f"profiles/{quote(name, safe='')}"
