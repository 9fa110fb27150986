"""The store finds something wrong on disk: nothing is thrown away, and it is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import StoreUnusable
from mlx_manager_jupyter.schema import Profile, StoredServer

if TYPE_CHECKING:
    from pathlib import Path

A, B = Profile(name="a", model="org/a"), Profile(name="b", model="org/b")

GARBAGE = {
    "empty": b"",
    "cut short": b'{"schema": 1, "tables": {"profiles": {"a": {"na',
    "binary": bytes(range(256)),
    "not an object": b"[1, 2]",
    "nested for ever": b"[" * 100_000,
    "no tables": b'{"schema": 1}',
    "schema of words": b'{"schema": "one", "tables": {}}',
    "negative schema": b'{"schema": -1, "tables": {}}',
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with two profiles in it, and its copy."""
    path = tmp_path / "state.json"
    Store(path).put(A)
    Store(path).put(B)
    return path


def asides(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.damaged-*"))


def edit(path: Path, table: str, rows: Any) -> None:
    document = json.loads(path.read_text())
    document["tables"][table] = rows
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_the_last_good_copy_takes_the_place_of_a_damaged_file(path: Path, garbage: bytes) -> None:
    path.write_bytes(garbage)
    store = Store(path)
    assert store.list(Profile) == [A, B]
    [aside] = asides(path)
    assert aside.read_bytes() == garbage
    [notice] = store.notices
    assert str(path) in notice
    assert aside.name in notice
    again = Store(path)
    assert again.list(Profile) == [A, B]
    assert again.notices == []


def test_a_writer_repairs_too(path: Path) -> None:
    path.write_bytes(b"{")
    store = Store(path)
    store.put(Profile(name="c", model="m"))
    assert [profile.name for profile in store.list(Profile)] == ["a", "b", "c"]
    assert len(store.notices) == 1


def test_a_repair_outlives_the_transaction_that_found_it(path: Path) -> None:
    path.write_bytes(b"{")
    store = Store(path)
    with pytest.raises(LookupError), store.transaction():
        raise LookupError
    assert json.loads(path.read_text())["tables"]["profiles"].keys() == {"a", "b"}
    assert len(asides(path)) == 1


def test_file_and_copy_damaged_starts_empty_and_keeps_both(path: Path) -> None:
    path.write_bytes(b"first")
    path.with_name("state.json.bak").write_bytes(b"second")
    store = Store(path)
    assert store.list(Profile) == []
    assert {aside.read_bytes() for aside in asides(path)} == {b"first", b"second"}
    assert "starts empty" in store.notices[0]


def test_a_file_that_vanished_comes_back_from_its_copy(path: Path) -> None:
    path.unlink()
    store = Store(path)
    assert store.list(Profile) == [A, B]
    assert "gone" in store.notices[0]


BAD_ROWS = {
    "not an object": 5,
    "unknown field": {"name": "a", "model": "m", "colour": "red"},
    "out of range": {"name": "a", "model": "m", "port": 0},
    "without a name": {"model": "m"},
    "another name than its key": {"name": "z", "model": "m"},
}


@pytest.mark.parametrize("row", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_damaged_record_takes_no_other_with_it(path: Path, row: object) -> None:
    new = Profile(name="new", model="m")
    edit(path, "profiles", {"a": row, "new": {"name": "new", "model": "m"}})
    store = Store(path)
    assert store.get(Profile, "new") == new
    # The edit is younger than the copy: what was deleted stays deleted, what broke comes back.
    assert {profile.name: profile for profile in store.list(Profile)} == {"a": A, "new": new}
    [aside] = asides(path)
    assert json.loads(aside.read_text()) == {"profiles": {"a": row}}
    [notice] = store.notices
    assert aside.name in notice
    assert "profiles could not be read: a." in notice


def test_a_damaged_record_without_a_good_copy_is_missing_and_said(path: Path) -> None:
    path.with_name("state.json.bak").write_bytes(b"{")
    edit(path, "profiles", {"a": 5, "b": {"name": "b", "model": "org/b"}})
    store = Store(path)
    assert store.list(Profile) == [B]
    assert "came back: none" in store.notices[0]
    assert json.loads(asides(path)[0].read_text()) == {"profiles": {"a": 5}}


def test_a_table_that_is_none_takes_no_other_with_it(path: Path) -> None:
    edit(path, "servers", [1, 2])
    store = Store(path)
    assert store.list(StoredServer) == []
    assert store.list(Profile) == [A, B]
    assert json.loads(asides(path)[0].read_text()) == {"servers": [1, 2]}


# --- schema numbers -------------------------------------------------------------------------------


def test_schema_0_is_migrated_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    rows = {"1": {"name": "a", "model": "org/a"}, "2": {"name": "b", "model": "org/b"}}
    path.write_text(json.dumps({"profiles": rows, "_default": {}}))
    store = Store(path)
    assert store.list(Profile) == [A, B]
    assert store.notices == []
    document = json.loads(path.read_text())
    assert document["schema"] == 1
    assert document["tables"]["profiles"].keys() == {"a", "b"}
    stamp = store.stamp()
    assert Store(path).get(Profile, "b") == B
    assert store.stamp() == stamp


def test_a_migration_meets_damaged_rows(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    rows = {"1": {"name": "a", "model": "org/a"}, "2": {"name": 7}, "3": None}
    path.write_text(json.dumps({"schema": 0, "profiles": rows, "servers": "none"}))
    store = Store(path)
    assert store.list(Profile) == [A]
    assert json.loads(asides(path)[0].read_text()) == {
        "profiles": {"2": {"name": 7}, "3": None},
        "servers": "none",
    }


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    newer = json.dumps({"schema": 2, "tables": {"profiles": {"a": {"shape": "new"}}}})
    path.write_text(newer)
    store = Store(path)
    for use in (
        lambda: store.put(A),
        lambda: store.list(Profile),
        lambda: store.delete(Profile, "a"),
    ):
        with pytest.raises(StoreUnusable, match="newer version") as caught:
            use()
        assert "Upgrade" in (caught.value.hint or "")
    assert path.read_text() == newer
    assert not asides(path)


def test_a_newer_copy_is_not_overwritten_either(path: Path) -> None:
    copy = path.with_name("state.json.bak")
    newer = json.dumps({"schema": 2, "tables": {}})
    copy.write_text(newer)
    path.unlink()
    with pytest.raises(StoreUnusable, match="newer version"):
        Store(path).put(A)
    assert copy.read_text() == newer
