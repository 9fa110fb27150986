"""Models: found, understood, weighed against memory, and kept on this machine.

==================  ============================================================================
`manager`           `ModelManager`: what people ask of models
`search`            one page: words, filters, order
`index`             which ids loose words mean, as one types; `words`, `vocabulary`, `matching`
`resolve`           the one model that a loose name means
`catalogue`         the Hub's list, kept on disk
`details`           what only a repo's own files tell
`library`           what is on this machine
`rows`              one model as all of these hold it
`facts`             what a model is, each fact with its evidence, and what that is read from:
                    `bits`, `capabilities`, `context`, `engines`, `families`, `flags`, `names`,
                    `parameters`, `reading`, `template`
`kv`                memory for keys and values; `attention`, `layers`, `recurrent`, `shape`
`fit`               whether it fits; `memory` learns from what servers really took, `need` says
                    what a profile will take
`use`               who works with which model
==================  ============================================================================
"""

from __future__ import annotations

from mlx_manager_jupyter.services.models.catalogue import CatalogueKeeper
from mlx_manager_jupyter.services.models.details import DetailsKeeper
from mlx_manager_jupyter.services.models.library import LocalLibrary
from mlx_manager_jupyter.services.models.manager import ModelManager
from mlx_manager_jupyter.services.models.memory import MemoryBook
from mlx_manager_jupyter.services.models.rows import Reader
from mlx_manager_jupyter.services.models.use import Use, by_model, models_of

__all__ = [
    "CatalogueKeeper",
    "DetailsKeeper",
    "LocalLibrary",
    "MemoryBook",
    "ModelManager",
    "Reader",
    "Use",
    "by_model",
    "models_of",
]
