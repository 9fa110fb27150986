"""Every verb of every route refuses strangers: no token, a wrong one, a mere gateway key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tornado.httpclient import AsyncHTTPClient

from mlx_manager_jupyter.extension.app import _routes
from mlx_manager_jupyter.extension.gateway import GatewayHandler

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.extension.conftest import Door

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def offered(api: str, v1: str) -> Iterator[tuple[str, str, bool]]:
    """Every verb that some handler implements: name, path, and whether it is the gateway's."""
    for pattern, handler in _routes(api, v1):
        path = re.sub(r"\([^)]*\)", "x", pattern)
        for verb in VERBS:
            method = getattr(handler, verb.lower())
            if method.__qualname__ != "RequestHandler._unimplemented_method":
                yield verb, path, issubclass(handler, GatewayHandler)


AT_THE_DOOR = list(offered("mlx-manager/api", "v1"))
AT_JUPYTER = list(offered("/mlx-manager/api", "/mlx-manager/v1"))


def test_the_walk_sees_every_noun() -> None:
    walked = " ".join(path for _, path, _ in AT_THE_DOOR)
    for noun in ("status", "profiles", "servers", "keys", "events", "models", "chat/completions"):
        assert noun in walked


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_the_door_refuses_strangers(door: Door, token: str) -> None:
    for verb, path, gateway in AT_THE_DOOR:
        response = await door.fetch(path, method=verb, token=token)
        assert response.code == (401 if gateway else 403), (verb, path)


async def test_a_gateway_key_opens_the_gateway_alone(door: Door) -> None:
    made = await door.json("mlx-manager/api/keys", method="POST", body={"label": "test"})
    for verb, path, gateway in AT_THE_DOOR:
        response = await door.fetch(path, method=verb, token=made["secret"])
        assert (response.code not in {401, 403}) == gateway, (verb, path)


async def test_the_doors_token_does_not_open_the_gateway(door: Door) -> None:
    for verb, path, gateway in AT_THE_DOOR:
        if gateway:
            assert (await door.fetch(path, method=verb)).code == 401, (verb, path)


@pytest.mark.parametrize("given", ["nothing", "wrong", "gateway key"])
async def test_jupyters_own_url_refuses_strangers(jupyter_url: str, door: Door, given: str) -> None:
    secret = "wrong"
    if given == "gateway key":
        made = await door.json("mlx-manager/api/keys", method="POST", body={"label": "test"})
        secret = made["secret"]
    headers = {} if given == "nothing" else {"Authorization": f"Bearer {secret}"}
    for verb, path, gateway in AT_JUPYTER:
        response = await AsyncHTTPClient().fetch(
            jupyter_url.rstrip("/") + path,
            method=verb,
            headers=headers,
            body=None if verb in {"GET", "DELETE"} else "{}",
            raise_error=False,
            follow_redirects=False,
        )
        if gateway and given == "gateway key":
            assert response.code not in {401, 403}, (verb, path)
        else:
            assert response.code == (401 if gateway else 403), (verb, path)


async def test_jupyters_login_opens_the_api_but_cannot_drive_the_gateway(
    jupyter_url: str, jp_auth_header: dict[str, str], door: Door
) -> None:
    assert door.url
    codes = {
        path: (
            await AsyncHTTPClient().fetch(
                jupyter_url + path, headers=jp_auth_header, raise_error=False
            )
        ).code
        for path in ("mlx-manager/api/status", "mlx-manager/v1/models")
    }
    assert codes == {"mlx-manager/api/status": 200, "mlx-manager/v1/models": 401}


async def test_a_revoked_key_opens_nothing(door: Door) -> None:
    made = await door.json("mlx-manager/api/keys", method="POST", body={"label": "test"})
    key_id, secret = made["key"]["id"], made["secret"]
    assert (await door.fetch("v1/models", token=secret)).code == 200
    assert (await door.fetch(f"mlx-manager/api/keys/{key_id}", method="DELETE")).code == 204
    assert (await door.fetch("v1/models", token=secret)).code == 401
    listed = await door.json("mlx-manager/api/keys")
    assert secret not in str(listed)
