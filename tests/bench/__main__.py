"""The measured budgets: ``python -m tests.bench [NAME …] [--json] [--litellm] [--write]``.

Each figure stands beside the same of a peer, measured in the same run on the same machine; one
over its budget is marked with ``!``. A slow machine fails nothing: the exit code is 0 unless a
benchmark broke. Ratios travel between machines; milliseconds do not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import (
    download,
    events,
    gateway,
    health,
    interrupt,
    metrics,
    page,
    ready,
    requests,
    scan,
    search,
    soak,
    start,
    stop,
)
from tests.bench.figures import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.figures import Figure


def load() -> str:
    """How busy the machine is: one-minute load average and cores."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="JSON instead of tables")
    parser.add_argument("--litellm", action="store_true", help="measure LiteLLM, too")
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    parser.add_argument("names", nargs="*", metavar="NAME", help="all unless named")
    options = parser.parse_args()
    benches: dict[str, Callable[[Path], Iterator[Figure]]] = {
        "start": start.measure,
        "gateway": partial(gateway.measure, litellm=options.litellm),
        "ready": ready.measure,
        "stop": stop.measure,
        "health": health.measure,
        "interrupt": interrupt.measure,
        "download": download.measure,
        "events": events.measure,
        "metrics": metrics.measure,
        "search": search.measure,
        "scan": scan.measure,
        "requests": requests.measure,
        "soak": soak.measure,
    }
    if unknown := set(options.names) - benches.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(benches)}")
    figures: list[Figure] = []
    broken = []
    for name in options.names or benches:
        began = load()
        print(f"{name} … ({began})", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="mlx-bench-") as folder:
            try:
                found = list(benches[name](Path(folder)))
            except Exception:  # noqa: BLE001  the other benchmarks are worth having
                traceback.print_exc()
                broken.append(name)
                continue
        figures += found
        if options.write:
            page.write(name, table(found), f"{date.today()}, {began}.")  # noqa: DTZ011  ours
        if not options.json:
            print(f"\n{table(found)}\n({load()} at its end)\n", flush=True)
    if options.json:
        records = [figure.record() for figure in figures]
        print(json.dumps({"load": load(), "broken": broken, "figures": records}, indent=2))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
