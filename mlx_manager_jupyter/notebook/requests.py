"""``requests``: what the gateway was asked, as a DataFrame, and the latest of it as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.errors import InvalidValue
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.moments import moment
from mlx_manager_jupyter.notebook.records import Records
from mlx_manager_jupyter.notebook.request_rows import request_columns
from mlx_manager_jupyter.schema import RequestRecord, RequestsQuery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    import pandas as pd

    from mlx_manager_jupyter.notebook.table import Column

#: As many as the log keeps by default, and some more.
ALL = 10_000_000


class Requests(Records[RequestRecord]):
    """Requests, as a list that shows itself as a table."""

    _kind = RequestRecord
    _nothing = "Nothing was asked yet. Ask with %%mlx_chat or mlx.chat(), or any OpenAI client."

    def _columns(self) -> Sequence[Column]:
        return request_columns(self)


@short_errors
def requests(
    since: str | datetime | timedelta | None = None,
    server: str | None = None,
    limit: int | None = None,
) -> pd.DataFrame:
    """Every request to the gateway: who asked, which model answered, tokens and timings.

    Args:
        since: only what came at this time or later: ``"1h"`` for the last hour, a time such as
            ``"2026-01-31 14:00"``, a datetime or a timedelta.
        server: only what this server answered.
        limit: the newest so many; all by default.

    Returns:
        One row a request, oldest first. What was said is not in it: it is never stored.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
        InvalidValue: an argument is none.
    """
    from mlx_manager_jupyter.notebook.request_frame import frame  # noqa: PLC0415  pandas: slow

    return frame(list(shared_client().requests.columns(asked(since, server, limit))))


def latest(
    since: str | datetime | timedelta | None = None, server: str | None = None, limit: int = 20
) -> Requests:
    """The newest of them, as records."""
    return Requests(shared_client().requests.list(asked(since, server, limit)))


def asked(
    since: str | datetime | timedelta | None, server: str | None, limit: int | None
) -> RequestsQuery:
    """The query.

    Raises:
        InvalidValue: saying which argument is none.
    """
    if limit is not None and limit < 1:
        raise InvalidValue(f"limit is {limit}; it must be 1 or more.")
    try:
        begin = None if since is None else moment(since)
    except ValueError as error:
        raise InvalidValue(f"since: {error}.") from None
    return RequestsQuery(since=begin, server=server, limit=min(limit or ALL, ALL))
