"""``%%mlx_chat`` and ``mlx.chat``: real kernel, real Jupyter server, fake engine."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.schema import Profile
from tests.client.live import until

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Cell, Kernel

#: Words with emoji, a line separator and braces, which all must arrive as they were said.
SAID = ["Grüße ", "\U0001f600\U0001f468‍\U0001f469‍\U0001f467 ", "{x} ", "end\u2028", "."]


def deltas(cell: Cell) -> list[dict[str, Any]]:
    """The custom messages to the widget."""
    sent = [m["content"]["data"] for m in cell.messages if m["msg_type"] == "comm_msg"]
    return [data["content"] for data in sent if data["method"] == "custom"]


def test_a_streamed_answer_ends_as_markdown(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny", tokens=SAID, token_seconds=0.1, first_token_seconds=0.2)
    prompt = 'Keep {these} braces, $this and "that"'
    cell = kernel.ok(f"%%mlx_chat tiny -t 0.5 --max-tokens 64 --seed 7 -o answer\n{prompt}\n")
    (output,) = cell.outputs
    answer = "".join(SAID)
    assert output.data.keys() == {"text/markdown", "text/plain"}  # no widget in the file
    assert output.data["text/markdown"].startswith(f"{answer}\n\n<small ")
    assert ">tiny · 6 → 5 tokens · " in output.data["text/markdown"]
    assert "tok/s · first token 0." in output.data["text/plain"]
    facts = output.metadata["mlx_manager_jupyter"]
    assert facts["server"] == "tiny"
    assert facts["model"] == str(jupyter.model)
    assert facts["sampling"] == {"temperature": 0.5, "max_tokens": 64}
    assert (facts["seed"], facts["finish_reason"], facts["engine"]) == (7, "stop", "mlx-lm")
    assert facts["usage"]["completion_tokens"] == 5
    assert 0.2 <= facts["timings"]["first_token_seconds"] < 1

    sent = deltas(cell)
    assert "".join(delta["d"] for delta in sent) == answer
    for delta in sent:  # offsets are code points, on both sides
        assert answer[delta["o"] :].startswith(delta["d"])
    assert [m for m in cell.messages if m["msg_type"] == "comm_close"]

    asked = jupyter.noted("request")[-1]["body"]
    assert asked["messages"] == [{"role": "user", "content": prompt}]
    assert (asked["temperature"], asked["max_tokens"], asked["seed"]) == (0.5, 64, 7)
    assert kernel.value("type(answer).__name__, answer.usage.completion_tokens") == "Reply 5"
    assert kernel.value("answer.text == answer") == "True"


def test_one_that_has_to_start_first_says_how_far_it_is(jupyter: Jupyter, kernel: Kernel) -> None:
    with jupyter.using() as client:
        env = jupyter.env(load_seconds=5)
        client.profiles.create(Profile(name="lazy", model=str(jupyter.model), env=env))
    cell = kernel.ok("%%mlx_chat lazy\nHello\n")
    assert ">lazy · " in cell.outputs[0].data["text/markdown"]
    comms = [m["content"]["data"] for m in cell.messages if m["msg_type"] == "comm_msg"]
    told = [data.get("state", {}).get("status", "") for data in comms]
    assert any("loading lazy" in status for status in told), told
    with jupyter.using() as client:
        client.profiles.delete("lazy")


def test_many_tokens_travel_together(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("fast", tokens=["word "] * 400, token_seconds=0.002)
    began = time.monotonic()
    cell = kernel.ok("%%mlx_chat fast --max-tokens 500\ntalk")
    seconds = time.monotonic() - began
    sent = deltas(cell)
    assert len(sent) <= seconds / 0.04 + 2
    assert sum(len(delta["d"]) for delta in sent) == 2000
    assert cell.outputs[0].data["text/plain"].startswith("word " * 400)


def test_reasoning_is_folded_and_system_and_model_are_sent(
    jupyter: Jupyter, kernel: Kernel
) -> None:
    jupyter.serve("tiny", reasoning=["They ask </details>\n\n```"], tokens=["Paris."])
    cell = kernel.ok("%%mlx_chat --model tiny --system \"You are {terse}, 'very'\"\nCapital?")
    markdown = cell.outputs[0].data["text/markdown"]
    fold, answer = markdown.split("</details>\n\n")
    assert fold.startswith("<details><summary>thought for ")
    assert "They ask &lt;/details&gt;<br><br>```" in fold
    assert answer.startswith("Paris.\n\n<small ")
    assert "They ask" not in cell.outputs[0].data["text/plain"]
    assert jupyter.noted("request")[-1]["body"]["messages"][0] == {
        "role": "system",
        "content": "You are {terse}, 'very'",
    }


def test_an_open_fence_does_not_swallow_the_footer(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny", tokens=["```python\n", "x = 1", "\n", "y"])
    cell = kernel.ok("%%mlx_chat tiny --max-tokens 2\nCode!")
    markdown = cell.outputs[0].data["text/markdown"]
    assert markdown.startswith("```python\nx = 1\n```\n\n<small ")
    assert "(cut at the token limit)" in markdown


def test_without_a_model_the_only_ready_server_answers(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("one")
    assert "Paris" in kernel.ok("%%mlx_chat\nCapital?").outputs[0].data["text/markdown"]
    jupyter.serve("two")
    cell = kernel.run("%%mlx_chat\nCapital?")
    assert cell.reply["ename"] == "UsageError"
    assert "one, two" in cell.text


@pytest.mark.parametrize("phase", ["before the first token", "while it streams"])
def test_an_interrupt_ends_generation_at_once_and_keeps_what_came(
    jupyter: Jupyter, kernel: Kernel, phase: str
) -> None:
    waits = {"first_token_seconds": 30} if phase.startswith("before") else {"token_seconds": 0.05}
    jupyter.serve("slow", tokens=["word "] * 1000, **waits)
    interrupted: list[float] = []

    def interrupt(message: dict[str, Any]) -> None:
        streams = message["msg_type"] == "comm_msg" and "word" in json.dumps(message["content"])
        waiting = message["msg_type"] == "display_data" and "first_token_seconds" in waits
        if (streams or waiting) and not interrupted:
            interrupted.append(time.time())
            kernel.manager.interrupt_kernel()

    cell = kernel.run("%%mlx_chat slow --max-tokens 2000\nTalk!", interrupt)
    until(lambda: jupyter.noted("closed"))
    seconds = jupyter.noted("closed")[-1]["time"] - interrupted[0]
    print(f"interrupt -> upstream closed, {phase}: {seconds * 1000:.0f} ms")
    assert seconds < 0.2
    assert cell.status == "error"
    assert cell.reply["ename"] == "KeyboardInterrupt"
    answer, error = cell.outputs
    assert answer.data["text/plain"].endswith("(interrupted)")
    assert answer.metadata["mlx_manager_jupyter"]["finish_reason"] == "interrupted"
    if phase.startswith("while"):
        assert answer.data["text/markdown"].startswith("word ")
    assert len(error.data["traceback"]) == 1


#: An interrupt at the one moment that no timing hits: the view is shown, and nobody knows it yet.
INTERRUPT_AS_IT_OPENS = """
pub = get_ipython().display_pub
def interrupted(message):
    if message["msg_type"] == "display_data":
        pub.unregister_hook(interrupted)
        pub.session.send(pub.pub_socket, message, ident=pub.topic)
        raise KeyboardInterrupt
    return message
pub.register_hook(interrupted)
"""


def test_an_interrupt_as_the_view_opens_leaves_no_widget_behind(
    jupyter: Jupyter, kernel: Kernel
) -> None:
    jupyter.serve("slow", first_token_seconds=30)
    kernel.ok(INTERRUPT_AS_IT_OPENS)
    cell = kernel.run("%%mlx_chat slow\nTalk!")
    assert cell.reply["ename"] == "KeyboardInterrupt"
    answer, _ = cell.outputs
    assert answer.data["text/plain"].endswith("(interrupted)")
    until(lambda: jupyter.noted("closed"))


def test_a_broken_answer_raises_and_keeps_what_came(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("weak", tokens=["half ", "an ", "answer"], break_after=2)
    cell = kernel.run("%%mlx_chat weak -o kept\nTalk!")
    assert cell.status == "error"
    answer, error = cell.outputs
    assert answer.data["text/markdown"].startswith("half an \n\n<small ")
    assert answer.data["text/plain"].endswith("(broke off)")
    assert error.data["ename"] == "UpstreamFailed"
    assert kernel.value("'kept' in globals()") == "False"


def test_chat_in_python(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    cell = kernel.ok(
        "reply = mlx.chat([{'role': 'user', 'content': 'Capital?'}], system='Be brief.')\n"
        "print(reply, reply.finish_reason, reply.server)"
    )
    assert cell.text.strip() == "The capital of France is Paris. stop tiny"
    roles = [message["role"] for message in jupyter.noted("request")[-1]["body"]["messages"]]
    assert roles == ["system", "user"]
    streamed = kernel.ok("reply = mlx.chat('Capital?', model='tiny', stream=True)")
    assert streamed.outputs[0].data["text/markdown"].startswith("The capital")
    shown = kernel.ok("reply").outputs[0].data
    assert shown["text/markdown"] == "The capital of France is Paris."
    assert shown["text/plain"] == "'The capital of France is Paris.'"
    empty = kernel.run("mlx.chat('  ')")
    assert empty.reply["ename"] == "BadRequest"


def test_without_a_widget_markdown_is_drawn_again(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny", tokens=["word "] * 10, token_seconds=0.05)
    name = "mlx_manager_jupyter.widgets.chat_stream"
    kernel.ok(f"import sys; kept = sys.modules.pop('{name}', None); sys.modules['{name}'] = None")
    try:
        cell = kernel.ok("%%mlx_chat tiny\nTalk!")
    finally:
        kernel.ok(f"del sys.modules['{name}']")
    assert not deltas(cell)
    drafts = [m for m in cell.messages if m["msg_type"] == "update_display_data"]
    assert 3 <= len(drafts) <= 8
    assert cell.outputs[0].data["text/markdown"].startswith("word word")


def test_no_output_holds_a_secret(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("tiny")
    kernel.ok("%%mlx_chat tiny\nCapital?")
    key = kernel.value(
        "__import__('mlx_manager_jupyter.client.client', fromlist=['x'])"
        ".shared_client()._transport._key"
    )
    assert key.startswith("mlx-")
    secrets = [*jupyter.secrets, key]
    try:
        cells = [
            kernel.run(code)
            for code in (
                "%xmode Verbose",
                "%mlx_status",
                "mlx.serve('org/none')",
                "mlx.chat('hi', model='nobody')",
                "%%mlx_chat tiny\nhi",
                "vars(mlx)",
                "from mlx_manager_jupyter.client.client import shared_client as c",
                "c(), vars(c()), c()._transport, c()._transport.door, c().keys.list()",
                "c().keys.create('x')",
                "import os; dict(os.environ)",
            )
        ]
    finally:
        kernel.ok("%xmode Context")
    shown = json.dumps([cell.messages for cell in cells], default=str)
    assert not [secret for secret in secrets if secret in shown]
