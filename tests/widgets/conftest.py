"""The same Jupyter server and kernel as for the magics."""

from __future__ import annotations

from tests.notebook.conftest import (
    hub,
    jupyter,
    kernel,
    session_hub,
    session_jupyter,
    session_kernel,
)

__all__ = ["hub", "jupyter", "kernel", "session_hub", "session_jupyter", "session_kernel"]
