"""Servers: one inference process each, started, watched, adopted and stopped.

| concern | where |
|---|---|
| what may be asked: start, join, stop, restart, unload | `manager`; traits: `settings` |
| what may be asked without changing anything | `reading` |
| which servers there are, and the events that tell | `registry.Registry` |
| what a request asks to run, checked before anything starts | `order.Order`, `plan.Planner` |
| room for it in the memory | `guard`: decided in `room`, on a `look`, told by `refusal` |
| the claim, the launch, the end | `launcher.Launcher` |
| intent and facts in the store, shared by two extensions | `claims.Claims` |
| adopt what lives, reap what is nobody's, follow and inherit from others | `reconcile.Reconciler` |
| one server and its record | `managed.ManagedServer`, made by `maker` |
| … that is a process of ours, or somebody else's machine | `engine_server`, `remote_server` |
| is it well | `health.HealthWatch`, `pulse.Pulse` |
| is it used, and unloaded when not | `use.Use`, `idle.IdleWatch` |
| what becomes of one that failed | `restarts.Restarts` by `policy.RestartPolicy` |
| its profile was edited | `freshness.Freshness` |
| what comes up with Jupyter | `auto_start.AutoStart` |
| its log, to any number of viewers | `follow` |
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
