"""The README's pictures: ``python -m tests.e2e.screenshots [DIR]``, by default docs/pictures.

All is real but for two servers and the Hub: the model that loads and the one that ran out of memory
are the tests' fake engine, since neither can be had on demand, and what is found and downloaded
comes from the tests' own Hub. The chats need the demo's model, which is built on first use (a
download of 93 MB from the package index).
"""

from __future__ import annotations

import base64
import itertools
import json
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from mlx_manager_jupyter.cli.demo import model, profile
from mlx_manager_jupyter.cli.terminal import Terminal
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.daemon_lock import home as default_home
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.client.gateway import ChatRequest
from tests.e2e.browser import DARK, LIGHT, jupyterlab, launch
from tests.e2e.lab import Lab
from tests.e2e.models import Models
from tests.e2e.notebooks import write
from tests.e2e.profiles import Form, Profiles
from tests.e2e.truth import until
from tests.fixtures.hub import FakeHub
from tests.fixtures.jupyter import FAKE_ENGINE
from tests.fixtures.models import make
from tests.services.data import chat_templates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
THEMES = {"light": LIGHT, "dark": DARK}
VIEWPORT: ViewportSize = {"width": 1320, "height": 940}
#: Pixels of the picture for one of the page.
SCALE = 1.5
SIDEBAR = 300
WIDTHS = (240, 600)
#: Most of the minute that the sparkline shows.
TRAFFIC_MS = 45_000

QUESTION = """\
%%mlx_chat assistant --system "You are a terse Python teacher."
Name three good habits for naming variables."""
CELLS = (
    "%load_ext mlx_manager_jupyter\n%mlx_serve smollm2 --name assistant",
    "%%mlx_chat assistant -o answer\nWhat is the capital of France?",
    QUESTION,
    "import mlx_manager_jupyter as mlx\n\nprint(answer.upper(), answer.usage, sep='\\n')",
    "mlx.servers()",
)
#: Billions of parameters, bits, and gigabytes of these builds; and how wide the originals are.
ON_THE_HUB = {
    "Qwen3-8B-4bit": (8, 4, 4.6),
    "Qwen3-8B-4bit-DWQ": (8, 4, 4.6),
    "Qwen3-14B-8bit": (14, 8, 15.7),
    "Qwen3-14B-bf16": (14, 16, 29.5),
}
#: One that is here, too: a small stand-in with the template of the original.
SMALL = "mlx-community/Qwen3-0.6B-4bit"
QWEN3 = {
    8: {"num_hidden_layers": 36, "hidden_size": 4096, "intermediate_size": 12288}
    | {"num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936},
    14: {"num_hidden_layers": 40, "hidden_size": 5120, "intermediate_size": 17408}
    | {"num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936},
}
#: Bytes per second.
DOWNLOAD_RATE = 40_000_000
#: Rows that are the fake engine, and how it shall behave.
UNREAL: dict[str, dict[str, object]] = {
    "coder": {"load_seconds": 3600},
    "draft": {
        "die_at_load": "[metal::malloc] Attempting to allocate 19327352832 bytes which is greater "
        "than the maximum allowed buffer size of 14319329280 bytes."
    },
}


def main(folder: Path) -> None:
    """Write all pictures into ``folder``."""
    weights = model.ensure(default_home(), Terminal())
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        stocked_hub() as hub,
        jupyterlab(Path(home), engine=either_engine(Path(home)), env=told(hub, home)) as jupyter,
        sync_playwright() as playwright,
    ):
        client = Client(lambda: read(jupyter.connection_file))
        profile.ensure(client, weights)
        browser = launch(playwright)
        page = browser.new_page(viewport=VIEWPORT, device_scale_factor=SCALE)
        lab = Lab(page, jupyter)
        set_the_scene(lab, weights)
        widen(lab, SIDEBAR)
        fetch_small(lab)
        look_for_models(lab)
        with traffic(client):
            page.wait_for_timeout(TRAFFIC_MS)
            for name, theme in THEMES.items():
                wear(lab, theme)
                page.screenshot(path=folder / f"lab-{name}.png")
            for width in WIDTHS:
                panels_of(lab, browser, width, folder / f"panel-{width}.png")
            widen(lab, SIDEBAR)
            form_of(lab, folder)
        browser.close()
    for path in sorted(folder.glob("*.png")):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


@contextmanager
def stocked_hub() -> Iterator[FakeHub]:
    """A Hub with these models, whose weights are made as they are sent, and a small real one."""
    with tempfile.TemporaryDirectory() as folder, FakeHub(repos={SMALL: small(folder)}) as hub:
        for number, (name, (billions, bits, gigabytes)) in enumerate(ON_THE_HUB.items()):
            config = {**QWEN3[billions], "model_type": "qwen3", "max_position_embeddings": 40960}
            if bits < 16:
                config["quantization"] = {"bits": bits, "group_size": 64}
            weights = {"size": int(gigabytes * 1e9), "seed": number}
            files = {
                "config.json": json.dumps(config),
                "chat_template.jinja": chat_templates.QWEN3,
                "model.safetensors": weights,
            }
            hub.add(f"mlx-community/{name}", files=files, info={"downloads": 9000 - number})
        hub.fault("slow", "model.safetensors", origin="cdn", bytes_per_second=DOWNLOAD_RATE // 4)
        yield hub


def small(folder: str) -> Path:
    """A model that says it is a Qwen3."""
    made = make("think", Path(folder) / "small")
    (made / "chat_template.jinja").write_text(chat_templates.QWEN3, "utf-8")
    return made


def fetch_small(lab: Lab) -> None:
    """Have the small model on this machine."""
    lab.jupyter.api("downloads", "POST", {"model": SMALL})
    until(lambda: lab.jupyter.api("downloads")[0]["state"] == "done")


def told(hub: FakeHub, home: str) -> dict[str, str]:
    """What makes a Jupyter ask this Hub."""
    env = hub.environment(Path(home) / "hf")
    return {name: value for name, value in env.items() if name.startswith("HF_")}


def look_for_models(lab: Lab) -> None:
    """What the Hub has, one of it on its way."""
    models = Models(lab.open_panel().root)
    models.look_at("Hugging Face")
    models.type("qwen3")
    models.expect_text("mlx-community/Qwen3-14B-bf16", "needs")
    models.press("mlx-community/Qwen3-8B-4bit-DWQ", "Download")
    models.expect_text("mlx-community/Qwen3-8B-4bit-DWQ", "MB/s")


def either_engine(folder: Path) -> Path:
    """A program that is the fake engine where a server's environment asks for faults."""
    real = Path(sys.executable).with_name("mlx_lm.server")
    path = folder / "either_engine"
    path.write_text(
        f'#!/bin/sh\n[ -n "$FAKE_ENGINE" ] && exec {sys.executable} {FAKE_ENGINE} "$@"\n'
        f'exec {real} "$@"\n',
        "utf-8",
    )
    path.chmod(0o755)
    return path


def set_the_scene(lab: Lab, weights: Path) -> None:
    """A notebook that has run, and a panel with a server in every mood."""
    lab.open(write(lab.jupyter.folder / "notebooks" / "Questions.ipynb", *CELLS).name)
    panel = lab.open_panel()
    for source in CELLS[:-1]:
        lab.run(lab.cell(source.splitlines()[0]))
    for name, faults in UNREAL.items():
        env = {"FAKE_ENGINE": json.dumps(faults)}
        body = {"model": str(weights), "name": name, "set": {"env": env}}
        lab.jupyter.api("servers", "POST", body)
    panel.expect("coder", "loading")
    panel.expect("draft", "failed")
    lab.run(lab.cell(CELLS[-1]))
    lab.save()
    lab.page.locator(".jp-Notebook").evaluate("notebook => notebook.scrollTo(0, 0)")


@contextmanager
def traffic(client: Client) -> Iterator[None]:
    """Keep the assistant talking, with a pause for breath."""
    ended = threading.Event()

    def talk() -> None:
        question = {"role": "user", "content": "Tell me about the sea."}
        for length in itertools.cycle((90, 40, 60)):
            request = ChatRequest(model="assistant", messages=(question,), max_tokens=length)
            with client.chat(request) as answer:
                for _ in answer:
                    if ended.is_set():
                        return
            if ended.wait(1.0):
                return

    talker = threading.Thread(target=talk)
    talker.start()
    try:
        yield
    finally:
        ended.set()
        talker.join()


def wear(lab: Lab, theme: str) -> None:
    """Change the theme, and wait until it is drawn."""
    lab.execute("apputils:change-theme", theme=theme)
    expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
    lab.page.wait_for_timeout(500)


def widen(lab: Lab, width: int) -> None:
    """Drag the sidebar's edge until the panel has this width."""
    panel = lab.open_panel().root
    box = panel.bounding_box()
    handle = lab.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle").first.bounding_box()
    assert box
    assert handle
    lab.page.mouse.move(handle["x"] + handle["width"] / 2, 600)
    lab.page.mouse.down()
    lab.page.mouse.move(handle["x"] + handle["width"] / 2 + width - box["width"], 600)
    lab.page.mouse.up()


def panels_of(lab: Lab, browser: Browser, width: int, path: Path) -> None:
    """One picture of the panel, light and dark side by side."""
    widen(lab, width)
    images = []
    for theme in THEMES.values():
        wear(lab, theme)
        panel = lab.open_panel().root
        box, content = panel.bounding_box(), panel.locator(".mlxm-panel").bounding_box()
        assert box
        assert content
        clip = {**box, "height": min(box["height"], content["height"])}
        data = base64.b64encode(lab.page.screenshot(clip=clip)).decode()  # type: ignore[arg-type]
        images.append(f'<img width="{box["width"]}" src="data:image/png;base64,{data}">')
    page = browser.new_page(device_scale_factor=SCALE)
    page.set_content(f'<div style="display:flex;width:max-content">{"".join(images)}</div>')
    page.locator("div").screenshot(path=path)
    page.close()


def form_of(lab: Lab, folder: Path) -> None:
    """The form of a new profile, with what its model suggests; what is typed is not saved."""
    Profiles(lab.open_panel().root).root.get_by_role("button", name="New profile").click()
    form = Form(lab.page.locator("#jp-main-dock-panel"))
    form.type("name", "summarise")
    form.type("model", SMALL)
    expect(form.root.get_by_role("group", name="Begin with")).to_be_visible()
    form.type("description", "Short and to the point")
    form.fold("Sampling")
    form.unfold("Context and memory")
    expect(form.field("context_length").locator(".mlxm-suggestion")).to_be_visible()
    form.unfold("Lifecycle")
    form.control("auto_start").check()
    form.control("name").focus()
    for name, theme in THEMES.items():
        wear(lab, theme)
        lab.page.screenshot(path=folder / f"form-{name}.png")
    form.press("Discard the changes")
    form.press("Discard")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
