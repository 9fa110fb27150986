"""Ask every engine everything: ``python -m tests.conformance [--write]``.

Prints the table, and how long it took; ``--write`` puts it into the documentation.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.conformance.cases import CASES, outcome
from tests.conformance.places import ENGINES, Places
from tests.conformance.table import Outcomes, render, write

DOCUMENT = Path(__file__).parents[2] / "docs" / "gateway-endpoints.md"


def main() -> int:
    """Run all cases."""
    parser = argparse.ArgumentParser(prog="conformance")
    parser.add_argument("--write", action="store_true", help="into docs/gateway-endpoints.md")
    options = parser.parse_args()
    outcomes: Outcomes = {}
    broken = 0
    with tempfile.TemporaryDirectory(prefix="mlx-conformance-") as folder:
        began = time.monotonic()
        with Places(Path(folder)) as places:
            print(f"ready after {time.monotonic() - began:.1f} s", file=sys.stderr)
            for case in CASES:
                outcomes[case] = {}
                for engine in ENGINES:
                    try:
                        outcomes[case][engine] = outcome(case, places.target(engine))
                    except Exception:  # noqa: BLE001  the other cases are worth having
                        print(case, engine, file=sys.stderr)
                        traceback.print_exc()
                        outcomes[case][engine] = "**broken**"
                        broken += 1
        print(f"done after {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(render(outcomes))
    if options.write and not broken:
        write(DOCUMENT, outcomes)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
