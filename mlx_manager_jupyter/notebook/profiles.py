"""``profiles`` and ``profile``: saved ways to run a model, from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.errors import BadRequest, UnknownProfile
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.profile_rows import profile_columns, set_fields
from mlx_manager_jupyter.notebook.records import Records
from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlx_manager_jupyter.notebook.table import Column

#: Without one of these nothing can be run, so a name that is not there is a mistake.
_TARGETS = frozenset({"model", "command", "base_url"})


class Profiles(Records[Profile]):
    """Profiles, as a list that shows itself as a table."""

    _kind = Profile
    _nothing = "No profile is saved. Make one with mlx.profile(NAME, model=MODEL)."

    def _columns(self) -> Sequence[Column]:
        return profile_columns(self)


@short_errors
def profiles() -> Profiles:
    """All profiles, by name.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    return Profiles(shared_client().profiles.list())


@short_errors
def profile(given: str | Profile | Mapping[str, Any], /, **fields: Any) -> Profile:
    """One profile: read it, change it, or make it.

    ``profile("coder")`` reads. ``profile("coder", temperature=0.2)`` changes fields of one that
    is there, ``None`` resets one, ``name`` renames it. If there is none of that name, and the
    fields say what to run, it is made: ``profile("coder", model="org/model")``.

    Args:
        given: its name; or all of it, as a record or a dictionary.
        fields: of a profile.

    Returns:
        The profile as it is saved now.

    Raises:
        UnknownProfile: there is none of that name; the message names the nearest ones.
        UnknownField: naming the nearest one.
        InvalidValue: naming the field and what it may be.
        NameTaken: a name or an alias is another profile's.
    """
    if isinstance(given, str):
        name, values = given, fields
    else:
        whole = set_fields(given) if isinstance(given, Profile) else dict(given)
        if not isinstance(named := whole.pop("name", None), str):
            raise BadRequest("A profile needs a 'name'.", "mlx.profiles() lists those that are.")
        name, values = named, whole | fields
    calls = shared_client().profiles
    if not values:
        return calls.get(name)
    try:
        return calls.edit(name, values)
    except UnknownProfile:
        if not any(values.get(target) for target in _TARGETS):
            raise
    return calls.create({"name": name, **values})
