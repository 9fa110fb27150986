"""Make a profile in its form, run it, break its model, read what to do, repair it, run it again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import DARK, LIGHT
from tests.e2e.lab import output
from tests.e2e.profiles import Form, Profiles
from tests.e2e.truth import is_gone, until
from tests.fixtures.models import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.lab import Lab
    from tests.fixtures.jupyter import Jupyter

pytestmark = [pytest.mark.e2e, pytest.mark.engine]

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
#: What axe finds in our own views: JupyterLab around them is not ours.
FINDINGS = """async () => {
    const views = [...document.querySelectorAll('.mlxm-root')].filter((view) => view.offsetParent);
    if (views.length < 3) throw new Error(`only ${views.length} views of ours`);
    const { violations } = await axe.run(views, { resultTypes: ['violations'] });
    return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}"""


@pytest.fixture(autouse=True)
def forget(jupyter: Jupyter) -> Iterator[None]:
    """Leave the profiles that were there, and no other."""
    before = {profile["name"] for profile in jupyter.api("profiles")}
    yield
    for profile in jupyter.api("profiles"):
        if profile["name"] not in before:
            jupyter.api(f"profiles/{profile['name']}", "DELETE")


def saved(jupyter: Jupyter, name: str) -> dict[str, Any]:
    """The profile as it is kept."""
    profile: dict[str, Any] = jupyter.api(f"profiles/{name}")
    return profile


def test_a_profile_is_made_run_broken_understood_and_repaired(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    model = make("chat", tmp_path / "my-model")
    weights = model / "model.safetensors"
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    profiles = Profiles(panel.root)

    # Make it: what is wrong is said while it is typed, and nothing is saved of it.
    profiles.root.get_by_role("button", name="New profile").click()
    form = Form(lab.page.locator("#jp-main-dock-panel"))
    expect(form.control("name")).to_be_focused()
    form.type("name", "my coder")
    expect(form.field("name")).to_contain_text("no space")
    form.type("name", "mine")
    form.type("model", str(model))
    form.type("temperature", "7")
    expect(form.field("temperature")).to_contain_text("From 0 to 2.")
    expect(form.status).to_have_text("Temperature: From 0 to 2.")
    form.type("temperature", "0")
    form.unfold("Lifecycle")
    form.control("pinned").check()
    expect(form.root).to_contain_text("runs on mlx-lm")
    lab.page.screenshot(path=tmp_path / "form.png")
    form.control("name").press("Enter")
    expect(form.status).to_have_text("Saved.")
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-current")).to_contain_text("mine")
    kept = saved(jupyter, "mine")
    assert (kept["model"], kept["temperature"], kept["pinned"]) == (str(model), 0, True)

    # Run it.
    form.press("Start mine")
    server = panel.expect("mine", "ready")
    expect(server).to_contain_text("pinned")
    expect(profiles.row("mine")).to_contain_text("ready")
    pid = jupyter.until("mine", "ready")["pid"]

    # Break it: the weights go, and a restart finds that out.
    content = weights.read_bytes()
    weights.unlink()
    panel.press("mine", "Restart")
    failed = panel.expect("mine", "failed")
    expect(failed).to_contain_text("my-model lacks *.safetensors")
    expect(failed).to_contain_text("Download, copy or convert the model again.")
    expect(profiles.row("mine")).to_contain_text("failed")
    lab.page.screenshot(path=tmp_path / "broken.png")
    until(lambda: is_gone(pid))
    lab.complaints.clear()  # the browser tells of the refusal, too

    # Repair it, and run it again.
    weights.write_bytes(content)
    panel.press("mine", "Try to start mine again")
    panel.expect("mine", "ready")
    profiles.press("mine", "Stop")
    panel.expect_gone("mine")


def test_editing_what_runs_says_so_and_restarts_it(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    model = make("chat", tmp_path / "model")
    jupyter.api("profiles", "POST", {"name": "edited", "model": str(model)})
    jupyter.api("servers", "POST", {"profile": "edited"})
    before = jupyter.until("edited", "ready")["pid"]
    lab.open(notebook("1").name)
    panel = lab.open_panel()
    Profiles(panel.root).more("edited", "Edit")
    form = Form(lab.page.locator("#jp-main-dock-panel"))
    form.type("max_tokens", "9")
    expect(form.status).to_contain_text("edited runs from it, and goes on as it is")
    form.press("Save")
    expect(form.status).to_contain_text("edited runs from it as it was: restart to apply.")
    expect(panel.row("edited")).to_contain_text("profile was changed")
    assert saved(jupyter, "edited")["max_tokens"] == 9
    form.press("Restart edited")
    until(lambda: is_gone(before))
    panel.expect("edited", "ready")
    expect(panel.row("edited")).not_to_contain_text("profile was changed")

    # Leaving with something typed is asked about, by the tab's own cross too.
    form.type("max_tokens", "10")
    lab.page.locator(".lm-TabBar-tab.jp-mod-current .lm-TabBar-tabCloseIcon").click()
    lab.page.get_by_role("button", name="Keep editing").click()
    expect(form.control("max_tokens")).to_have_value("10")
    form.control("max_tokens").press("Escape")
    form.press("Discard")
    expect(form.root).to_have_count(0)
    assert saved(jupyter, "edited")["max_tokens"] == 9


def test_profiles_are_copied_renamed_exported_imported_and_deleted(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    jupyter.api("profiles", "POST", {"name": "one", "model": "org/model", "top_k": 7})
    lab.open(notebook("1").name)
    profiles = Profiles(lab.open_panel().root)

    profiles.more("one", "Duplicate")
    lab.page.keyboard.press("Enter")
    expect(profiles.row("one-2")).to_be_visible()

    profiles.more("one-2", "Rename")
    lab.page.keyboard.type("two")
    lab.page.keyboard.press("Enter")
    expect(profiles.row("two")).to_be_visible()
    expect(profiles.row("one-2")).to_have_count(0)
    assert saved(jupyter, "two")["top_k"] == 7

    profiles.press("two", "More about")
    with lab.page.expect_download() as download:
        profiles.press("two", "Export")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "two.json"
    assert "api_key" not in json.loads(file.read_text("utf-8"))

    profiles.press("two", "Delete")
    expect(profiles.row("two")).to_contain_text("Nothing runs from it.")
    expect(profiles.row("two").get_by_role("button", name="Keep")).to_be_focused()
    profiles.press("two", "Delete$")
    expect(profiles.row("two")).to_have_count(0)

    with lab.page.expect_file_chooser() as chooser:
        profiles.root.get_by_role("button", name="Import profiles").click()
    chooser.value.set_files(file)
    expect(profiles.root).to_contain_text("Imported: two.")
    expect(profiles.row("two")).to_be_visible()
    assert saved(jupyter, "two")["top_k"] == 7


def test_the_form_in_a_cell_by_keyboard_alone(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path]
) -> None:
    lab.open(notebook("import mlx_manager_jupyter as mlx\nmlx.ProfilesPanel()").name)
    cell = lab.cell("ProfilesPanel")
    lab.run(cell)
    widget = output(cell)
    widget.get_by_role("button", name="New profile").focus()
    lab.page.keyboard.press("Enter")
    form = Form(widget)
    expect(form.control("name")).to_be_focused()
    lab.page.keyboard.type("typed")
    lab.page.keyboard.press("Tab")
    lab.page.keyboard.press("Tab")  # past the button that resets the name
    expect(form.control("model")).to_be_focused()
    lab.page.keyboard.type("org/model")
    lab.page.keyboard.press("Enter")
    expect(form.status).to_have_text(re.compile("^Saved.|model"))
    until(lambda: "typed" in {profile["name"] for profile in jupyter.api("profiles")})
    lab.page.keyboard.press("Escape")
    expect(Profiles(widget).row("typed")).to_be_visible()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_axe_has_nothing_serious_to_say(
    lab: Lab, jupyter: Jupyter, notebook: Callable[..., Path], theme: str
) -> None:
    body = {"name": "seen", "model": "org/model", "auto_start": True, "queue_size": 4}
    jupyter.api("profiles", "POST", body)
    jupyter.api("servers", "POST", {"profile": "broken"})
    lab.open(notebook("1").name)
    lab.execute("apputils:change-theme", theme=theme)
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    panel = lab.open_panel()
    panel.expect("broken", "failed")
    profiles = Profiles(panel.root)
    profiles.more("seen", "Edit")
    form = Form(lab.page.locator("#jp-main-dock-panel"))
    form.type("temperature", "7")
    for section in ("Lifecycle", "Network", "Engine and environment"):
        form.unfold(section)
    form.type("host", "0.0.0.0")
    expect(form.control("host_confirmed")).to_be_visible()
    profiles.more("seen", "Rename")
    lab.page.add_script_tag(path=AXE)
    assert lab.page.evaluate(FINDINGS) == []
