"""The same Jupyter server and kernel as for the magics."""

from __future__ import annotations

from tests.notebook.conftest import jupyter, kernel, session_jupyter, session_kernel

__all__ = ["jupyter", "kernel", "session_jupyter", "session_kernel"]
