"""What a table says of requests.

Pure, without IPython: the command line uses it too.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mlx_manager_jupyter.notebook import format as fmt
from mlx_manager_jupyter.notebook.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.schema import RequestRecord

#: Of HTTP: from here on it is an error.
ERRORS = 400


def request_columns(requests: Sequence[RequestRecord]) -> list[Column]:
    """Columns of a table of requests; what is said of none of them stays empty."""
    return [
        Column("model", [each.server or each.asked for each in requests]),
        Column("time", [_time(each.time) for each in requests]),
        Column("result", [_result(each) for each in requests]),
        Column("in", [_count(each.prompt_tokens) for each in requests], rank=2, right=True),
        Column("out", [_count(each.completion_tokens) for each in requests], rank=1, right=True),
        Column("speed", [_rate(each) for each in requests], rank=3, right=True),
        Column("first", [_seconds(each.first_token_seconds) for each in requests], 4, right=True),
        Column("waited", [_waited(each) for each in requests], rank=6, right=True),
        Column("took", [_seconds(each.seconds) for each in requests], rank=5, right=True),
        Column("by", [_caller(each) for each in requests], rank=7),
        Column("asked for", [_endpoint(each) for each in requests], rank=8),
    ]


def _time(came: datetime) -> str:
    local = came.astimezone()
    is_today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%Y-%m-%d %H:%M:%S}"


def _result(request: RequestRecord) -> str:
    """How it ended: as the engine says, or as the client was told."""
    if request.error:
        return f"{request.status} {request.error}"
    if request.finish:
        return request.finish
    return str(request.status) if request.status >= ERRORS else "done"


def _count(tokens: int | None) -> str:
    return "" if tokens is None else f"{tokens:,}"


def _rate(request: RequestRecord) -> str:
    return "" if request.tokens_per_second is None else fmt.rate(request.tokens_per_second)


def _seconds(number: float | None) -> str:
    return "" if number is None else fmt.seconds(number)


def _waited(request: RequestRecord) -> str:
    """For the server to start, and for its turn."""
    waited = request.load_seconds + request.queue_seconds
    return fmt.seconds(waited) if waited >= 0.005 else ""  # noqa: PLR2004  it would be 0.00


def _caller(request: RequestRecord) -> str:
    return request.notebook or request.caller or ""


def _endpoint(request: RequestRecord) -> str:
    return "" if request.endpoint == "chat/completions" else request.endpoint
