"""Models and downloads in a real kernel: found on a loopback Hub, fetched, shown, served."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.client.discovery import VARIABLE
from mlx_manager_jupyter.schema import ModelQuery
from tests.notebook.conftest import QWEN, TINY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.client.live import Jupyter
    from tests.fixtures.hub import FakeHub
    from tests.notebook.kernel import Kernel

#: The tiny model then takes half a minute.
SLOWLY = {"bytes_per_second": 20_000}


@pytest.fixture(autouse=True)
def clean(jupyter: Jupyter, hub: FakeHub) -> Iterator[None]:
    yield
    hub.clear()
    jupyter.stop_all()
    jupyter.remove_all()


@pytest.fixture
def slow(hub: FakeHub) -> int:
    return hub.fault("slow", "model.safetensors", **SLOWLY)


def interrupting(kernel: Kernel, when: Callable[[dict[str, Any]], object]) -> Any:
    """Interrupt the cell once, at the first message of which that is true."""
    done: list[object] = []

    def look(message: dict[str, Any]) -> None:
        if not done and message["msg_type"] == "update_display_data" and when(message):
            done.append(message)
            kernel.manager.interrupt_kernel()

    return look


def says(words: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: words in message["content"]["data"]["text/plain"]


def test_search_is_a_table_a_list_and_a_frame(kernel: Kernel) -> None:
    shown = kernel.ok("%mlx_search qwen3 8b --bits 4").outputs[-1].data
    header, best, *_ = shown["text/plain"].splitlines()
    assert header.split()[:2] == ["model", "bits"]
    assert best.split()[:2] == [QWEN, "4"]
    assert "<table>" in shown["text/html"]
    assert ">Qwen3-8B-4bit</th>" in shown["text/html"]
    assert "<script" not in shown["text/html"]
    kernel.ok("found = mlx.search('qwen3', bits=(4, 8), sort='downloads', limit=2)")
    assert kernel.value("[model.id for model in found]") == str(
        [QWEN, "mlx-community/Qwen3-8B-8bit"]
    )
    assert kernel.value("found.total") == "3"
    assert "2 of 3 models" in kernel.value("found")
    frame = kernel.value("found.to_frame()[['id', 'bits', 'downloads']].to_dict('list')")
    assert frame == str(
        {
            "id": [QWEN, "mlx-community/Qwen3-8B-8bit"],
            "bits": [4, 8],
            "downloads": [900, 300],
        }
    )
    rest = kernel.value("[m.id for m in mlx.search('qwen3', sort='downloads', offset=2)]")
    assert rest == "['mlx-community/Qwen3-8B-4bit-DWQ']"
    assert kernel.value("mlx.search('gemma', vision=True, author='nobody')") == (
        "No model of the Hub is like that."
    )


def test_sizes_and_fit_are_there_at_once(kernel: Kernel) -> None:
    found = kernel.ok("%mlx_search tiny chat").outputs[-1].data
    assert " MB" in found["text/plain"]
    assert "fits" in found["text/plain"]
    assert "to spare" in found["text/html"]


def test_loose_words_resolve_to_an_id_or_to_candidates(kernel: Kernel) -> None:
    kernel.ok("name = mlx.resolve('qwen3 8b 4bit')")
    assert kernel.value("(name, name.local, type(name).__mro__[1])") == (
        f"('{QWEN}', False, <class 'str'>)"
    )
    cell = kernel.run("%mlx_pull qwen3 8b")
    assert cell.reply["ename"] == "AmbiguousModel"
    lines = cell.error.splitlines()
    assert f"  {QWEN}" in lines
    assert "  mlx-community/Qwen3-8B-8bit" in lines
    assert len(lines) == 5
    assert kernel.value("mlx.downloads()").startswith("Nothing is being downloaded")
    cell = kernel.run("mlx.resolve('no such thing')")
    assert cell.reply["ename"] == "UnknownModel"


def test_pull_shows_progress_and_the_model_is_here(
    jupyter: Jupyter, kernel: Kernel, hub: FakeHub
) -> None:
    hub.fault("slow", "model.safetensors", bytes_per_second=500_000)
    assert kernel.value("mlx.models()") == "No model is here yet. Get one with %mlx_pull MODEL."
    began, drawn = time.monotonic(), []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data"):
            drawn.append((time.monotonic() - began, message["content"]["data"]["text/plain"]))

    cell = kernel.run("%mlx_pull tiny chat 4bit", note)
    assert cell.status == "ok", cell.outputs
    (output,) = cell.outputs
    assert "downloaded" in output.data["text/plain"]
    assert drawn[0][0] < 1
    assert any("█" in text and "MB" in text for _, text in drawn)
    listed = kernel.ok("%mlx_models").outputs[0].data["text/plain"]
    assert listed.splitlines()[1].startswith(TINY)
    assert "✓" in listed
    assert kernel.value("mlx.resolve('tiny chat', source='local').local") == "True"
    kernel.ok("again = mlx.pull('tiny chat')")
    assert kernel.value("(again.state, again.model)") == str(("done", TINY))
    table = kernel.ok("mlx.downloads()").outputs[0].data
    assert "done" in table["text/plain"]
    assert "<table>" in table["text/html"]
    assert kernel.value("list(mlx.downloads().to_frame()['state'])") == "['done']"
    kernel.ok("%mlx_serve tiny chat --no-wait")
    with jupyter.using() as client:
        assert client.servers.list()[0].model == TINY
    assert "●" in kernel.ok("mlx.models()").outputs[0].data["text/plain"]


@pytest.mark.usefixtures("slow")
def test_an_interrupt_pauses_and_the_same_line_goes_on(
    jupyter: Jupyter, kernel: Kernel, hub: FakeHub
) -> None:
    cell = kernel.run(f"%mlx_pull {TINY}", interrupting(kernel, says("of 1 MB")))
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "Traceback" not in cell.error
    said = cell.outputs[0].data["text/plain"]
    assert "paused" in said
    assert f"go on with: %mlx_pull {TINY}" in said
    with jupyter.using() as client:
        (download,) = client.downloads.list()
        assert download.state == "paused"
        assert download.bytes_done > 0
    hub.clear()
    hub.reset()
    assert "downloaded" in kernel.ok(f"%mlx_pull {TINY}").text
    assert hub.sent("model.safetensors") < (download.bytes_total or 0)


@pytest.mark.usefixtures("slow")
def test_what_somebody_else_asked_for_goes_on(jupyter: Jupyter, kernel: Kernel) -> None:
    kernel.ok(f"%mlx_pull {TINY} --no-wait")
    cell = kernel.run(f"mlx.pull('{TINY}')", interrupting(kernel, says("of 1 MB")))
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "goes on" in cell.outputs[0].data["text/plain"]
    with jupyter.using() as client:
        assert client.downloads.list()[0].state == "running"


def test_options_reach_the_worker(jupyter: Jupyter, kernel: Kernel) -> None:
    kernel.ok(f"%mlx_pull {TINY} --include config.json --include 'tok*' --exclude '*.txt'")
    with jupyter.using() as client:
        (download,) = client.downloads.list()
        assert download.state == "done"
        assert (download.bytes_total or 0) < 100_000
        (model,) = client.models.search(ModelQuery()).models
        assert not model.complete
    assert "partial" in kernel.value("mlx.models()")


def test_a_failure_is_short_and_says_what_to_do(kernel: Kernel, hub: FakeHub) -> None:
    hub.add("org/gated", files={"config.json": "{}"}, gated="auto")
    cell = kernel.run("%mlx_pull org/gated")
    assert cell.status == "error"
    assert "Traceback" not in cell.error
    assert "org/gated" in cell.error
    cell = kernel.run("%mlx_pull org/none")
    assert cell.status == "error"
    assert "org/none" in cell.error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%mlx_search qwen --bits four", "invalid int value"),
        ("%mlx_search qwen --sort beauty", "invalid choice"),
        ("%mlx_search qwen --limit 0", "limit"),
        ("%mlx_pull", "required: MODEL"),
        ("%mlx_models extra", "unrecognized arguments"),
    ],
)
def test_a_users_mistake_is_one_line(kernel: Kernel, code: str, words: str) -> None:
    cell = kernel.run(code)
    assert cell.reply["ename"] == "UsageError"
    assert words in cell.text


def test_outside_a_notebook_progress_is_a_line_on_stderr(jupyter: Jupyter) -> None:
    code = f"import mlx_manager_jupyter as mlx\nprint(mlx.pull('{TINY}').state)"
    script = [sys.executable, "-c", code]
    env = os.environ | {VARIABLE: str(jupyter.connection)}
    done = subprocess.run(script, env=env, capture_output=True, text=True)
    assert done.stdout == "done\n"
    first, *_, last = done.stderr.splitlines()
    assert first.startswith("Tiny-Chat-4bit")
    assert "downloaded · 1 MB" in last
    quiet = [*script[:2], code.replace(").state", ", show=False).state")]
    done = subprocess.run(quiet, env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "")
