"""``client.models``: search, facts, fit, names, and what is on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from mlx_manager_jupyter.schema import (
    Catalogue,
    Fit,
    Library,
    Model,
    ModelPage,
    ModelQuery,
    Pruned,
    Resolution,
    Verification,
)

if TYPE_CHECKING:
    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.schema import ModelSource


class ModelCalls:
    """``client.models``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def search(self, query: ModelQuery) -> ModelPage:
        """One page of models, best first; `HubFailed` when only the Hub could say, and did not.

        The first search of a day may wait for the Hub's catalogue.
        """
        answer = self._client.send("GET", f"models?{_encoded(query)}", patient=True)
        models = msgspec.json.decode(answer.content, type=tuple[Model, ...])
        return ModelPage(models=models, total=int(answer.headers["X-Total-Count"]))

    def get(self, model: str) -> Model:
        """One model with its files; ``model`` is a full id or the path of a folder."""
        return self._client.call("GET", _path(model), Model)

    def fit(
        self,
        model: str,
        *,
        context_length: int | None = None,
        concurrency: int = 1,
        kv_bits: int | None = None,
    ) -> Fit:
        """Whether a model fits into the memory that is free now, with the numbers."""
        asked = {"context_length": context_length, "concurrency": concurrency, "kv_bits": kv_bits}
        return self._client.call("GET", f"{_path(model)}/fit?{_pairs(asked)}", Fit)

    def resolve(self, words: str, source: ModelSource = "hub") -> Resolution:
        """The one model that loose words mean; `AmbiguousModel` with candidates if several.

        Args:
            words: such as ``qwen3 8b 4bit``.
            source: ``local``: only what is complete on this machine.
        """
        path = f"resolve?{_pairs({'q': words, 'source': source})}"
        answer = self._client.send("GET", path, patient=True)
        return msgspec.json.decode(answer.content, type=Resolution)

    def delete(self, model: str) -> Pruned:
        """Remove every file of a model; `ModelInUse` while it is served or downloaded."""
        return msgspec.json.decode(self._client.send("DELETE", _path(model)).content, type=Pruned)

    def verify(self, model: str) -> Verification:
        """Read every file of a local model again: seconds for each gigabyte."""
        answer = self._client.send("POST", f"{_path(model)}/verify", patient=True)
        return msgspec.json.decode(answer.content, type=Verification)

    def prune(self) -> Pruned:
        """Remove what is left of downloads that nobody goes on with."""
        return self._client.call("POST", "models/prune", Pruned)

    def library(self) -> Library:
        """The models of this machine in figures."""
        return self._client.call("GET", "library", Library)

    def catalogue(self) -> Catalogue:
        """What is known here of the models on the Hub, and since when."""
        return self._client.call("GET", "catalogue", Catalogue)

    def sync(self) -> Catalogue:
        """Ask the Hub for its catalogue now; returns at once."""
        return self._client.call("POST", "catalogue", Catalogue)


def _path(model: str) -> str:
    return f"models/{quote(model, safe='')}"


def _encoded(query: ModelQuery) -> str:
    """What differs from the defaults: an old extension need not know a field nobody asks for."""
    unset = ModelQuery()
    asked = msgspec.structs.asdict(query)
    return _pairs({key: value for key, value in asked.items() if value != getattr(unset, key)})


def _pairs(asked: dict[str, Any]) -> str:
    given = {key: value for key, value in asked.items() if value is not None}
    plain = {key: "true" if value is True else value for key, value in given.items()}
    return urlencode(plain, doseq=True)
