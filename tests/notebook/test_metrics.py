"""``mlx.metrics()`` and ``%mlx_metrics`` in a real kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.schema import MetricsQuery
from tests.client.live import until

if TYPE_CHECKING:
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def test_what_a_server_did_is_a_frame(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("watched")
    kernel.ok("reply = mlx.chat('Hello', model='watched')")

    def counted() -> bool:
        with jupyter.using() as client:
            past = client.metrics.past(MetricsQuery()).servers.get("watched")
            return past is not None and past["first_token_p50"][-1] is not None

    until(counted)
    kernel.ok("made = mlx.metrics()")
    assert kernel.value("type(made).__name__") == "DataFrame"
    assert kernel.value("made.index.name") == "time"
    assert kernel.value("str(made.index.dtype)") == "datetime64[ns, UTC]"
    assert kernel.value("{'watched', 'total'} <= set(made['server'])") == "True"
    kernel.ok("last = made[made['server'] == 'watched'].iloc[-1]")
    assert kernel.value("last['memory_bytes'] > 1e6 and last['first_token_p50'] >= 0") == "True"
    assert kernel.value("last['system_used_bytes'] < made.attrs['total_bytes']") == "True"
    assert kernel.value("len(mlx.metrics('1h')) >= len(made)") == "True"
    kernel.ok("wide = made.pivot(columns='server', values='tokens_per_second')")
    assert kernel.value("'watched' in wide and len(wide) > 0") == "True"

    shown = kernel.ok("%mlx_metrics")
    assert "watched" in shown.text
    assert "free of" in shown.text
    assert "<table>" in shown.outputs[0].data["text/html"]
    kernel.ok("mlx.stop('watched')")
    assert "No server runs." in kernel.ok("%mlx_metrics").text
    assert kernel.value("'watched' in set(mlx.metrics()['server'])") == "True", "it was there"


def test_mistakes_are_told_in_words(kernel: Kernel) -> None:
    cell = kernel.run("mlx.metrics(since='yesterday')")
    assert cell.reply["ename"] == "InvalidValue"
    assert "write how long ago" in cell.error
    assert kernel.run("%mlx_metrics now").status == "error"
