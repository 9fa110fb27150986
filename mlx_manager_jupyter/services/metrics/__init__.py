"""What the machine and each server do: now, in the last quarter of an hour, and in the last day.

===============  ===============================================================================
`traffic`        counters of one server's requests, bumped by the gateway
`counts`         what is known of requests that have ended: totals, errors, first tokens
`sampler`        memory and processor, measured in a thread and no oftener than it is worth
`history`        every second of 15 minutes and ten seconds at a time of a day, in memory
`series`         columns of floats that share one axis of time
`answer`         a part of the history as a record
`manager`        asks once a second, keeps and publishes
===============  ===============================================================================

Laws: nothing is measured on the event loop; what the gateway calls for a request takes
microseconds; samples are kept whether or not anybody watches, and published only if somebody does.
"""

from __future__ import annotations

from mlx_manager_jupyter.services.metrics.counts import BUCKETS, Counts
from mlx_manager_jupyter.services.metrics.manager import MetricsManager
from mlx_manager_jupyter.services.metrics.traffic import Traffic

__all__ = ["BUCKETS", "Counts", "MetricsManager", "Traffic"]
