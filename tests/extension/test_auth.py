"""Every verb of every route refuses strangers: no token, a wrong one, a mere gateway key."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import AsyncHTTPClient

from mlx_manager_jupyter.extension.app import _routes
from mlx_manager_jupyter.extension.gateway import GatewayHandler
from tests.extension.raw import send

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


# --- requests that no client writes -------------------------------------------------------------

#: After ``/``, below it the gateway or the API: each names one of them in a way that it has not.
TRICKS = (
    "v1/../mlx-manager/api/keys",
    "v1/%2e%2e/mlx-manager/api/keys",
    "v1/..%2fmlx-manager%2fapi%2fkeys",
    "v1%2fmodels",
    "v1/%6dodels%00",
    "v1/models%2f",
    "v1/models/",
    "v1//models",
    "v1/./models",
    "v1/models;x=1",
    "v1/models%20",
    "V1/models",
    "v1/MODELS",
    "v1/models%3f",
    "v1\\models",
    "/v1/models",
    "//v1/models",
    "mlx-manager/api/../../v1/models",
    "mlx-manager/api/%2e%2e/%2e%2e/v1/models",
    "mlx-manager//api/keys",
    "mlx-manager/api//keys",
    "mlx-manager/api/keys/",
    "mlx-manager/api/keys/../status",
    "mlx-manager/api/keys%2f",
    "mlx-manager%2fapi%2fkeys",
    "MLX-manager/api/keys",
    "mlx-manager/API/keys",
)


#: What the answers of the API and of the gateway hold.
TELLING = ("theirs", "secret", "digest", "created", "object")


async def secrets_of(door: Door) -> dict[str, str]:
    """A bearer for each kind of stranger, by what it is."""
    made = await door.json("mlx-manager/api/keys", method="POST", body={"label": "theirs"})
    old = await door.json("mlx-manager/api/keys", method="POST", body={"label": "old"})
    await door.fetch(f"mlx-manager/api/keys/{old['key']['id']}", method="DELETE")
    return {"nothing": "", "wrong": "mlx-wrong", "revoked": old["secret"], "key": made["secret"]}


def places(door: Door, jupyter_url: str) -> list[tuple[str, str]]:
    """Both listeners: where, and what their paths begin with."""
    return [(door.url, "/"), (jupyter_url, urlsplit(jupyter_url).path)]


def at(base: str, path: str) -> str:
    """A path of the door, as it is at this listener."""
    below = base != "/" and path.lower().startswith(("v1", "/v1"))
    return f"{base}mlx-manager/{path}" if below else base + path


async def test_no_twist_of_a_path_opens_anything(door: Door, jupyter_url: str) -> None:
    for who, secret in (await secrets_of(door)).items():
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        for url, base in places(door, jupyter_url):
            # They would be let in where they belong.
            straight = await send(url, at(base, "v1/models"), headers)
            assert straight.status == (200 if who == "key" else 401)
            for path in TRICKS:
                for method in ("GET", "POST"):
                    answer = await send(url, at(base, path), headers, method=method)
                    told = (who, method, at(base, path), answer.status)
                    assert 300 <= answer.status < 500, told
                    assert not [word for word in TELLING if word in answer.body], told
    listed = await door.json("mlx-manager/api/keys")
    assert [key["label"] for key in listed] == ["theirs"]


async def test_a_whole_address_as_the_path_opens_nothing(door: Door, jupyter_url: str) -> None:
    for url, base in places(door, jupyter_url):
        for target in (f"http://evil.example{base}v1/models", f"{url}v1/models", "*", "evil:443"):
            for method in ("GET", "POST", "CONNECT"):
                assert (await send(url, target, method=method)).status >= 300, (target, method)


@pytest.mark.parametrize("name", ["key", "api_key", "token", "access_token", "x-api-key"])
async def test_a_key_in_the_query_opens_nothing(
    door: Door, jupyter_url: str, jp_auth_header: dict[str, str], name: str
) -> None:
    key = (await secrets_of(door))["key"]
    logins = (key, door.token, jp_auth_header["Authorization"].partition(" ")[2])
    for url, base in places(door, jupyter_url):
        for secret in logins:
            query = f"{name}={secret}&Authorization=Bearer%20{secret}"
            for method, path in (("GET", "v1/models"), ("POST", "v1/chat/completions")):
                answer = await send(url, f"{at(base, path)}?{query}", method=method)
                assert answer.status == 401, (base, path)
        answer = await send(url, f"{at(base, 'mlx-manager/api/keys')}?{name}={key}")
        assert answer.status == 403
    cookie = "; ".join(f"{of}={key}" for of in ("Authorization", "x-api-key", "token", "key"))
    assert (await send(door.url, "/v1/models", {"Cookie": cookie})).status == 401


# --- a web page in the user's browser -----------------------------------------------------------

FOREIGN = "https://evil.example"


async def login(jupyter_url: str, token: str) -> tuple[str, str]:
    """What a browser has after the login: all cookies as it sends them, and the XSRF token."""
    cookies: SimpleCookie = SimpleCookie()
    for path in ("login", f"api/me?token={token}"):
        answer = await AsyncHTTPClient().fetch(
            jupyter_url + path, headers={"Cookie": _sent(cookies)} if cookies else {}
        )
        for line in answer.headers.get_list("Set-Cookie"):
            cookies.load(line)
    return _sent(cookies), cookies["_xsrf"].value


def _sent(cookies: SimpleCookie) -> str:
    return "; ".join(f"{name}={cookie.value}" for name, cookie in cookies.items())


async def test_a_foreign_page_can_do_nothing_with_the_browsers_login(
    door: Door, jupyter_url: str, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].partition(" ")[2]
    cookie, xsrf = await login(jupyter_url, token)
    base = urlsplit(jupyter_url).path
    own = jupyter_url.removesuffix(base)
    keys, body = f"{base}mlx-manager/api/keys", '{"label": "stolen"}'
    page: dict[str, str | None] = {"Cookie": cookie, "Origin": FOREIGN, "Referer": f"{FOREIGN}/"}

    # The login is good: Jupyter's own page may.
    mine = {"Cookie": cookie, "Origin": own, "Referer": jupyter_url, "X-XSRFToken": xsrf}
    assert (await send(jupyter_url, keys, mine)).json == []
    made = await send(jupyter_url, keys, mine, method="POST", body='{"label": "own"}')
    assert made.status == 201

    for origin in (FOREIGN, "null", f"{own}.evil.example", "http://127.0.0.1:1"):
        headers = page | {"Origin": origin}
        for token_sent in (None, xsrf, "wrong"):
            more = {"X-XSRFToken": token_sent}
            for kind in ("application/json", "text/plain"):
                sent = {**headers, **more, "Content-Type": kind}
                answer = await send(jupyter_url, keys, sent, method="POST", body=body)
                assert answer.status in (403, 404), (origin, more)
                assert "secret" not in answer.body
            answer = await send(jupyter_url, keys, {**headers, **more})
            assert answer.status in (403, 404), (origin, more)
    # A form of a page that hides where it comes from has no token that it could send along.
    for sent in (page | {"Origin": None, "Referer": None}, page | {"Origin": None}):
        answer = await send(jupyter_url, keys, sent, method="POST", body=body)
        assert answer.status == 403
    listed = await door.json("mlx-manager/api/keys")
    assert [key["label"] for key in listed] == ["own"]


async def test_the_browsers_login_opens_no_gateway_from_anywhere(
    door: Door, jupyter_url: str, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].partition(" ")[2]
    cookie, xsrf = await login(jupyter_url, token)
    own = jupyter_url.removesuffix(urlsplit(jupyter_url).path)
    for url, base in places(door, jupyter_url):
        for origin in (None, FOREIGN, own, "null"):
            for more in ({}, {"X-XSRFToken": xsrf}, {"Authorization": f"token {token}"}):
                sent: dict[str, str | None] = {"Cookie": cookie, "Origin": origin, **more}
                for method, path in (("GET", "models"), ("POST", "chat/completions")):
                    answer = await send(url, at(base, f"v1/{path}"), sent, method=method)
                    assert answer.status == 401, (origin, more, path)
                    assert "access-control-allow-origin" not in answer.headers


async def test_no_other_page_is_ever_allowed_to_read(door: Door, jupyter_url: str) -> None:
    key = (await secrets_of(door))["key"]
    asks = {
        "Origin": FOREIGN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-api-key,content-type",
    }
    for url, base in places(door, jupyter_url):
        for path in ("v1/models", "v1/chat/completions", "mlx-manager/api/keys"):
            for more in ({}, {"Authorization": f"Bearer {key}"}):
                answer = await send(url, at(base, path), {**asks, **more}, method="OPTIONS")
                assert "access-control-allow-origin" not in answer.headers, (base, path)
        answer = await send(
            url, at(base, "v1/models"), {"Origin": FOREIGN, "Authorization": f"Bearer {key}"}
        )
        assert "access-control-allow-origin" not in answer.headers


async def test_another_name_for_this_machine_opens_nothing(door: Door) -> None:
    """A page may have its own name point here. The browser sends that name, and no key of ours."""
    bearer = {"Authorization": f"Bearer {door.token}"}
    for host in ("evil.example", "evil.example:10239", "127.0.0.1.evil.example", "10.0.0.1"):
        for path in ("v1/models", "v1/chat/completions", "v1/nothing"):
            for method in ("GET", "POST"):
                answer = await send(door.url, f"/{path}", {"Host": host}, method=method)
                assert answer.status == 401, (host, path)
        # Not even with the door's token, which no page has.
        answer = await send(door.url, "/mlx-manager/api/keys", {"Host": host, **bearer})
        assert answer.status == 403, host
    answer = await send(door.url, "/mlx-manager/api/keys", {"Host": "localhost", **bearer})
    assert answer.status == 200
