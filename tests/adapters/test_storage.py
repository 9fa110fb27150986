"""The store as services use it: one process, nothing broken."""

from __future__ import annotations

import json
import stat
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import InvalidValue, StoreUnusable
from mlx_manager_jupyter.schema import Identity, Profile, StoredServer

if TYPE_CHECKING:
    from pathlib import Path

FAST = Profile(
    name="fast",
    model="org/tiny",
    aliases=("quick",),
    temperature=0.5,
    chat_template_args={"deep": {"list": [1, 2.5, None, True]}},
    env={"A": "ü"},
)
SERVER = StoredServer(
    name="fast",
    run="r1",
    profile=FAST,
    profile_name="fast",
    engine="mlx-lm",
    argv=("mlx_lm.server", "--port", "10240"),
    host="127.0.0.1",
    port=10240,
    log="fast.log",
    keep=False,
    wanted=True,
    owner=Identity(pid=1, create_time=1.25, argv=("jupyter",)),
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "state.json"


@pytest.fixture
def store(path: Path) -> Store:
    return Store(path)


def test_reading_what_is_not_there_creates_nothing(store: Store, path: Path) -> None:
    assert store.get(Profile, "fast") is None
    assert store.list(StoredServer) == []
    assert store.stamp() == ()
    assert not path.parent.exists()


def test_records_come_back_as_they_went_in(store: Store, path: Path) -> None:
    store.put(FAST)
    store.put(SERVER)
    for again in (store, Store(path)):
        assert again.get(Profile, "fast") == FAST
        assert again.get(StoredServer, "fast") == SERVER
        assert again.list(Profile) == [FAST]
    assert store.notices == []


def test_a_name_is_replaced_in_its_place(store: Store) -> None:
    for name in ("b", "a", "c"):
        store.put(Profile(name=name, model="m", env={"old": "1"}))
    store.put(Profile(name="a", model="other", env={"new": "2"}))
    assert [profile.name for profile in store.list(Profile)] == ["b", "a", "c"]
    changed = store.get(Profile, "a")
    assert changed is not None
    assert (changed.model, changed.env) == ("other", {"new": "2"})


def test_delete_says_whether_there_was_one(store: Store) -> None:
    store.put(FAST)
    assert store.delete(Profile, "fast") is True
    assert store.delete(Profile, "fast") is False
    assert store.get(Profile, "fast") is None


def test_files_are_for_their_owner_alone(store: Store, path: Path) -> None:
    store.put(FAST)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"state.json": 0o600, "state.json.bak": 0o600, "state.json.lock": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "record",
    [
        Profile(name="not a name", model="m"),
        Profile(name="hot", model="m", temperature=9),
        Profile(name="lone", model="\udcff"),
    ],
)
def test_what_could_not_be_read_back_does_not_go_in(
    store: Store, path: Path, record: Profile
) -> None:
    with pytest.raises(InvalidValue):
        store.put(record)
    assert not path.exists()


# --- transactions ---------------------------------------------------------------------------------


def test_a_transaction_writes_once_at_its_end(store: Store, path: Path) -> None:
    store.put(FAST)
    before = path.read_bytes()
    with store.transaction():
        store.put(Profile(name="one", model="m"))
        assert store.delete(Profile, "fast")
        assert store.get(Profile, "one") is not None
        assert path.read_bytes() == before
    assert [profile.name for profile in store.list(Profile)] == ["one"]


def test_a_failed_transaction_writes_nothing(store: Store, path: Path) -> None:
    store.put(FAST)
    before, stamp = path.read_bytes(), store.stamp()

    def fail() -> None:
        with store.transaction():
            store.delete(Profile, "fast")
            store.put(Profile(name="one", model="m"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert (path.read_bytes(), store.stamp()) == (before, stamp)
    assert store.list(Profile) == [FAST]


def test_a_failed_inner_transaction_undoes_only_itself(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.put(Profile(name="inner", model="m"))
            store.delete(Profile, "outer")
            raise LookupError

    with store.transaction():
        store.put(Profile(name="outer", model="m"))
        with pytest.raises(LookupError):
            fail()
        store.put(Profile(name="after", model="m"))
    assert [profile.name for profile in store.list(Profile)] == ["outer", "after"]


def test_a_transaction_that_only_reads_writes_nothing(store: Store) -> None:
    store.put(FAST)
    stamp = store.stamp()
    with store.transaction():
        store.get(Profile, "fast")
        store.delete(Profile, "unknown")
    assert store.stamp() == stamp


def test_another_thread_sees_only_what_is_finished(store: Store) -> None:
    seen: list[Profile | None] = []
    with store.transaction():
        store.put(FAST)
        reader = threading.Thread(target=lambda: seen.append(store.get(Profile, "fast")))
        reader.start()
        reader.join(timeout=10)
    assert seen == [None]


def test_threads_lose_nothing(store: Store) -> None:
    store.put(Profile(name="sum", model="m", max_tokens=1))

    def add(worker: int) -> None:
        for turn in range(10):
            with store.transaction():
                total = store.get(Profile, "sum")
                assert total is not None
                store.put(Profile(name="sum", model="m", max_tokens=(total.max_tokens or 0) + 1))
            store.put(Profile(name=f"w{worker}-{turn}", model="m"))

    workers = [threading.Thread(target=add, args=(worker,)) for worker in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join(timeout=60)
    total = store.get(Profile, "sum")
    assert total is not None
    assert total.max_tokens == 41
    assert len(store.list(Profile)) == 41


# --- between processes, one at a time -------------------------------------------------------------


def test_stamp_tells_that_another_store_wrote(store: Store, path: Path) -> None:
    stamps = {store.stamp()}
    for turn in range(5):
        Store(path).put(Profile(name="same-size", model="m", seed=turn))
        stamps.add(store.stamp())
    assert len(stamps) == 6


def test_a_transaction_starts_from_what_is_on_disk(store: Store, path: Path) -> None:
    store.put(FAST)
    Store(path).put(Profile(name="other", model="m"))
    with store.transaction():
        assert store.get(Profile, "other") is not None
        store.put(Profile(name="mine", model="m"))
    assert {profile.name for profile in Store(path).list(Profile)} == {"fast", "other", "mine"}


def test_tables_of_others_are_carried_along(store: Store, path: Path) -> None:
    store.put(FAST)
    document = json.loads(path.read_text())
    document["tables"]["plugins"] = {"d1": {"anything": 1}}
    path.write_text(json.dumps(document))
    store.put(SERVER)
    assert json.loads(path.read_text())["tables"]["plugins"] == {"d1": {"anything": 1}}


def test_a_lock_held_too_long_is_named(store: Store, path: Path) -> None:
    store.put(FAST)
    impatient = Store(path, lock_timeout_seconds=0.05)
    failures: list[StoreUnusable] = []

    def contend() -> None:
        with pytest.raises(StoreUnusable) as caught:
            impatient.put(SERVER)
        failures.append(caught.value)
        # Reading needs no lock.
        assert impatient.get(Profile, "fast") == FAST

    with store.transaction():
        thread = threading.Thread(target=contend)
        thread.start()
        thread.join(timeout=10)
    assert str(path.with_name("state.json.lock")) in failures[0].message
    assert failures[0].hint


def test_a_folder_that_can_not_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = Store(tmp_path / "file" / "state.json")
    for use in (lambda: store.put(FAST), lambda: store.list(Profile), store.stamp):
        with pytest.raises(StoreUnusable, match="can't be used") as caught:
            use()
        assert "is a file" in (caught.value.hint or "")
    assert (tmp_path / "file").read_text() == "in the way"


def test_a_failed_replacement_leaves_both_files(store: Store, path: Path) -> None:
    store.put(FAST)
    copy = path.with_name("state.json.bak")
    copy.unlink()
    copy.mkdir()
    before = path.read_bytes()
    with pytest.raises(StoreUnusable):
        store.put(SERVER)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.tmp"))
