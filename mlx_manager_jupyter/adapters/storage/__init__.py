"""The state file: a TinyDB that loses nothing, whoever is killed and whenever.

It is one JSON document, ``{"schema": 1, "tables": {"profiles": {name: row, …}, …}}``. Beside it lie

- ``<file>.bak``: the last good copy, as new as the last finished write;
- ``<file>.lock``: held by the one process that changes the file; readers need no lock;
- ``<file>.damaged-<time>``: what could not be read, set aside untouched;
- ``<file>.<random>.tmp``: a write under way. A kill leaves it, the next write removes it.

==================  ============================================================================
`store`             what services use: typed tables, transactions, locks; knows TinyDB
`state_file`        reading, writing and repairing the file and its copy
`document`          what the bytes mean: schema number, migrations, rows that can't be read
`lock`              one writer between processes
`disk`              replacing files all or none; the system's errors in words
==================  ============================================================================
"""

from __future__ import annotations

from mlx_manager_jupyter.adapters.storage.store import Store

__all__ = ["Store"]
