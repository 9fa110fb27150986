from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.client.discovery import VARIABLE, discover, read
from mlx_manager_jupyter.errors import ExtensionUnreachable
from tests.client.stand_in import STATUS, TOKEN, listening, write_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client.stand_in import Asked, StandIn


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder))
    return folder


def answer(asked: Asked) -> None:
    if asked.bearer == TOKEN:
        asked.json(STATUS)
    else:
        asked.json({"code": "unauthorized", "message": "Who are you?"}, 401)


@pytest.fixture
def door() -> Iterator[StandIn]:
    with listening(answer) as stand_in:
        yield stand_in


@pytest.fixture
def closed_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_the_variable_comes_first(
    runtime: Path, door: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_connection(runtime / "mlx-manager-jupyter-7.json", "http://127.0.0.1:1/")
    named = write_connection(runtime / "elsewhere.json", door.url)
    monkeypatch.setenv("JPY_PARENT_PID", "7")
    monkeypatch.setenv(VARIABLE, str(named))
    assert discover().url == door.url


def test_then_the_parent_then_the_only_live_one(
    runtime: Path, door: StandIn, closed_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_connection(runtime / "mlx-manager-jupyter-7.json", closed_url)
    write_connection(runtime / "mlx-manager-jupyter-8.json", door.url)
    monkeypatch.setenv("JPY_PARENT_PID", "8")
    assert discover().url == door.url
    assert door.asked == []  # a named one is not probed: the first request will tell
    monkeypatch.setenv("JPY_PARENT_PID", "9")  # Jupyter without the extension
    assert discover().url == door.url
    assert door.asked == ["GET /mlx-manager/api/status"]


def test_a_dead_named_one_never_falls_through(
    runtime: Path, door: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_connection(runtime / "mlx-manager-jupyter-8.json", door.url)
    monkeypatch.setenv(VARIABLE, str(runtime / "mlx-manager-jupyter-7.json"))
    with pytest.raises(ExtensionUnreachable, match=r"mlx-manager-jupyter-7.json.*Restart Jupyter"):
        discover()


def test_a_leftover_whose_port_another_door_took_is_not_live(runtime: Path, door: StandIn) -> None:
    write_connection(runtime / "mlx-manager-jupyter-7.json", door.url, token="of the killed one")
    write_connection(runtime / "mlx-manager-jupyter-8.json", door.url)
    assert discover().token == TOKEN


def test_several_are_named(runtime: Path, door: StandIn) -> None:
    with listening(answer) as other:
        write_connection(runtime / "mlx-manager-jupyter-7.json", door.url, pid=7)
        write_connection(runtime / "mlx-manager-jupyter-8.json", other.url, pid=8)
        with pytest.raises(ExtensionUnreachable) as caught:
            discover()
    for words in ("2 Jupyter servers", door.url, other.url, "jupyter-7.json", VARIABLE):
        assert words in str(caught.value)


def test_none_says_how_to_start_one(runtime: Path, closed_url: str) -> None:
    write_connection(runtime / "mlx-manager-jupyter-7.json", closed_url)
    with pytest.raises(ExtensionUnreachable, match=r"jupyter lab.*elsewhere"):
        discover()


def test_a_file_that_others_can_read_is_not_trusted(tmp_path: Path) -> None:
    file = write_connection(tmp_path / "c.json", "http://127.0.0.1:1/")
    file.chmod(0o640)
    with pytest.raises(ExtensionUnreachable, match="0600"):
        read(file)


def test_a_file_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    file = write_connection(tmp_path / "c.json", "http://127.0.0.1:1/")
    if os.getuid() == 0:
        os.chown(file, 65534, -1)
    else:  # without root the only way to see another's file is one that is there already
        file = next(
            found
            for found in map(type(file), ("/etc/hosts", "/etc/passwd"))
            if found.stat().st_uid != os.getuid()
        )
    with pytest.raises(ExtensionUnreachable, match="not trusted"):
        read(file)


def test_neither_a_link_nor_a_pipe_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(write_connection(tmp_path / "c.json", "http://127.0.0.1:1/"))
    os.mkfifo(tmp_path / "pipe.json", 0o600)
    for file in (link, tmp_path / "pipe.json"):
        with pytest.raises(ExtensionUnreachable):
            read(file)


def test_damage_and_other_versions_are_said(tmp_path: Path) -> None:
    file = write_connection(tmp_path / "c.json", "http://127.0.0.1:1/", version=2)
    with pytest.raises(ExtensionUnreachable, match="another version"):
        read(file)
    file.write_text('{"version": 1, "token": "half a')
    with pytest.raises(ExtensionUnreachable, match="damaged"):
        read(file)
