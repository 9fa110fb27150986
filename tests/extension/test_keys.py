"""Keys through real HTTP: made, listed and revoked; what they open, how long and how often."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.schema import CreateKey
from mlx_manager_jupyter.services.keys import KeyManager
from tests.extension.raw import send
from tests.extension.test_gateway import ASK, SENTENCE
from tests.extension.test_servers import API, start, until

if TYPE_CHECKING:
    from mlx_manager_jupyter.extension.app import MLXManager
    from mlx_manager_jupyter.schema import Profile
    from tests.extension.conftest import Door

MODELS = "v1/models"
CHAT = "v1/chat/completions"


async def make(door: Door, **wanted: Any) -> tuple[dict[str, Any], str]:
    """A new key and its secret."""
    made = await door.json(f"{API}/keys", method="POST", body={"label": "test", **wanted})
    return made["key"], made["secret"]


async def refused(door: Door, secret: str, model: str) -> tuple[int, str]:
    """What a question to this model is answered, and the code of the error."""
    body = {"model": model, "messages": ASK}
    answer = await door.fetch(CHAT, method="POST", token=secret, body=body)
    return answer.code, json.loads(answer.body)["error"]["code"]


async def test_a_key_from_its_making_to_its_end(door: Door) -> None:
    key, secret = await make(door, expires_in_seconds=3600, requests_per_minute=600)
    assert secret.startswith("mlx-")
    assert (await door.fetch(MODELS, token=secret)).code == 200
    (listed,) = await door.json(f"{API}/keys")
    assert listed.pop("last_used_at")
    assert listed.items() <= key.items()
    assert (await door.fetch(f"{API}/keys/{key['id']}", method="DELETE")).code == 204
    assert (await door.fetch(MODELS, token=secret)).code == 401
    gone = await door.fetch(f"{API}/keys/{key['id']}", method="DELETE")
    assert (gone.code, json.loads(gone.body)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"label": ""}, 400, "label"),
        ({"label": "x" * 81}, 400, "label"),
        ({"expires_in_seconds": 0}, 400, "expires_in_seconds"),
        ({"expires_in_seconds": 1e300}, 400, "expires_in_seconds"),
        ({"requests_per_minute": 0}, 400, "requests_per_minute"),
        ({"requests_per_minute": 10**40}, 400, "requests_per_minute"),
        ({"requests_per_minute": 1.5}, 400, "requests_per_minute"),
        ({"profiles": ["../x"]}, 400, "profiles"),
        ({"profiles": ["nobody"]}, 404, "nobody"),
        ({"pid": 2**22 + 1}, 400, "no process"),
        ({"secret": "mlx-mine"}, 400, "secret"),
        ({"id": "mine"}, 400, "id"),
    ],
)
async def test_what_can_be_no_key_is_refused_in_words(
    door: Door, body: dict[str, Any], status: int, says: str
) -> None:
    answer = await door.fetch(f"{API}/keys", method="POST", body=body)
    assert answer.code == status
    assert says in json.loads(answer.body)["message"]
    assert await door.json(f"{API}/keys") == []


async def test_anthropics_clients_send_it_in_a_header_of_their_own(door: Door) -> None:
    _, secret = await make(door)
    for header, status in (
        ({"x-api-key": secret}, 200),
        ({"X-API-Key": secret}, 200),
        ({"x-api-key": secret + "x"}, 401),
        ({"x-api-key": f"Bearer {secret}"}, 401),
        ({"Authorization": f"bearer {secret}"}, 200),
        ({"Authorization": secret}, 401),
        ({"Authorization": f"Basic {secret}"}, 401),
        ({"Authorization": "Bearer wrong", "x-api-key": secret}, 401),
    ):
        assert (await send(door.url, f"/{MODELS}", header)).status == status, header


async def test_an_expired_key_opens_nothing_and_says_so(door: Door) -> None:
    key, secret = await make(door, expires_in_seconds=0.001)
    await asyncio.sleep(0.01)
    for path, method in ((MODELS, "GET"), (CHAT, "POST"), ("v1/embeddings", "POST")):
        answer = await door.fetch(path, method=method, token=secret)
        assert answer.code == 401
        assert "expired" in json.loads(answer.body)["error"]["message"]
    (listed,) = await door.json(f"{API}/keys")
    assert listed["expires_at"] == key["expires_at"]  # it is shown what became of it


async def test_who_asks_too_often_is_told_when_to_ask_again(door: Door) -> None:
    _, secret = await make(door, requests_per_minute=2)
    assert (await door.fetch(MODELS, token=secret)).code == 200
    # Whatever becomes of a request, it counts.
    assert await refused(door, secret, "nobody") == (404, "unknown_model")
    for path, method in ((MODELS, "GET"), (CHAT, "POST")):
        answer = await door.fetch(path, method=method, token=secret)
        assert answer.code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        assert json.loads(answer.body)["error"]["code"] == "too_many_requests"
    _, other = await make(door)
    assert (await door.fetch(MODELS, token=other)).code == 200


async def test_a_key_opens_its_profiles_alone_by_whatever_name(door: Door, model: Path) -> None:
    for name in ("one", "two"):
        profile = {"name": name, "model": str(model), "aliases": [f"{name}-too"]}
        await door.json(f"{API}/profiles", method="POST", body=profile)
    key, secret = await make(door, profiles=["one-too"])
    assert key["profiles"] == ["one"]
    await start(door, profile="one")
    await start(door, profile="two")
    await start(door, model=str(model), name="three")  # from no profile
    for name in ("one", "two", "three"):
        await until(door, name, "ready")
    _, every = await make(door)
    seen = [
        {each["id"] for each in (await door.json(MODELS, token=of))["data"]}
        for of in (secret, every)
    ]
    assert "one" in seen[0]
    assert not {"two", "two-too", "three"} & seen[0]
    assert {"one", "two", "three"} <= seen[1]
    for name in ("one", "one-too"):
        whole = await door.json(
            CHAT, method="POST", token=secret, body={"model": name, "messages": ASK}
        )
        assert whole["choices"][0]["message"]["content"] == SENTENCE
    for name in ("two", "two-too", "three", f"{model}:two"):
        body = {"model": name, "messages": ASK}
        answer = await door.fetch(CHAT, method="POST", token=secret, body=body)
        assert answer.code == 403, name
        error = json.loads(answer.body)["error"]
        assert error["code"] == "forbidden"
        assert "one" in error["message"]
        assert (await door.fetch(CHAT, method="POST", token=every, body=body)).code == 200


async def test_a_key_of_another_jupyter_opens_this_one_until_it_is_revoked_there(
    door: Door, extension: MLXManager
) -> None:
    async def none() -> tuple[Profile, ...]:
        return ()

    elsewhere = KeyManager(Store(Path(extension.database_path)), profiles=none)
    made = await elsewhere.create(CreateKey(label="made elsewhere"))
    assert (await door.fetch(MODELS, token=made.secret)).code == 200
    assert [key["label"] for key in await door.json(f"{API}/keys")] == ["made elsewhere"]
    await elsewhere.revoke(made.key.id)
    async with asyncio.timeout(30):
        while (await door.fetch(MODELS, token=made.secret)).code == 200:
            await asyncio.sleep(0.05)
    assert (await door.fetch(MODELS, token=made.secret)).code == 401
    # And the other way round.
    key, secret = await make(door)
    assert await elsewhere.check(secret)
    assert (await door.fetch(f"{API}/keys/{key['id']}", method="DELETE")).code == 204
    assert await elsewhere.list() == []
    assert await elsewhere.check(secret) is None
    await elsewhere.close()


async def test_no_secret_is_in_a_log_or_a_file(
    door: Door, extension: MLXManager, jupyter_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    named, secret = await make(door, requests_per_minute=2)
    _, expired = await make(door, expires_in_seconds=0.001)
    secrets = (secret, expired, "mlx-somethingElseThatIsSecret", door.token)
    below = urlsplit(jupyter_url).path + "mlx-manager/"
    for given in secrets:
        for way in ({"Authorization": f"Bearer {given}"}, {"x-api-key": given}):
            for path in (CHAT, "v1/nothing", f"{API}/keys", f"{API}/nothing"):
                await send(door.url, f"/{path}", way)
                await send(door.url, f"/{path}", way, method="POST", body="no json {")
                await send(jupyter_url, below + path.removeprefix("mlx-manager/"), way)
    await door.fetch(f"{API}/keys/{named['id']}", method="DELETE")
    assert "429 " in caplog.text
    assert not [given for given in secrets if given in caplog.text]
    kept = contents(Path(extension.home))
    assert kept
    assert not [given for given in secrets if given.encode() in kept]


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
