"""The panel of profiles: every command of its view, against a real extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.models import make
from tests.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_manager_jupyter.client.client import Client
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


@pytest.fixture
def panel(kernel: Kernel, jupyter: Jupyter) -> Iterator[Panel]:
    with jupyter.using() as client:
        before = names(client)
        yield Panel(kernel, "mlx.ProfilesPanel()", "profiles")
        kernel.ok("panel.close()")
        jupyter.stop_all()
        for name in names(client) - before:
            client.profiles.delete(name)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make("chat", tmp_path_factory.mktemp("models") / "tiny"))


def names(client: Client) -> set[str]:
    return {profile.name for profile in client.profiles.list()}


def shown(state: dict[str, Any]) -> dict[str, Any]:
    return {profile["name"]: profile for profile in state.get("profiles", ())}


def test_a_profile_is_checked_made_edited_renamed_and_goes(panel: Panel, model: str) -> None:
    values = {"name": "mine", "model": model, "temperature": 0.5}
    check = panel.result("check_profile", values=values)
    assert check["problems"] == []
    assert "temperature" in check["honoured"]
    wrong = panel.result("check_profile", values={**values, "temperature": 9})
    assert [problem["field"] for problem in wrong["problems"]] == ["temperature"]

    assert panel.result("create_profile", values=values)["temperature"] == 0.5
    panel.until(lambda state: shown(state).get("mine"))
    changed = {"temperature": None, "pinned": True}
    edited = panel.result("edit_profile", name="mine", values=changed)
    assert (edited["temperature"], edited["pinned"]) == (None, True)
    panel.until(lambda state: shown(state)["mine"]["pinned"])

    assert panel.result("copy_profile", name="mine", to="other")["pinned"]
    assert panel.result("edit_profile", name="other", values={"name": "new"})["name"] == "new"
    panel.until(lambda state: "new" in shown(state) and "other" not in shown(state))
    assert panel.ask("delete_profile", name="new")["ok"]
    panel.until(lambda state: "new" not in shown(state))


def test_what_is_exported_can_be_imported(panel: Panel, model: str) -> None:
    values = {"name": "traveller", "model": model, "top_k": 7}
    panel.result("create_profile", values=values)
    document = panel.result("export_profiles", name="traveller")
    panel.ask("delete_profile", name="traveller")
    (imported,) = panel.result("import_profiles", document=document)
    assert (imported["name"], imported["did"]) == ("traveller", "created")
    panel.until(lambda state: shown(state).get("traveller", {}).get("top_k") == 7)
    assert panel.result("export_profiles")


def test_a_profile_is_served_with_what_the_view_says(panel: Panel, model: str) -> None:
    panel.result("create_profile", values={"name": "served", "model": model})
    server = panel.result("serve", profile="served", force=True, set={"top_k": 3})
    assert (server["name"], server["profile"]) == ("served", "served")


def test_there_are_starting_points(panel: Panel) -> None:
    points = panel.result("starting_points", model="mlx-community/Qwen3-8B-4bit")
    assert all(point["values"] and point["reason"] for point in points)


@pytest.mark.parametrize(
    ("command", "parameters", "code"),
    [
        ("create_profile", {"values": {"name": "x", "colour": "red"}}, "unknown_field"),
        ("create_profile", {"values": "all"}, "invalid_value"),
        ("edit_profile", {"name": "ghost", "values": {}}, "unknown_profile"),
        ("edit_profile", {"values": {}}, "bad_request"),
        ("copy_profile", {"name": "ghost", "to": "x"}, "unknown_profile"),
        ("delete_profile", {"name": "ghost"}, "unknown_profile"),
        ("import_profiles", {"document": 7}, "invalid_value"),
        ("serve", {"profile": 7}, "invalid_value"),
        ("serve", {"profile": "ghost"}, "unknown_profile"),
    ],
)
def test_what_can_not_be_done_is_said(
    panel: Panel, command: str, parameters: dict[str, Any], code: str
) -> None:
    answer = panel.ask(command, **parameters)
    assert answer["ok"] is False
    assert answer["problem"]["code"] == code
