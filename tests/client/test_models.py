"""How models are asked for: what goes out, and what of it comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mlx_manager_jupyter.client import transport
from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from mlx_manager_jupyter.errors import AmbiguousModel, HubUnreachable, ModelInUse
from mlx_manager_jupyter.schema import ModelQuery
from tests.client.stand_in import listening, write_connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.client.stand_in import Asked

ID = "mlx-community/Qwen3-8B-4bit"
MODEL = {"id": ID, "bits": 4, "size_bytes": 4_600_000_000, "capabilities": ["tools"]}
API = "/mlx-manager/api/"


@pytest.fixture
def asking(tmp_path: Path) -> Any:
    """``asking(answer)`` is a client in front of that answer, and what it asked."""
    opened: list[Any] = []

    def ask(answer: Callable[[Asked], None]) -> tuple[Client, Any]:
        door = listening(answer)
        stand_in = door.__enter__()
        file = write_connection(tmp_path / "connection.json", stand_in.url)
        client = Client(lambda: read(file))
        opened.append((client, door))
        return client, stand_in

    yield ask
    for client, door in opened:
        client.close()
        door.__exit__(None, None, None)


def test_a_query_sends_what_is_set_and_a_page_knows_its_total(asking: Any) -> None:
    client, door = asking(lambda asked: asked.json([MODEL], X_Total_Count="1234"))
    query = ModelQuery(source="hub", q="qwen3 & 8b", bits=(4, 8), vision=True, limit=1)
    page = client.models.search(query)
    assert (page.total, page.models[0].id, page.models[0].bits) == (1234, ID, 4)
    asked = urlsplit(door.asked[0].removeprefix("GET "))
    assert asked.path == f"{API}models"
    assert parse_qs(asked.query) == {
        "source": ["hub"], "q": ["qwen3 & 8b"], "bits": ["4", "8"], "vision": ["true"],
        "limit": ["1"],
    }  # fmt: skip
    client.models.search(ModelQuery())
    assert door.asked[1] == f"GET {API}models?"


def test_ids_travel_encoded(asking: Any) -> None:
    answers = {
        "GET": {"id": "/a folder/m"},
        "DELETE": {"freed_bytes": 5, "models": ["/a folder/m"]},
        "POST": {"model": "/a folder/m", "revision": None, "ok": True, "files": 2, "bytes": 5},
    }
    client, door = asking(lambda asked: asked.json(answers[asked.command]))
    assert client.models.get("/a folder/m").id == "/a folder/m"
    assert client.models.delete("/a folder/m").freed_bytes == 5
    assert client.models.verify("/a folder/m").ok
    encoded = f"{API}models/%2Fa%20folder%2Fm"
    assert door.asked == [f"GET {encoded}", f"DELETE {encoded}", f"POST {encoded}/verify"]


def test_the_rest_is_where_it_should_be(asking: Any) -> None:
    fit = {
        "model": ID, "verdict": "fits", "weights_bytes": 1, "cache_bytes": 1, "overhead_bytes": 1,
        "needed_bytes": 3, "available_bytes": 9, "total_bytes": 9, "spare_bytes": 6,
        "context_length": 4096, "concurrency": 2, "reason": "It fits.",
    }  # fmt: skip
    answers = {
        f"GET {API}models/mlx-community%2FQwen3-8B-4bit/fit?context_length=4096&concurrency=2": fit,
        f"GET {API}resolve?q=qwen3+8b&source=local": {"id": ID, "local": True},
        f"POST {API}models/prune": {"freed_bytes": 7},
        f"GET {API}library": {"models": 3},
        f"GET {API}catalogue": {"state": "ready"},
        f"POST {API}catalogue": {"state": "syncing"},
    }
    client, door = asking(lambda asked: asked.json(answers[asked.asked]))
    models = client.models
    assert models.fit(ID, context_length=4096, concurrency=2).spare_bytes == 6
    assert models.resolve("qwen3 8b", "local").local
    assert models.prune().freed_bytes == 7
    assert models.library().models == 3
    assert models.catalogue().state == "ready"
    assert models.sync().state == "syncing"
    assert len(door.log) == len(answers)


@pytest.mark.parametrize(
    ("problem", "status", "kind"),
    [
        ({"code": "ambiguous_model", "message": "?", "candidates": ["a/b"]}, 409, AmbiguousModel),
        ({"code": "hub_unreachable", "message": "No network."}, 503, HubUnreachable),
        ({"code": "model_in_use", "message": "Served."}, 409, ModelInUse),
    ],
)  # fmt: skip
def test_refusals_are_raised_with_all_they_say(
    asking: Any, problem: dict[str, Any], status: int, kind: type[AmbiguousModel]
) -> None:
    client, _ = asking(lambda asked: asked.json(problem, status))
    calls: list[Callable[[], object]] = [
        lambda: client.models.search(ModelQuery(source="hub")),
        lambda: client.models.resolve("x"),
        lambda: client.models.delete(ID),
    ]
    for call in calls:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.candidates == tuple(problem.get("candidates", ()))


def test_checksums_may_take_longer_than_other_answers(
    asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.1)

    def late(asked: Asked) -> None:
        time.sleep(0.5)
        asked.json({"model": ID, "revision": None, "ok": True, "files": 1, "bytes": 1})

    client, _ = asking(late)
    assert client.models.verify(ID).ok
