"""A model that can't be run."""

from __future__ import annotations

from mlx_manager_jupyter.errors.base import MLXManagerError


class ModelUnusable(MLXManagerError):
    """The model's files can't be served."""

    status = 422
    code = "model_unusable"


class NoWeights(ModelUnusable):
    """The folder lacks weights, or some of them."""

    code = "no_weights"


class CorruptWeights(ModelUnusable):
    """A weight file is damaged or cut short."""

    code = "corrupt_weights"


class UnsupportedModel(ModelUnusable):
    """The engine does not know this architecture."""

    code = "unsupported_model"
