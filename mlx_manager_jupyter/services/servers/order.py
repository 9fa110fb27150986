"""What shall run under a name, whether a person asked for it or a failure did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from datetime import datetime

    from mlx_manager_jupyter.schema import Profile, StartServer, StoredServer


class Order(Struct, frozen=True, kw_only=True):
    """One server to be placed: the settings, and what is known of its past."""

    name: str
    profile: Profile
    profile_name: str | None
    overrides: dict[str, Any] = field(default_factory=dict)
    keep: bool = False
    force: bool = False
    succeeds: str | None = None
    """The run that failed, and that this one stands in for as long as nobody asked for its end."""
    restarts: int = 0
    failures: tuple[datetime, ...] = ()
    last_used_at: datetime | None = None


def successor(old: StoredServer, *, restarts: int) -> Order:
    """The same again, in place of a run that failed."""
    return Order(
        name=old.name,
        profile=old.profile,
        profile_name=old.profile_name,
        overrides=old.overrides,
        keep=old.keep,
        force=old.force,
        succeeds=old.run,
        restarts=restarts,
        failures=old.failures,
        last_used_at=old.last_used_at,
    )


def overrides(wanted: StartServer) -> dict[str, Any]:
    """The fields of the profile that a start itself sets."""
    named = {
        "engine": wanted.engine,
        "port": wanted.port,
        "context_length": wanted.context_length,
        "idle_unload_seconds": wanted.ttl,
    }
    return {**wanted.set, **{name: value for name, value in named.items() if value is not None}}
