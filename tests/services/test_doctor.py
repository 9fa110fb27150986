"""What the doctor says of each thing, when it is well and when it is not."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.hardware import this_machine
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import HubUnreachable, MLXManagerError, Offline
from mlx_manager_jupyter.schema import InstalledEngine, Problem, Server
from mlx_manager_jupyter.services import doctor
from mlx_manager_jupyter.services.doctor import Doctor

if TYPE_CHECKING:
    from pathlib import Path

    from mlx_manager_jupyter.schema import Check

MLX_LM = InstalledEngine(
    kind="mlx-lm", version="0.32.2", path="/bin/mlx_lm.server", source="path", selected=True
)
BROKEN = Problem(code="engine_missing", message="--help does not work", hint="Install it again.")


async def examine(folder: Path, *, hub: bool = False, **more: Any) -> dict[str, Check]:
    async def answer(value: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    engines, servers = more.pop("engines", (MLX_LM,)), more.pop("servers", ())
    asked = more.pop("asked", None)
    parts: dict[str, Any] = {
        "version": "1.2.3",
        "home": folder,
        "cache": folder / "hub" / "not-made-yet",
        "store": Store(folder / "state.json"),
        "machine": this_machine(),
        "port_start": 10240,
        "wanted_port": 0,
        "gateway_url": lambda: "http://127.0.0.1:10239/v1",
        "engines": lambda: answer(engines),
        "servers": lambda: answer(servers),
        "ask_hub": lambda: answer(asked),
    }
    found = await Doctor(**parts | more).examine(hub=hub)
    for check in found:
        assert check.says
        assert check.state == "ok" or check.hint, "what is wrong has a next step"
    return {check.name: check for check in found}


async def test_all_is_well(tmp_path: Path) -> None:
    found = await examine(tmp_path, hub=True)
    assert {check.state for name, check in found.items() if name != "cache"} == {"ok"}
    assert "1.2.3" in found["extension"].says
    assert found["engine mlx-lm"].says == "0.32.2, path: /bin/mlx_lm.server"
    assert found["hub"].says == "it answers"


async def test_engines(tmp_path: Path) -> None:
    assert (await examine(tmp_path, engines=()))["engines"].state == "fail"
    error = MLXManagerError("no", "do")
    assert (await examine(tmp_path, engines=error))["engines"].state == "fail"
    for selected, state in ((True, "fail"), (False, "warn")):
        broken = InstalledEngine(
            kind="mlx-vlm",
            version=None,
            path="/x",
            source="configured",
            selected=selected,
            problem=BROKEN,
        )
        check = (await examine(tmp_path, engines=(MLX_LM, broken)))["engine mlx-vlm"]
        assert check.state == state
        assert check.hint == "Install it again."


async def test_a_failed_server_brings_its_log(tmp_path: Path) -> None:
    problem = Problem(code="start_failed", message="It ended.", hint="See.", log_tail=("a", "b"))
    servers = (
        Server(name="bad", model="m", engine="mlx-lm", state="failed", error=problem),
        Server(name="good", model="m", engine="mlx-lm", state="ready"),
    )
    found = await examine(tmp_path, servers=servers)
    assert found["server bad"].details == ("a", "b")
    assert "server good" not in found


async def test_a_store_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()
    assert (await examine(tmp_path))["store"].state == "fail"


async def test_a_gateway_elsewhere_and_taken_ports(tmp_path: Path) -> None:
    elsewhere = await examine(tmp_path, wanted_port=10238)
    assert elsewhere["gateway"].state == "warn"
    assert "10238 was taken" in elsewhere["gateway"].says
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = (await examine(tmp_path, port_start=port))["ports"]
        assert ports.says.endswith(f"free from {port} on")
        assert not ports.says.startswith("20 of 20")
    last = await examine(tmp_path, port_start=65535)
    assert last["ports"].says == "1 of 1 free from 65535 on"


@pytest.mark.parametrize(("room", "state"), [(0, "ok"), (1e15, "warn"), (2e15, "fail")])
async def test_room_for_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: float, state: str
) -> None:
    monkeypatch.setattr(doctor, "TIGHT", room)
    monkeypatch.setattr(doctor, "FULL", 2e15 if state == "fail" else 0)
    assert (await examine(tmp_path))["cache"].state == state


async def test_the_hub_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    never = AssertionError("nobody asked")
    assert "hub" not in await examine(tmp_path, asked=never)
    refused = await examine(tmp_path, hub=True, asked=Offline("The settings say so.", "Unset."))
    assert refused["hub"].state == "warn"
    gone = await examine(tmp_path, hub=True, asked=HubUnreachable("No answer.", "Look."))
    assert gone["hub"].state == "fail"

    async def forever() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(doctor, "HUB_SECONDS", 0.05)
    assert (await examine(tmp_path, hub=True, ask_hub=forever))["hub"].state == "fail"
