"""Downloads: a persistent queue of jobs, each done by a process of its own.

==============  ====================================================================================
`manager`       `DownloadManager`: what people ask for, and the events they see
`minder`        the one task that starts, follows and settles the workers
`ledger`        intent and outcome in the store, decided one at a time for all extensions
`job_view`      from what is stored and what the worker says to one `Download`
`retry`         whether and when a failed job is tried again
==============  ====================================================================================
"""

from __future__ import annotations

from mlx_manager_jupyter.services.downloads.ledger import Ledger
from mlx_manager_jupyter.services.downloads.manager import DownloadManager

__all__ = ["DownloadManager", "Ledger"]
