"""Servers: one inference process each, started, watched, adopted and stopped.

| concern | where |
|---|---|
| what may be asked: start, join, stop, restart | `manager.ServerManager` |
| which servers there are, and the events that tell | `registry.Registry` |
| adopt what lives, reap what is nobody's, follow other extensions | `reconcile.Reconciler` |
| what a request asks to run, checked before anything starts | `plan.Planner` |
| intent and facts in the store, shared by two extensions | `claims.Claims` |
| one server: its record, its process | `managed.ManagedServer` |
| one process: states, signals, verified stop | `adapters.process` |
| what an engine's words mean | `adapters.engines` |

The store says what was asked; what is true is derived from the processes.
"""

from __future__ import annotations

from mlx_manager_jupyter.services.servers.claims import Claims
from mlx_manager_jupyter.services.servers.managed import ManagedServer
from mlx_manager_jupyter.services.servers.manager import ServerManager
from mlx_manager_jupyter.services.servers.plan import Planner

__all__ = ["Claims", "ManagedServer", "Planner", "ServerManager"]
