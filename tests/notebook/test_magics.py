"""Magics in a real kernel, against a real Jupyter server, with the fake engine."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.errors import UnknownServer
from tests.client.live import until

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def options(jupyter: Jupyter, **faults: object) -> str:
    """``--set env=…`` for `%mlx_serve`."""
    return f"--set 'env={json.dumps(jupyter.env(**faults))}'"


def test_serve_shows_progress_then_the_ready_server(jupyter: Jupyter, kernel: Kernel) -> None:
    line = f"%mlx_serve {jupyter.model} --name assistant {options(jupyter, load_seconds=1)}"
    began = time.monotonic()
    drawn: list[float] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data"):
            drawn.append(time.monotonic() - began)

    cell = kernel.run(line, note)
    assert cell.status == "ok", cell.outputs
    (output,) = cell.outputs
    said = output.data["text/plain"]
    assert re.match(r"● assistant ready in \d+(\.\d)? s   ", said)
    assert "tiny-chat · 1 MB · http://127.0.0.1:" in said
    html = output.data["text/html"]
    assert "var(--jp-success-color1,#2e7d32)" in html
    assert "<script" not in html
    assert drawn[0] < 1
    assert 4 <= len(drawn) <= 4 * drawn[-1] + 2
    said_ready = time.time() - (time.monotonic() - began - drawn[-1])
    delay = said_ready - jupyter.noted("loaded")[-1]["time"]
    print(f"engine loaded -> the cell says ready: {delay * 1000:.0f} ms")
    again = kernel.ok(line)
    assert "it was running already" in again.text


def test_no_wait_status_logs_and_stop(jupyter: Jupyter, kernel: Kernel) -> None:
    assert "No server runs" in kernel.ok("%mlx_status").text
    kernel.ok(f"%mlx_serve {jupyter.model} --name=one --no-wait {options(jupyter, load_seconds=9)}")
    with jupyter.using() as client:
        assert client.servers.get("one").state in ("starting", "loading")
    status = kernel.ok("%mlx_status").outputs[0].data
    assert status["text/plain"].splitlines()[1].startswith("one")
    assert '<th scope="row"' in status["text/html"]
    assert "mlx-lm" in kernel.ok("%mlx_status one").text
    until(lambda: "Starting httpd" in kernel.ok("%mlx_logs one -n 5").text)
    assert "one " in kernel.ok("%mlx_restart one --no-wait").text
    assert kernel.ok("%mlx_stop one").text.strip() == "one stopped."
    with jupyter.using() as client, pytest.raises(UnknownServer):
        client.servers.get("one")
    kernel.ok(f"%mlx_serve {jupyter.model} --name two {options(jupyter)}")
    assert kernel.ok("%mlx_stop --all").text.strip() == "two stopped."
    assert "No server runs" in kernel.ok("%mlx_status").text


def test_set_reads_json_and_takes_the_rest_as_text(jupyter: Jupyter, kernel: Kernel) -> None:
    kernel.ok(
        f"%mlx_serve '{jupyter.model}' --name one {options(jupyter)} "
        "--set max_tokens=7 --set 'description=seven of them' --set aliases='[\"uno\"]'"
    )
    with jupyter.using() as client:
        assert client.servers.get("one").aliases == ("uno",)
    (started,) = jupyter.noted("started")
    assert started["argv"][started["argv"].index("--max-tokens") + 1] == "7"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%mlx_serve", "required: MODEL|PROFILE"),
        ("%mlx_serve x --port many", "invalid int value"),
        ("%mlx_serve x --set temperature", "field=value"),
        ("%mlx_serve x --set wait=false", "'wait'"),
        ("%mlx_serve x --ttl soon", "write it as 20m, 90s"),
        ("%mlx_serve x --ttl 0", "more than nothing"),
        ("%mlx_serve x --engine llama", "invalid choice: 'llama'"),
        ("%mlx_serve x --context-length none", "no whole number"),
        ("%mlx_restart", "required: NAME"),
        ("%mlx_logs x -n -1", "less than 0"),
        ("%mlx_env now", "unrecognized arguments: now"),
        ("%mlx_serve x --set tempersture=1", "temperature"),
        ("%mlx_serve 'x", "No closing quotation"),
        ("%mlx_stop", "or --all"),
        ("%mlx_stop a --all", "or --all"),
        ("%%mlx_chat a -m b\nhi", "asks one"),
        ("%%mlx_chat a -o 1a\nhi", "no name for a variable"),
        ("%%mlx_chat a\n \n", "prompt is empty"),
        ("%%mlx_chat a -t hot\nhi", "invalid float value"),
    ],
)
def test_a_users_mistake_is_one_line_and_an_error(kernel: Kernel, code: str, words: str) -> None:
    cell = kernel.run(code)
    assert cell.status == "error"
    assert cell.reply["ename"] == "UsageError"
    (output,) = cell.outputs
    assert output.kind == "stderr"
    assert words in cell.text


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("%mlx_serve org/none", "UnknownModel", "org/none"),
        ("%mlx_stop nobody", "UnknownServer", "nobody"),
        ("%mlx_restart nobody", "UnknownServer", "nobody"),
        ("%mlx_status nobody", "UnknownServer", "nobody"),
        ("%mlx_logs nobody", "UnknownServer", "nobody"),
        ("%%mlx_chat nobody\nhi", "NotFound", "nobody"),
        ("%%mlx_chat\nhi", "NotReady", "%mlx_serve MODEL"),
    ],
)
def test_other_errors_are_short(kernel: Kernel, code: str, kind: str, words: str) -> None:
    cell = kernel.run(code)
    assert cell.status == "error"
    assert cell.reply["ename"].startswith(kind.replace("NotFound", ""))
    assert words in cell.error
    assert "Traceback" not in cell.error
    assert len(cell.error.splitlines()) <= 3


def test_a_failed_start_shows_hint_and_log(jupyter: Jupyter, kernel: Kernel) -> None:
    faults = options(jupyter, die_at_load="weights of another model")
    cell = kernel.run(f"%mlx_serve {jupyter.model} --name bad {faults}")
    assert cell.status == "error"
    assert "bad failed" in cell.outputs[0].data["text/plain"]
    assert "The log ends with:" in cell.error
    assert "weights of another model" in cell.error
    assert "mlx_manager_jupyter/" not in cell.error
    assert "failed" not in kernel.ok("%mlx_status").text.splitlines()[0]
    assert "bad" in kernel.ok("%mlx_status").text


def test_in_python_the_traceback_ends_at_the_call(kernel: Kernel) -> None:
    cell = kernel.run("mlx.serve('org/none')")
    assert cell.reply["ename"] == "UnknownModel"
    assert "mlx.serve(" in cell.error
    assert "transport.py" not in cell.error


def test_an_interrupted_wait_stops_what_it_started(jupyter: Jupyter, kernel: Kernel) -> None:
    line = f"%mlx_serve {jupyter.model} --name slow {options(jupyter, load_seconds=60)}"

    def interrupt(message: dict[str, object]) -> None:
        if message["msg_type"] == "update_display_data" and not interrupted:
            interrupted.append(message)
            kernel.manager.interrupt_kernel()

    interrupted: list[object] = []
    cell = kernel.run(line, interrupt)
    assert cell.status == "error"
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "Traceback" not in cell.error
    assert "interrupted: stopped again" in cell.outputs[0].data["text/plain"]
    with jupyter.using() as client:
        assert client.servers.list() == []
        # One that was there already is not ours to stop.
        kernel.ok(f"{line} --no-wait")
        interrupted.clear()
        assert kernel.run(line, interrupt).status == "error"
        assert [server.name for server in client.servers.list()] == ["slow"]


def test_servers_is_a_list_a_table_and_a_frame(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    assert kernel.value("[server.name for server in mlx.servers()]") == "['tiny']"
    shown = kernel.ok("mlx.servers()").outputs[0].data
    assert "<table>" in shown["text/html"]
    assert "ready" in shown["text/plain"]
    frame = kernel.value("mlx.servers().to_frame()[['name', 'state']].to_dict('list')")
    assert frame == "{'name': ['tiny'], 'state': ['ready']}"
    kernel.ok("mlx.stop('tiny')")
    assert kernel.value("mlx.servers()") == "No server runs. Start one with %mlx_serve MODEL."


def test_unload_takes_the_magics_away(kernel: Kernel) -> None:
    try:
        kernel.ok("%unload_ext mlx_manager_jupyter")
        assert kernel.run("%mlx_status").status == "error"
    finally:
        kernel.ok("%load_ext mlx_manager_jupyter")
