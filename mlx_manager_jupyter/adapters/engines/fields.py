"""Which fields of a profile are set, and which of them no engine has to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Whatever runs it: what it is called, and when we start and end it.
OURS = frozenset(
    {"name", "description", "model", "engine", "aliases", "system_prompt", "model_type"}
    | {"auto_start", "on_demand", "pinned", "restart", "host", "host_confirmed"}
)
#: Of what is a process of this machine. Memory is planned for ``context_length``, also where an
#: engine has no limit of its own.
LOCAL = OURS | {"port", "env", "extra_args", "idle_unload_seconds", "context_length"}
#: Of what runs a model of this machine.
MODEL = LOCAL | {"revision"}

_EMPTY = Profile(name="x", model="x")
_DEFAULTS: Mapping[str, Any] = {
    name: getattr(_EMPTY, name) for name in Profile.__struct_fields__ if name != "name"
}


def set_fields(profile: Profile) -> dict[str, Any]:
    """The fields that are not what they are by default."""
    values = {name: getattr(profile, name) for name in _DEFAULTS}
    return {name: value for name, value in values.items() if value != _DEFAULTS[name]}
