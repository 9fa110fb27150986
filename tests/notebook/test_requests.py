"""``mlx.requests()`` and ``%mlx_requests`` in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import RequestsQuery
from tests.client.live import until

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def test_what_a_cell_asked_is_a_row(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("counted", tokens=["one ", "two ", "three "])
    kernel.ok("reply = mlx.chat('Count.', model='counted')")
    with jupyter.using() as client:
        until(lambda: client.requests.list(RequestsQuery(server="counted")))
    kernel.ok("made = mlx.requests(since='1h', server='counted')")
    assert kernel.value("type(made).__name__") == "DataFrame"
    assert kernel.value("made.iloc[0][['server', 'finish']].tolist()") == "['counted', 'stop']"
    assert kernel.value("made['key'].notna().all() and (made['status'] == 200).all()") == "True"
    assert kernel.value("int(made.loc[0, 'completion_tokens'])") == kernel.value(
        "reply.usage.completion_tokens"
    )
    assert kernel.value("str(made['time'].dtype)") == "datetime64[ns, UTC]"
    assert kernel.value("len(mlx.requests(server='nobody'))") == "0"
    assert kernel.value("len(mlx.requests(limit=1))") == "1"

    shown = kernel.ok("%mlx_requests --server counted -n 5")
    assert "counted" in shown.text
    assert "stop" in shown.text
    assert "<table>" in shown.outputs[0].data["text/html"]
    nothing = kernel.ok("%mlx_requests --server nobody")
    assert "Nothing was asked yet" in nothing.text


def test_mistakes_are_told_in_words(kernel: Kernel) -> None:
    cell = kernel.run("mlx.requests(since='yesterday')")
    assert cell.reply["ename"] == "InvalidValue"
    assert "write how long ago" in cell.error
    assert "write how long ago" in kernel.run("%mlx_requests --since yesterday").text
