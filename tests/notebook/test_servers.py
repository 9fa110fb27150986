"""Servers from Python, in a real kernel: what is returned, shown and raised."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.client.live import until

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def test_serve_takes_options_and_fields(jupyter: Jupyter, kernel: Kernel) -> None:
    given = f"name='one', max_tokens=7, env={jupyter.env()!r}, force=True, keep=False"
    cell = kernel.ok(f"made = mlx.serve({str(jupyter.model)!r}, {given})")
    assert "one ready in" in cell.text
    assert kernel.value("(made.name, made.state)") == "('one', 'ready')"
    (started,) = jupyter.noted("started")
    assert started["argv"][started["argv"].index("--max-tokens") + 1] == "7"
    kernel.ok(f"made = mlx.serve({str(jupyter.model)!r}, name='two', wait=False)")
    assert kernel.value("made.state") in ("starting", "loading")
    kernel.ok("mlx.stop('one', 'two')")
    assert kernel.value("len(mlx.servers())") == "0"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("mlx.serve('x', ttl='soon')", "InvalidValue", "write it as 20m"),
        ("mlx.serve('x', ttl=-1)", "BadRequest", "ttl"),
        ("mlx.serve('x', context_length=0)", "BadRequest", "context_length"),
        ("mlx.serve('x', engine='llama')", "BadRequest", "engine"),
        ("mlx.serve('x', tempersture=1)", "UnknownField", "temperature"),
        ("mlx.stop()", "BadRequest", "which servers"),
        ("mlx.stop('nobody')", "UnknownServer", "nobody"),
        ("mlx.restart('nobody')", "UnknownServer", "nobody"),
        ("mlx.logs('nobody')", "UnknownServer", "nobody"),
    ],
)
def test_mistakes_are_errors_that_end_at_the_call(
    kernel: Kernel, code: str, kind: str, words: str
) -> None:
    cell = kernel.run(code)
    assert cell.reply["ename"] == kind
    assert words in cell.error
    assert "transport.py" not in cell.error


def test_restart_waits_and_returns_the_new_one(jupyter: Jupyter, kernel: Kernel) -> None:
    before = jupyter.serve("tiny")
    cell = kernel.ok("after = mlx.restart('tiny')")
    assert "tiny ready in" in cell.text
    assert int(kernel.value("after.pid")) != before.pid
    kernel.ok("after = mlx.restart('tiny', wait=False)")
    assert kernel.value("after.name") == "tiny"


def test_an_interrupted_restart_goes_on(jupyter: Jupyter, kernel: Kernel) -> None:
    slow = jupyter.env(load_seconds=2)
    kernel.ok(f"mlx.serve({str(jupyter.model)!r}, name='slow', env={slow!r})")
    interrupted: list[object] = []

    def interrupt(message: dict[str, object]) -> None:
        if message["msg_type"] == "update_display_data" and not interrupted:
            interrupted.append(message)
            kernel.manager.interrupt_kernel()

    cell = kernel.run("mlx.restart('slow')", interrupt)
    assert cell.reply["ename"] == "KeyboardInterrupt"
    assert "goes on without you" in cell.outputs[0].data["text/plain"]
    with jupyter.using() as client:
        until(lambda: client.servers.get("slow").state == "ready")


def test_the_table_has_memory_and_a_failure_below_it(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    faults = jupyter.env(die_at_load="Model type nosuch not supported.")
    assert (
        kernel.run(f"mlx.serve({str(jupyter.model)!r}, name='bad', env={faults!r})").reply["ename"]
        == "UnsupportedModel"
    )
    for code in ("mlx.servers()", "%mlx_status"):
        header, bad, tiny, sentence = kernel.ok(code).text.splitlines()
        assert {"memory", "port", "up"} <= set(header.split())
        assert bad.split()[:2] == ["bad", "failed"]
        assert tiny.split()[:2] == ["tiny", "ready"]
        assert " MB" in tiny
        assert sentence.startswith("bad: ")
        assert "nosuch" in sentence


def test_logs_are_a_list_that_reads_as_text(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    until(lambda: "Starting httpd" in kernel.ok("mlx.logs('tiny')").text)
    assert kernel.value("len(mlx.logs('tiny', 1))") == "1"


def test_env_is_what_openai_takes_and_shows_no_key(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    shown = kernel.ok("%mlx_env")
    key = kernel.value("mlx.env()['api_key']")
    assert "/v1" in shown.text
    assert key.startswith("mlx-")
    assert key not in json.dumps([output.data for output in shown.outputs])
    assert kernel.value("sorted(mlx.env())") == "['api_key', 'base_url']"
    assert kernel.value("mlx.env()['api_key']") == key, "one key a kernel, not one a call"
    ask = (
        "openai.OpenAI({}).chat.completions.create(model='tiny', "
        "messages=[{{'role': 'user', 'content': 'hi'}}]).choices[0].message.content"
    )
    kernel.ok("import openai")
    assert kernel.value(ask.format("**mlx.env()")) == "The capital of France is Paris."
    said = kernel.ok("%mlx_env --set").text
    assert key not in said
    assert "OPENAI_BASE_URL" in said
    assert kernel.value(ask.format("")) == "The capital of France is Paris."
    kernel.ok("import os\ndel os.environ['OPENAI_BASE_URL'], os.environ['OPENAI_API_KEY']")
