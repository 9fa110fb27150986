"""What a child is given to read."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Literal

import pytest

from mlx_manager_jupyter.adapters.process import Launch, free_port
from mlx_manager_jupyter.adapters.process.spawn import reap_child, spawn
from tests.fixtures.processes import PORTS, until

#: Reads what there is, passes it on into a pipe that nobody reads, and says what it saw.
CHILD = """
import json, os, select
os.set_blocking(0, False)
came, ended = b"", False
while not ended and select.select([0], [], [], 0.2)[0]:
    part = os.read(0, 65536)
    came, ended = came + part, not part
reading, writing = os.pipe()
os.set_blocking(writing, False)
passed = os.write(writing, came) if came else 0
full = not select.select([], [writing], [], 0)[1]
print(json.dumps({"came": len(came), "ended": ended, "passed": passed, "full": full}))
"""


def _open() -> set[Path]:
    return set(Path("/dev/fd").iterdir())


@pytest.mark.parametrize("kind", ["empty", "silent", "full"])
async def test_the_input_of_a_child(
    tmp_path: Path, kind: Literal["empty", "silent", "full"]
) -> None:
    launch = Launch(
        argv=(sys.executable, "-c", CHILD),
        env={"PATH": os.environ["PATH"]},
        cwd=tmp_path,
        log=tmp_path / "log",
        host="127.0.0.1",
        port=free_port("127.0.0.1", next(PORTS)),
        stdin=kind,
    )
    before = _open()
    pid = spawn(launch).pid
    assert _open() == before, "nothing of it stays open here"
    await until(lambda: reap_child(pid) == 0)
    saw = json.loads(launch.log.read_text())
    assert saw["ended"] == (kind == "empty")
    assert (saw["came"] > 0) == (kind == "full")
    if kind == "full":
        assert saw["passed"] == saw["came"], "a pipe of the same size takes all of it"
        assert saw["full"], "and nothing more"
