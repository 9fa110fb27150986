from __future__ import annotations

import asyncio
import os
import stat
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import (
    InvalidValue,
    NotFound,
    StoreUnusable,
    TooManyRequests,
    Unauthorized,
    UnknownProfile,
)
from mlx_manager_jupyter.schema import CreateKey, Key, Profile, StoredKey, permits
from mlx_manager_jupyter.services.keys import KeyManager
from mlx_manager_jupyter.services.keys.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROFILES = (
    Profile(name="coder", model="author/coder", aliases=("code",)),
    Profile(name="writer", model="author/writer"),
)


async def profiles() -> tuple[Profile, ...]:
    return PROFILES


def files(folder: Path) -> list[Path]:
    found = list(folder.iterdir())
    assert found
    return found


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in files(folder)]


@pytest.fixture
def make(
    tmp_path: Path, jp_asyncio_loop: asyncio.AbstractEventLoop
) -> Iterator[Callable[..., KeyManager]]:
    """The keys as one more Jupyter server of this user knows them; looks at each request."""
    opened: list[KeyManager] = []

    def made(**options: Any) -> KeyManager:
        store = Store(tmp_path / "state.json", lock_timeout_seconds=1.0)
        keys = KeyManager(store, profiles=profiles, **{"sync_interval": 0.0, **options})
        opened.append(keys)
        return keys

    yield made
    for keys in opened:
        jp_asyncio_loop.run_until_complete(keys.close())


async def test_a_secret_opens_and_is_kept_nowhere(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    keys = make()
    for pid in (None, os.getpid()):
        made = await keys.create(CreateKey(label="tool", pid=pid))
        assert await keys.check(made.secret) == made.key
        assert await keys.check(made.secret + "x") is None
        assert made.secret not in repr(vars(keys))
        assert made.secret not in repr(made)
        assert made.secret.encode() not in b"".join(contents(tmp_path))
    assert await keys.check("") is None


async def test_the_file_of_keys_is_for_this_user_alone(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    await make().create(CreateKey())
    for file in files(tmp_path):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


async def test_a_revoked_key_opens_nothing(make: Callable[..., KeyManager]) -> None:
    keys = make()
    for pid in (None, os.getpid()):
        made = await keys.create(CreateKey(pid=pid))
        await keys.revoke(made.key.id)
        assert await keys.check(made.secret) is None
        assert await keys.list() == []
        with pytest.raises(NotFound):
            await keys.revoke(made.key.id)


# --- keys of processes --------------------------------------------------------------------------


async def test_a_kernels_key_dies_with_the_kernel(make: Callable[..., KeyManager]) -> None:
    keys = make(holder_check_seconds=0.0)
    kernel = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    try:
        made = await keys.create(CreateKey(pid=kernel.pid, notebook="/notes/one.ipynb"))
        assert await keys.check(made.secret) == made.key
        assert made.key.notebook == "/notes/one.ipynb"
    finally:
        kernel.kill()
        await kernel.communicate()
    assert await keys.check(made.secret) is None
    assert await keys.list() == []


async def test_a_kernels_key_is_forgotten_with_its_jupyter(
    make: Callable[..., KeyManager],
) -> None:
    made = await make().create(CreateKey(pid=os.getpid()))
    other = make()
    assert await other.check(made.secret) is None
    assert await other.list() == []


async def test_a_key_that_is_revoked_while_its_kernel_is_looked_at_opens_nothing(
    make: Callable[..., KeyManager],
) -> None:
    keys = make(holder_check_seconds=0.0)
    made = [await keys.create(CreateKey(pid=os.getpid())) for _ in range(2)]
    checking = asyncio.ensure_future(keys.check(made[0].secret))
    listing = asyncio.ensure_future(keys.list())
    await asyncio.sleep(0)
    for each in made:
        await keys.revoke(each.key.id)
    assert await checking is None
    assert await listing == []


async def test_no_key_for_a_process_that_is_not_there(make: Callable[..., KeyManager]) -> None:
    with pytest.raises(InvalidValue, match="no process"):
        await make().create(CreateKey(pid=2**22 + 1))


# --- named keys, and other Jupyter servers ------------------------------------------------------


async def test_a_named_key_survives_a_restart(make: Callable[..., KeyManager]) -> None:
    wanted = CreateKey(
        label="editor", expires_in_seconds=3600.0, profiles=("coder",), requests_per_minute=600
    )
    made = await make().create(wanted)
    later = make()
    assert await later.list() == [made.key]
    assert await later.check(made.secret) == made.key
    assert (made.key.profiles, made.key.requests_per_minute) == (("coder",), 600)
    assert made.key.expires_at == made.key.created_at + timedelta(hours=1)


async def test_what_one_jupyter_makes_and_revokes_holds_for_the_other(
    make: Callable[..., KeyManager],
) -> None:
    # However rarely the other looks for changes, a key that it does not know makes it look.
    one, other = make(), make(sync_interval=3600.0)
    assert await other.list() == []
    made = await one.create(CreateKey())
    assert await other.check(made.secret) == made.key
    watching = make()
    assert await watching.check(made.secret) == made.key
    await one.revoke(made.key.id)
    assert await watching.check(made.secret) is None
    second = await one.create(CreateKey())
    assert await other.check(second.secret) == second.key  # it has looked again
    assert await other.check(made.secret) is None


async def test_a_key_is_not_brought_back_by_a_look_that_began_before_its_end(
    make: Callable[..., KeyManager],
) -> None:
    keys, other = make(), make()
    made = await keys.create(CreateKey())
    await other.create(CreateKey())  # there is something new to read
    checks = [asyncio.ensure_future(keys.check(made.secret)) for _ in range(5)]
    await asyncio.sleep(0)
    await keys.revoke(made.key.id)
    await asyncio.gather(*checks)
    assert await keys.check(made.secret) is None


async def test_a_known_key_opens_nothing_while_nobody_can_tell_whether_it_was_revoked(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    keys = make()
    named, kernel = [await keys.create(CreateKey(pid=pid)) for pid in (None, os.getpid())]
    (tmp_path / "state.json").write_text('{"schema": 1000000, "tables": {}}')  # a newer version
    with pytest.raises(StoreUnusable):
        await keys.check(named.secret)
    assert await keys.check(kernel.secret) == kernel.key
    assert await keys.check("mlx-of-before-a-restart") is None


async def test_a_key_that_somebody_edited_into_nonsense_is_set_aside(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    keys = make()
    bad, good = [await keys.create(CreateKey()) for _ in range(2)]
    store = Store(tmp_path / "state.json")
    digest = next(each.digest for each in store.list(StoredKey) if each.name == bad.key.id)
    for name in ("state.json", "state.json.bak"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text.replace(digest, "not a digest"))
    assert await make().check(good.secret) == good.key
    assert await make().check(bad.secret) is None


async def test_an_edited_scope_holds(make: Callable[..., KeyManager], tmp_path: Path) -> None:
    keys = make()
    made = await keys.create(CreateKey(profiles=("coder", "writer")))
    assert await keys.check(made.secret) == made.key
    store = Store(tmp_path / "state.json")
    (stored,) = store.list(StoredKey)
    store.put(replace(stored, key=replace(stored.key, profiles=("writer",))))
    checked = await keys.check(made.secret)
    assert checked
    assert checked.profiles == ("writer",)


# --- an end, a scope, a rate --------------------------------------------------------------------


async def test_an_expired_key_is_refused_in_words(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    keys = make()
    made = await keys.create(CreateKey(label="old", expires_in_seconds=3600.0))
    store = Store(tmp_path / "state.json")
    ended = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    store.put(replace(*store.list(StoredKey), key=replace(made.key, expires_at=ended)))
    with pytest.raises(Unauthorized, match="expired on 2026-01-02 at 03:04 UTC"):
        await keys.check(made.secret)
    (listed,) = await keys.list()
    assert listed.id == made.key.id
    # A week later nobody wants to see it any more.
    await keys.create(CreateKey(label="new"))
    assert [key.label for key in await keys.list()] == ["new"]
    assert await keys.check(made.secret) is None


async def test_a_key_ends_by_itself(make: Callable[..., KeyManager]) -> None:
    keys = make(sync_interval=3600.0)
    for pid in (None, os.getpid()):
        made = await keys.create(CreateKey(pid=pid, expires_in_seconds=0.001))
        await asyncio.sleep(0.01)
        with pytest.raises(Unauthorized, match="expired"):
            await keys.check(made.secret)


async def test_a_scope_is_of_profiles_that_are_there(make: Callable[..., KeyManager]) -> None:
    keys = make()
    made = await keys.create(CreateKey(profiles=("code", "coder")))
    assert made.key.profiles == ("coder",)
    with pytest.raises(UnknownProfile, match=r"'codr'.*Did you mean coder"):
        await keys.create(CreateKey(profiles=("codr",)))
    assert len(await keys.list()) == 1


def test_a_scope_permits_its_names_alone() -> None:
    key = Key(id="1", label="x", created_at=datetime.now(UTC))
    scoped = replace(key, profiles=("coder",))
    assert permits(None, ["coder"])
    assert permits(key, [])
    assert permits(scoped, ["coder"])
    assert permits(scoped, ["other", "coder"])
    for names in ([], ["writer"], ["CODER"], ["coder2"], [""]):
        assert not permits(scoped, names)


async def test_a_key_that_is_used_too_often_is_told_when_to_try_again(
    make: Callable[..., KeyManager],
) -> None:
    keys = make()
    for pid in (None, os.getpid()):
        made = await keys.create(CreateKey(pid=pid, requests_per_minute=1))
        other = await keys.create(CreateKey(pid=pid, requests_per_minute=1))
        assert await keys.check(made.secret)
        for _ in range(2):
            with pytest.raises(TooManyRequests, match="1 requests a minute") as caught:
                await keys.check(made.secret)
            assert caught.value.retry_after
            assert 0 < caught.value.retry_after <= 60
        assert await keys.check(other.secret)  # each has its own


async def test_reading_the_keys_anew_gives_nobody_more_requests(
    make: Callable[..., KeyManager],
) -> None:
    keys, other = make(), make()
    made = await keys.create(CreateKey(requests_per_minute=1))
    assert await keys.check(made.secret)
    await other.create(CreateKey())
    await other.revoke((await other.list())[-1].id)
    with pytest.raises(TooManyRequests):
        await keys.check(made.secret)


def test_a_rate_fills_again() -> None:
    now = 0.0
    rate = Rate(2, lambda: now)
    assert [rate.take(), rate.take(), rate.take()] == [0.0, 0.0, 30.0]
    now = 20.0
    assert rate.take() == pytest.approx(10.0)
    now = 30.0
    assert [rate.take(), rate.take()] == [0.0, 30.0]
    now = 3600.0  # never more than a minute's at once
    assert [rate.take(), rate.take(), rate.take()] == [0.0, 0.0, 30.0]


# --- their last use -----------------------------------------------------------------------------


async def test_the_last_use_is_told_to_all_but_seldom(
    make: Callable[..., KeyManager], tmp_path: Path
) -> None:
    keys, other = make(), make()
    made = await keys.create(CreateKey())
    assert (await keys.list())[0].last_used_at is None
    before = datetime.now(UTC)
    await keys.check(made.secret)
    async with asyncio.timeout(10):
        while (await other.list())[0].last_used_at is None:
            await asyncio.sleep(0.01)
    told = (await other.list())[0].last_used_at
    assert told
    assert before <= told <= datetime.now(UTC)
    stamp = Store(tmp_path / "state.json").stamp()
    for _ in range(20):
        await keys.check(made.secret)
    (known,) = await keys.list()
    assert known.last_used_at
    assert known.last_used_at > told
    assert Store(tmp_path / "state.json").stamp() == stamp
    await keys.close()  # what was not told yet, is told at the end
    assert await other.list() == [known]


async def test_using_a_key_does_not_bring_it_back(make: Callable[..., KeyManager]) -> None:
    keys, other = make(sync_interval=3600.0), make()
    made = await keys.create(CreateKey())
    await other.revoke(made.key.id)
    await keys.check(made.secret)  # it has not looked yet
    await keys.close()
    assert await other.list() == []


async def test_a_kernels_last_use_is_known(make: Callable[..., KeyManager]) -> None:
    keys = make()
    made = await keys.create(CreateKey(pid=os.getpid()))
    assert await keys.check(made.secret) == made.key
    assert (await keys.list())[0].last_used_at
