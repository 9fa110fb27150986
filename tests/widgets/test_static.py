"""The two halves of a widget agree, and a missing half is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlx_manager_jupyter.widgets import base
from mlx_manager_jupyter.widgets.base import Widget, built
from mlx_manager_jupyter.widgets.chat_stream import ChatStream
from mlx_manager_jupyter.widgets.commands import COMMANDS
from mlx_manager_jupyter.widgets.downloads_panel import DownloadsPanel
from mlx_manager_jupyter.widgets.metrics_panel import MetricsPanel
from mlx_manager_jupyter.widgets.models_panel import ModelsPanel
from mlx_manager_jupyter.widgets.profiles_panel import ProfilesPanel
from mlx_manager_jupyter.widgets.servers_panel import ServersPanel

SOURCES = Path(__file__).parents[2] / "js" / "src" / "widgets"


PANEL = ("model_store.ts", "PanelTraits")


@pytest.mark.parametrize(
    ("widget", "interfaces"),
    [
        (ChatStream, [("chat_stream.ts", "ChatTraits")]),
        (ServersPanel, [PANEL]),
        (ModelsPanel, [PANEL, ("models_panel.ts", "ModelsTraits")]),
        (DownloadsPanel, [PANEL]),
        (ProfilesPanel, [PANEL]),
        (MetricsPanel, [PANEL]),
    ],
)
def test_both_halves_name_the_same_traits(
    widget: type[Widget], interfaces: list[tuple[str, str]]
) -> None:
    in_js = {name for source, interface in interfaces for name in fields(source, interface)}
    synced = {name for name, trait in widget.class_traits().items() if trait.metadata.get("sync")}
    assert synced - set(Widget.class_traits()) - {"_css", "_esm"} == in_js


def fields(source: str, interface: str) -> list[str]:
    body = re.search(
        rf"interface {interface} [^{{]*{{(.*?)}}", (SOURCES / source).read_text(), re.DOTALL
    )
    assert body is not None
    return re.findall(r"^\s*(\w+):", body[1], re.MULTILINE)


def test_every_command_of_the_views_is_known_here() -> None:
    store = (SOURCES.parent / "core" / "store.ts").read_text()
    body = re.search(r"interface Commands {(.*?)\n}", store, re.DOTALL)
    assert body is not None
    asked = set(re.findall(r"^  (\w+):", body[1], re.MULTILINE))
    assert set(COMMANDS) == asked | {"ping"}


def test_javascript_that_was_never_built_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built("servers_panel.js").is_file()
    monkeypatch.setattr(base, "STATIC", tmp_path)
    with pytest.raises(ImportError, match="npm run build"):
        built("servers_panel.js")


def test_a_widget_takes_no_unknown_argument() -> None:
    with pytest.raises(TypeError, match="takes no argument colour"):
        Widget(colour="red")
