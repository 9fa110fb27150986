"""The log of requests: what each took and what became of it, never what was said."""

from mlx_manager_jupyter.services.requests.log import RequestLog

__all__ = ["RequestLog"]
