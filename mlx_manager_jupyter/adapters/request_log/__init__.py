"""The log of requests on disk: a folder of small files that never harm each other.

Whoever writes has a file of lines of its own (`lines`): a row is safe once its line is written. A
full one becomes a segment (`segments`): the same rows as columns, which are read thirty times as
fast. The oldest segments are removed (`folder`). Nothing is ever written twice or in place, so
that any number of extensions can write and read at once, and none is harmed when one is killed.
"""

from mlx_manager_jupyter.adapters.request_log.columns import (
    keep,
    microseconds,
    pack,
    records,
    times,
    where,
)
from mlx_manager_jupyter.adapters.request_log.folder import LogFolder
from mlx_manager_jupyter.adapters.request_log.segments import Part

__all__ = ["LogFolder", "Part", "keep", "microseconds", "pack", "records", "times", "where"]
