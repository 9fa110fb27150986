"""Which keys there are, and whom they let in."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from traitlets import Float
from traitlets.config import LoggingConfigurable

from mlx_manager_jupyter.adapters.process import ProcessGone, identify
from mlx_manager_jupyter.errors import InvalidValue, NotFound, UnknownProfile
from mlx_manager_jupyter.names import nearest
from mlx_manager_jupyter.schema import Key, NewKey
from mlx_manager_jupyter.services.keys.grant import digest_of
from mlx_manager_jupyter.services.keys.kernels import KernelKeys
from mlx_manager_jupyter.services.keys.saved import SavedKeys

if TYPE_CHECKING:
    import builtins
    from collections.abc import Awaitable, Callable, Iterable

    from mlx_manager_jupyter.adapters.storage import Store
    from mlx_manager_jupyter.schema import CreateKey, Profile

#: Starts every secret, so that a leaked one is recognised by scanners.
PREFIX = "mlx-"


class KeyManager(LoggingConfigurable):
    """Issues and checks keys. Of their secrets only digests are kept."""

    holder_check_seconds = Float(
        1.0, min=0.0, help="How long the answer to 'does the kernel of this key live?' is trusted."
    ).tag(config=True)
    sync_interval = Float(
        1.0,
        min=0.0,
        help="Seconds after which a key that another Jupyter server revoked is refused here too.",
    ).tag(config=True)

    def __init__(
        self,
        store: Store,
        *,
        profiles: Callable[[], Awaitable[Iterable[Profile]]],
        **kwargs: object,
    ) -> None:
        """Hand over what it needs.

        Args:
            store: keeps the named ones.
            profiles: all that are saved; a key may be for some of them.
            kwargs: traits.
        """
        super().__init__(**kwargs)
        self._profiles = profiles
        self._kernels = KernelKeys(self.holder_check_seconds)
        self._saved = SavedKeys(store, self.sync_interval, self.log)

    async def create(self, wanted: CreateKey) -> NewKey:
        """Issue a key; the secret in the answer is shown this once.

        Raises:
            InvalidValue: when ``pid`` names no process of this machine.
            UnknownProfile: when it is to open one that is not there, naming the nearest.
        """
        now = datetime.now(UTC)
        lasts = wanted.expires_in_seconds
        key = Key(
            id=secrets.token_hex(4),
            label=wanted.label,
            created_at=now,
            pid=wanted.pid,
            notebook=wanted.notebook,
            expires_at=None if lasts is None else now + timedelta(seconds=lasts),
            profiles=await self._known(wanted.profiles),
            requests_per_minute=wanted.requests_per_minute,
        )
        secret = PREFIX + secrets.token_urlsafe(32)
        if wanted.pid is None:
            await self._saved.add(digest_of(secret), key)
            return NewKey(key=key, secret=secret)
        try:
            holder = await asyncio.to_thread(identify, wanted.pid)
        except ProcessGone as error:
            raise InvalidValue(f"There is no process {wanted.pid} to make a key for.") from error
        self._kernels.add(digest_of(secret), key, holder)
        return NewKey(key=key, secret=secret)

    async def list(self) -> builtins.list[Key]:
        """All keys, oldest first: named ones of any Jupyter server, kernels' of this one."""
        keys = [*await self._saved.list(), *await self._kernels.list()]
        return sorted(keys, key=lambda key: key.created_at)

    async def revoke(self, key_id: str) -> None:
        """End a key at once; other Jupyter servers refuse it a moment later.

        Raises:
            NotFound: when there is none of that id.
        """
        if not (self._kernels.revoke(key_id) or await self._saved.revoke(key_id)):
            raise NotFound(f"There is no key {key_id!r}.", "It may have died with its kernel.")

    async def check(self, secret: str) -> Key | None:
        """The key of this secret, and count a request of it; None if there is none.

        It is looked up by its digest, so that timing tells nothing of secrets.

        Raises:
            Unauthorized: when it has expired.
            TooManyRequests: when it is used too often; `retry_after` says how long to wait.
            StoreUnusable: nobody can tell now whether it was revoked.
        """
        digest = digest_of(secret)
        if grant := await self._kernels.find(digest):
            return grant.admit()
        grant = await self._saved.find(digest)
        if grant is None:
            return None
        key = grant.admit()
        self._saved.used(grant)
        return key

    async def close(self) -> None:
        """Remember when keys were last used."""
        await self._saved.close()

    async def _known(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        if not wanted:
            return ()
        names = {
            name: profile.name
            for profile in await self._profiles()
            for name in (profile.name, *profile.aliases)
        }
        for name in wanted:
            if name not in names:
                close = nearest(name, names)
                hint = f"Did you mean {' or '.join(close)}?" if close else "Save it first."
                raise UnknownProfile(f"There is no profile named {name!r}.", hint)
        return tuple(dict.fromkeys(names[name] for name in wanted))
