"""The gateway: one OpenAI-compatible address for every server.

| concern | where |
|---|---|
| what came | `asked.Asked` |
| from a request to its way; the traits | `router.Gateway` |
| what a name means, to whom | `names` |
| servers that requests start, and who waits for them | `arrivals.Arrivals` |
| whose turn it is: lanes, fairness, the bound | `turns.Turnstile` |
| one request's way through both | `admission.Admission` |
| one request on its way, copied through | `exchange.Exchange` |
| how an endpoint is read, put to an engine, told back | `endpoints`, `relay.Relay` |
| what an engine has, and what it is sent | `offered`, `pinned`, `form` |
| streams that pass, and plain answers made of them | `copying.CopyRelay`, `completion` |
| what was counted, and the record of it | `tally.Tally`, `account.Account` |
| errors in the client's shape | `problems` |

An engine would load whatever model a request names, so the name upstream is pinned; a plain answer
can't be cancelled, so upstream is always streamed. Only what routing and accounting need is parsed.
"""

from __future__ import annotations

from mlx_manager_jupyter.services.gateway.asked import Asked
from mlx_manager_jupyter.services.gateway.endpoints import ENDPOINTS
from mlx_manager_jupyter.services.gateway.exchange import Exchange
from mlx_manager_jupyter.services.gateway.problems import problem_of
from mlx_manager_jupyter.services.gateway.router import Gateway

__all__ = ["ENDPOINTS", "Asked", "Exchange", "Gateway", "problem_of"]
