"""Writes rows to a log as fast as it can: ``python -m tests.services.request_writer FOLDER FROM``.

After each write it prints up to which number all rows are written.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from mlx_manager_jupyter.adapters.request_log import folder as log_folder
from mlx_manager_jupyter.services.requests import RequestLog
from tests.fixtures.requests import record

#: Between two writes.
AT_ONCE = 7


def main(folder: str, begin: str) -> None:
    log_folder.SEGMENT_ROWS = 50  # so that most of the time it is making segments
    log = RequestLog(Path(folder))
    for number in itertools.count(int(begin)):
        log.add(record(number))
        if (number + 1) % AT_ONCE == 0:
            log.flush()
            print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
