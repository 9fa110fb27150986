"""``jupyter mlx keys``, without a Jupyter: the daemon is started by the first of them."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Commands


@pytest.fixture
def user(module_user: Commands) -> Iterator[Commands]:
    """No key is left afterwards."""
    yield module_user
    if ids := [each["id"] for each in module_user.json("keys")]:
        module_user.json("keys", "revoke", *ids)


def opens(user: Commands, secret: str) -> bool:
    """Whether the gateway lets the bearer of this secret in."""
    url = user.json("status")["gateway_url"]
    asked = urllib.request.Request(  # noqa: S310  loopback
        f"{url}/models", headers={"Authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=30):  # noqa: S310  loopback
            code = 200
    except urllib.error.HTTPError as refused:
        refused.close()
        code = refused.code
    assert code in (200, 401)
    return code == 200


def test_a_key_from_its_making_to_its_end(user: Commands) -> None:
    said = user.run("keys")
    assert (said.returncode, said.stdout) == (0, "")
    assert "keys create LABEL" in said.stderr

    made = user.run("keys", "create", "my editor")
    assert made.returncode == 0, made.stderr
    (secret,) = made.stdout.splitlines()  # alone, for KEY=$(…)
    assert secret.startswith("mlx-")
    assert secret not in made.stderr
    assert "this once" in made.stderr
    assert opens(user, secret)

    table = user.says("keys")
    assert "my editor" in table
    assert "never" in table
    (listed,) = user.json("keys", "list")
    assert (listed["label"], listed["pid"], listed["expires_at"]) == ("my editor", None, None)

    assert user.says("keys", "revoke", listed["id"]) == f"{listed['id']} is revoked.\n"
    assert not opens(user, secret)
    assert user.json("keys") == []
    assert user.fails("keys", "revoke", listed["id"])["code"] == "not_found"


def test_a_key_outlives_the_daemon_and_its_secret_is_in_no_file(user: Commands) -> None:
    made = user.json("keys", "create", "editor")
    secret = made["secret"]
    assert opens(user, secret)
    user.says("daemon", "stop")
    assert user.json("keys")[0]["id"] == made["key"]["id"]
    assert opens(user, secret)
    assert not opens(user, secret[:-1])
    assert secret not in user.says("keys") + str(user.json("keys"))
    for file in Path(user.env["HOME"]).rglob("*"):
        if file.is_file():
            assert secret.encode() not in file.read_bytes(), file


def test_a_key_with_an_end_a_scope_and_a_rate(user: Commands) -> None:
    user.json("profiles", "create", "coder", "--model", "author/model")
    try:
        made = user.json(
            *("keys", "create", "narrow", "--expires", "30d"),
            *("--profile", "coder", "--rate", "60"),
        )["key"]
        created, ends = (datetime.fromisoformat(made[of]) for of in ("created_at", "expires_at"))
        assert ends - created == timedelta(days=30)
        assert (made["profiles"], made["requests_per_minute"]) == (["coder"], 60)
        table = user.says("keys")
        for shown in ("in 29 d 23 h", "coder", "60"):
            assert shown in table
        error = user.fails("keys", "create", "wrong", "--profile", "coda")
        assert error["code"] == "unknown_profile"
        assert "coder" in error["hint"]
        assert len(user.json("keys")) == 1
    finally:
        user.json("profiles", "delete", "coder")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create"], "LABEL"),
        (["create", "x", "--expires", "soon"], "no time"),
        (["create", "x", "--expires", "0"], "more than nothing"),
        (["create", "x", "--rate", "0"], "less than 1"),
        (["create", "x", "--rate", "many"], "no whole number"),
        (["revoke"], "ID"),
    ],
)
def test_wrong_usage_is_2(words: list[str], says: str, commands: Commands) -> None:
    done = commands.run("keys", *words)
    assert done.returncode == 2
    assert says in done.stderr


def test_the_key_of_a_shell_ends_by_itself(user: Commands) -> None:
    secret = user.json("env")["api_key"]
    assert opens(user, secret)
    (key,) = user.json("keys")
    assert key["label"] == "jupyter mlx env"
    created, ends = (datetime.fromisoformat(key[of]) for of in ("created_at", "expires_at"))
    assert ends - created == timedelta(days=7)
