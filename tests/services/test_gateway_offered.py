"""What people are told that a model offers is what there is."""

from __future__ import annotations

from mlx_manager_jupyter.services.gateway import ENDPOINTS, offered


def test_every_endpoint_can_be_named() -> None:
    counts = {"messages/count_tokens"}  # a part of messages
    assert set(offered.ENDPOINTS) == ENDPOINTS.keys() - counts
    assert set(offered.ENDPOINTS) > offered.TRANSLATED
