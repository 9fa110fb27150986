"""The two halves of a widget agree, and a missing half is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlx_manager_jupyter.widgets import base
from mlx_manager_jupyter.widgets.base import Widget, built
from mlx_manager_jupyter.widgets.chat_stream import ChatStream
from mlx_manager_jupyter.widgets.servers_panel import ServersPanel

SOURCES = Path(__file__).parents[2] / "js" / "src" / "widgets"


@pytest.mark.parametrize(
    ("widget", "source", "interface"),
    [
        (ChatStream, "chat_stream.ts", "ChatTraits"),
        (ServersPanel, "model_store.ts", "PanelTraits"),
    ],
)
def test_both_halves_name_the_same_traits(
    widget: type[Widget], source: str, interface: str
) -> None:
    body = re.search(
        rf"interface {interface} [^{{]*{{(.*?)}}", (SOURCES / source).read_text(), re.DOTALL
    )
    assert body is not None
    in_js = set(re.findall(r"^\s*(\w+):", body[1], re.MULTILINE))
    own = {name for name, trait in widget.class_own_traits().items() if trait.metadata.get("sync")}
    assert own == in_js


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
