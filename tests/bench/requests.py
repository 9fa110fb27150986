"""The log of requests: what a request costs the loop, and a million of them as a DataFrame.

The peers keep the same rows as people would: a file of JSON lines that pandas reads, and a table
of SQLite. They are slow, so that they get a tenth of the rows, and their time is taken tenfold.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pandas as pd
import psutil

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.notebook.request_frame import frame
from mlx_manager_jupyter.schema import RequestRecord, RequestsQuery
from mlx_manager_jupyter.services.requests import RequestLog
from tests.bench.figures import Figure, percentile
from tests.fixtures.jupyter import Jupyter
from tests.fixtures.requests import realistic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ROWS = 1_000_000
#: The peers' share.
PART = 10
#: As many as a busy second has, and more.
AT_ONCE = 1_000
ROUNDS = 3
JSON_LINES, SQLITE = "pandas.read_json", "pandas.read_sql of SQLite"


def measure(folder: Path) -> Iterator[Figure]:
    """The budgets of the log."""
    yield from _adding(folder / "adding")
    yield _writing(folder / "mlx" / "requests")
    peers = _peers(folder)
    options = ("--ServerApp.jpserver_extensions=tests.bench.lag=True",)
    with Jupyter(folder, options=options, env={"PYTHONPATH": str(ROOT)}) as jupyter:
        yield from _reading(jupyter, peers)


def _adding(folder: Path) -> Iterator[Figure]:
    """What the loop pays, beside writing a line on it."""
    rows = list(realistic(50_000))
    log = RequestLog(folder)
    log.open()
    spent = _each(log.add, rows)
    lines = folder.with_suffix(".jsonl").open("wb")
    with lines:

        def write(row: RequestRecord) -> None:
            lines.write(msgspec.json.encode(row) + b"\n")
            lines.flush()

        theirs = _each(write, rows)
    asyncio.run(log.close())
    for percent in (50, 99):
        yield Figure(
            name=f"a request added to the log, p{percent}",
            ours=percentile(spent, percent),
            unit="µs",
            budget=10,
            peers={"a line written at once": percentile(theirs, percent)},
            samples=len(spent),
        )


def _each(add: Callable[[RequestRecord], None], rows: list[RequestRecord]) -> list[float]:
    spent = []
    for row in rows:
        began = time.perf_counter()
        add(row)
        spent.append((time.perf_counter() - began) * 1e6)
    return spent


def _writing(folder: Path) -> Figure:
    """What the thread pays for the same, segments included; and the log for the next figures."""
    log = RequestLog(folder)
    spent = 0.0
    for number, row in enumerate(realistic(ROWS), 1):
        log.add(row)
        if number % AT_ONCE == 0:
            began = time.thread_time()
            log.flush()
            spent += time.thread_time() - began
    return Figure(
        name="a request written down, CPU",
        ours=spent / ROWS * 1e6,
        unit="µs",
        samples=ROWS,
    )


def _peers(folder: Path) -> dict[str, float]:
    """Seconds for all rows, of a tenth of them measured."""
    lines, base = folder / "rows.jsonl", folder / "rows.db"
    names = RequestRecord.__struct_fields__
    with lines.open("wb") as file, closing(sqlite3.connect(base)) as table:
        table.execute(f"CREATE TABLE requests ({', '.join(names)})")
        for row in realistic(ROWS // PART):
            file.write(msgspec.json.encode(row) + b"\n")
            values = msgspec.to_builtins(row)
            places = ", ".join("?" * len(names))
            insert = f"INSERT INTO requests VALUES ({places})"  # noqa: S608  names of fields
            table.execute(insert, [values[name] for name in names])
        table.commit()
    began = time.perf_counter()
    assert len(pd.read_json(lines, lines=True)) == ROWS // PART
    middle = time.perf_counter()
    with closing(sqlite3.connect(base)) as table:
        assert len(pd.read_sql("SELECT * FROM requests", table)) == ROWS // PART
    end = time.perf_counter()
    return {JSON_LINES: (middle - began) * PART, SQLITE: (end - middle) * PART}


def _reading(jupyter: Jupyter, peers: dict[str, float]) -> Iterator[Figure]:
    """All rows through the extension, and what it does to the extension meanwhile."""
    client = Client(lambda: read(jupyter.connection_file))
    process = psutil.Process(jupyter.process.pid)
    with closing(client):
        took, late = [], list[float]()
        client.requests.list(RequestsQuery(limit=1))
        before = process.memory_info().rss
        _late(jupyter)
        with _most(process) as most:
            for _ in range(ROUNDS):
                began = time.perf_counter()
                made = frame(list(client.requests.columns(RequestsQuery(limit=ROWS))))
                took.append(time.perf_counter() - began)
                late += _late(jupyter)
                assert len(made) == ROWS
        yield Figure(
            name=f"{ROWS:,} requests as a DataFrame",
            ours=min(took),
            unit="s",
            budget=3,
            peers=peers,
            samples=ROUNDS,
        )
        yield Figure(name="event-loop lag meanwhile, p99", ours=_p99(late), unit="ms", budget=20)
        held = (max(most) - before) / 1e6
        yield Figure(name="memory of the extension meanwhile", ours=held, unit="MB", budget=300)
        spent = []
        for _ in range(20):
            began = time.perf_counter()
            client.requests.list(RequestsQuery(limit=20))
            spent.append((time.perf_counter() - began) * 1000)
        yield Figure(name=f"the last 20 of {ROWS:,}", ours=percentile(spent, 50), unit="ms")


def _p99(late: list[float]) -> float:
    return percentile(late, 99) * 1000


@contextmanager
def _most(process: psutil.Process) -> Iterator[list[int]]:
    """What the process holds, looked at all the time."""
    seen, over = [process.memory_info().rss], threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _late(jupyter: Jupyter) -> list[float]:
    """By how much the loop was late since the last time, in seconds."""
    request = urllib.request.Request(  # noqa: S310  loopback
        f"{jupyter.url}bench/lag", headers={"Authorization": f"token {jupyter.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  loopback
        late: list[float] = json.load(answer)
        return late
