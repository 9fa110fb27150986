"""``python -m mlx_manager_jupyter.cli``: where the console script is not on PATH."""

from __future__ import annotations

import sys

from mlx_manager_jupyter.cli import main

sys.exit(main())
