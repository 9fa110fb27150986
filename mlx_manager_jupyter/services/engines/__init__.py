"""Engines: which there are, and bringing them into environments of their own.

============  =====================================================================
`manager`     `EngineManager`: what people ask, jobs, events
`looking`     the engines of this machine as records
`job`         one job: its record, and how often the world hears of it
`installing`  the steps of installing, upgrading, rolling back, removing
`smoke`       the proof that a new engine loads a model and answers
`tiny_model`  that model
`reasons`     what an installer's words mean
============  =====================================================================
"""

from mlx_manager_jupyter.services.engines.installing import Installer
from mlx_manager_jupyter.services.engines.looking import Looker
from mlx_manager_jupyter.services.engines.manager import EngineManager
from mlx_manager_jupyter.services.engines.smoke import Smoke

__all__ = ["EngineManager", "Installer", "Looker", "Smoke"]
