"""The Hugging Face Hub, and the only room that knows huggingface_hub.

Importing this imports no huggingface_hub: that takes 0.3-0.45 s and is left to threads.

==================  ============================================================================
`hub`               `Hub`, the questions: catalogue, search, details
`connection`        one question and its answer: time-out, second try, size, offline
`listing`           the Hub's list of models: parameters and rows
`details`           one repo: files, configuration, chat template
`errors`            what an exception means, and whether trying again helps
`refusals`          the same for an answer with a status of 400 or more
`redaction`         texts without signatures, passwords and tokens
`ids`               which words can be the id of a repo
`removal`           `delete` a repo from the cache
`records`           what the Hub tells us
==================  ============================================================================
"""

from __future__ import annotations

from mlx_manager_jupyter.adapters.hub.errors import explained
from mlx_manager_jupyter.adapters.hub.hub import Hub
from mlx_manager_jupyter.adapters.hub.records import CatalogueEntry, RepoDetails
from mlx_manager_jupyter.adapters.hub.removal import delete

__all__ = ["CatalogueEntry", "Hub", "RepoDetails", "delete", "explained"]
