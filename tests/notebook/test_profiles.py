"""Profiles from Python, in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlx_manager_jupyter.notebook.profile_rows import field_columns, profile_columns, set_fields
from mlx_manager_jupyter.notebook.profiles import Profiles
from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel

CODER = Profile(name="coder", model="org/coder-4bit", temperature=0.2, aliases=("c",))
FAR = Profile(name="far", base_url="http://host/v1", description="<b>elsewhere</b>")


@pytest.fixture
def clean(jupyter: Jupyter) -> Iterator[None]:
    """No profile is left."""
    yield
    with jupyter.using() as client:
        for profile in client.profiles.list():
            client.profiles.delete(profile.name)


@pytest.mark.usefixtures("clean")
def test_a_profile_is_made_read_changed_and_listed(jupyter: Jupyter, kernel: Kernel) -> None:
    path = str(jupyter.model)
    kernel.ok(f"made = mlx.profile('coder', model={path!r}, temperature=0.2)")
    assert kernel.value("(made.name, made.temperature)") == "('coder', 0.2)"
    assert kernel.value("mlx.profile('coder') == made") == "True"
    kernel.ok("changed = mlx.profile('coder', temperature=None, top_k=3)")
    assert kernel.value("(changed.temperature, changed.top_k)") == "(None, 3)"
    kernel.ok("mlx.profile({'name': 'coder', 'top_k': 4})")
    kernel.ok(f"mlx.profile({{'name': 'second', 'model': {path!r}}}, seed=1)")
    kernel.ok("mlx.profile(changed, name='writer')")
    assert kernel.value("[p.name for p in mlx.profiles()]") == "['second', 'writer']"
    assert kernel.value("list(mlx.profiles().to_frame()['seed'])[0]") == "1.0"
    shown = kernel.ok("%mlx_profiles")
    assert "top_k=3" in shown.text
    assert "second" not in kernel.ok("%mlx_profiles writer").text


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("mlx.profile('ghost')", "UnknownProfile", "ghost"),
        ("mlx.profile('ghost', top_k=1)", "UnknownProfile", "ghost"),
        ("mlx.profile('x', model='m', topk=1)", "UnknownField", "top_k"),
        ("mlx.profile('x', model='m', top_p=7)", "InvalidValue", "top_p"),
        ("mlx.profile({'model': 'm'})", "BadRequest", "name"),
    ],
)
def test_mistakes_end_at_the_call(kernel: Kernel, code: str, kind: str, words: str) -> None:
    cell = kernel.run(code)
    assert cell.reply["ename"] == kind
    assert words in cell.error
    assert "transport.py" not in cell.error


def test_a_table_says_what_is_set_and_runs_no_markup() -> None:
    shown = Profiles([CODER, FAR])
    text = repr(shown)
    assert "temperature=0.2" in text
    assert "http://host/v1" in text
    html = shown._repr_html_()
    assert "<b>elsewhere</b>" not in html
    assert "&lt;b&gt;elsewhere" in html
    assert "mlx.profile(NAME" in repr(Profiles())


def test_a_record_shows_only_what_is_set() -> None:
    assert repr(Profile(name="a", model="m", top_k=1)) == "Profile(name='a', model='m', top_k=1)"
    assert set_fields(CODER) == {
        "name": "coder",
        "model": "org/coder-4bit",
        "temperature": 0.2,
        "aliases": ("c",),
    }
    names, values = field_columns(CODER)
    told = dict(zip(names.cells, values.cells, strict=True))
    assert told["aliases"] == '["c"]'
    assert profile_columns([CODER])[3].cells == ["temperature=0.2"]
