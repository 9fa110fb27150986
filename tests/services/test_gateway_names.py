"""What a name means at the gateway, to whom; decided on what there is, without asking anybody."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.errors import (
    AmbiguousModel,
    BadRequest,
    Forbidden,
    NotReady,
    UnknownModel,
)
from mlx_manager_jupyter.schema import Identity, Key, Problem, Profile, StoredServer
from mlx_manager_jupyter.services.gateway import Gateway
from mlx_manager_jupyter.services.gateway.names import Place, meant, places, why_none
from mlx_manager_jupyter.services.servers import ManagedServer

REPO = "mlx-community/Qwen3-4B-4bit"


class Server(ManagedServer):
    """A server whose state is what it is told."""

    async def launch(self, env: object) -> None:
        raise NotImplementedError

    def adopt(self) -> None:
        raise NotImplementedError

    async def stop(self) -> None:
        raise NotImplementedError

    async def detach(self) -> None:
        raise NotImplementedError

    async def examine(self, timeout: float) -> None:  # noqa: ASYNC109
        raise NotImplementedError


def server(name: str, state: Any = "ready", saved: str | None = None, **fields: Any) -> Server:
    """One of this name."""
    stored = StoredServer(
        name=name,
        run="1",
        profile=Profile(name=name, **{"model": REPO, **fields}),
        profile_name=saved,
        engine="mlx-lm",
        argv=(),
        host="127.0.0.1",
        port=1,
        log="",
        keep=False,
        wanted=True,
        owner=Identity(pid=1, create_time=1.0, argv=()),
    )
    made = Server(stored, ENGINES["mlx-lm"], lambda _: None)
    if state == "failed":
        made.fail(Problem(code="engine_crashed", message="It crashed."))
    made._state = state
    return made


def profile(name: str, **fields: Any) -> Profile:
    return Profile(name=name, **{"model": REPO, **fields})


def key(*profiles: str) -> Key:
    return Key(id="k", label="test", created_at=datetime.now(UTC), profiles=profiles)


def found(name: str, there: list[Place], bearer: Key | None = None) -> str | None:
    place = meant(name, there, bearer)
    return place.name if place else None


@pytest.mark.parametrize(
    "name",
    [
        "calm-2",
        "soft",
        "calm",
        f"{REPO}:calm",
        "Qwen3-4B-4bit:calm",
        REPO,
        "Qwen3-4B-4bit",
    ],
)
def test_a_server_goes_by_many_names(name: str) -> None:
    one = server("calm-2", saved="calm", aliases=("soft", "gentle"))
    other = server("other", model="/models/other")
    assert found(name, places([other, one], [])) == "calm-2"


@pytest.mark.parametrize("name", ["", "Calm", "calm:calm", "mlx-community", "Qwen3", f"{REPO}:x"])
def test_what_is_only_like_a_name_means_nothing(name: str) -> None:
    there = places([server("calm-2", saved="calm"), server("remote", model="")], [])
    assert found(name, there) is None


def test_a_folder_goes_by_its_last_part() -> None:
    there = places([server("one", model="/models/tiny-chat/")], [])
    assert found("tiny-chat", there) == "one"
    assert found("/models/tiny-chat/", there) == "one"


def test_the_more_particular_name_wins_whatever_is_ready() -> None:
    there = places(
        [
            server("x", "loading", model="m"),
            server("a", model="x"),
            server("b", aliases=("x",)),
        ],
        [],
    )
    assert found("x", there) == "x"
    assert found("x", there[1:]) == "b"
    assert found("x", there[1:2]) == "a"


def test_of_a_model_one_that_answers_is_meant_rather_than_one_that_would_have_to_start() -> None:
    saved = [profile("warm"), profile("cold", temperature=1.0)]
    there = places([server("warm", saved="warm")], saved)
    assert [place.name for place in there] == ["warm", "cold"]
    assert found(REPO, there) == "warm"
    assert found(f"{REPO}:cold", there) == "cold"
    loading = places([server("warm", "loading", saved="warm")], saved)
    assert found(REPO, loading) == "warm"


def test_several_that_differ_are_named() -> None:
    there = places([server("one"), server("two", temperature=1.0)], [])
    with pytest.raises(AmbiguousModel, match="could be one or two") as refused:
        meant(REPO, there, None)
    assert refused.value.candidates == ("one", "two")
    assert refused.value.status == 400
    assert found("two", there) == "two"
    both = [profile("warm"), profile("cold", temperature=1.0)]
    with pytest.raises(AmbiguousModel, match="could be warm or cold"):
        meant(REPO, places([], both), None)


def test_of_several_that_do_not_differ_the_less_busy_one_is_asked() -> None:
    one, two = server("one", saved="p", port=1), server("two", saved="p", port=2)
    there = places([one, two], [profile("p")])
    one.use.begin()
    assert found("p", there) == "two"
    two.use.begin()
    two.use.begin()
    assert found("p", there) == "one"


def test_a_profile_that_starts_on_no_request_is_not_meant_and_it_is_said_how_to_start_it() -> None:
    there = places([], [profile("calm", on_demand=False)])
    assert found("calm", there) is None
    error = why_none("calm", there, None)
    assert isinstance(error, NotReady)
    assert "starts on no request" in error.message
    assert error.hint == "Start it: %mlx_serve calm"


def test_nobody_is_told_more_than_the_nearest_names() -> None:
    there = places([server("tiny", aliases=("small",))], [profile("calm")])
    error = why_none("tny", there, None)
    assert isinstance(error, UnknownModel)
    assert error.hint == "Did you mean tiny?"
    assert why_none("zzz", there, None).hint == "See 'models' for the list."
    missing = why_none("", there, None)
    assert isinstance(missing, BadRequest)
    assert missing.hint == "There is tiny, calm."


def test_a_key_opens_its_profiles_alone() -> None:
    there = places([server("adhoc"), server("two", saved="calm")], [profile("calm"), profile("x")])
    assert found("two", there, key("calm")) == "two"
    assert found(REPO, there, key("calm")) == "two", "what it does not open, it does not mean"
    assert found("adhoc", there, key("calm")) is None
    assert found("adhoc", there, key("adhoc")) == "adhoc"
    assert found("x", there, key()) == "x"
    error = why_none("x", there, key("calm", "other"))
    assert isinstance(error, Forbidden)
    assert str(error) == "This key does not open 'x'. It opens calm, other."
    unknown = why_none("adhok", there, key("calm"))
    assert isinstance(unknown, UnknownModel)
    assert unknown.hint == "See 'models' for the list.", "it is not told what others have"


@pytest.mark.parametrize(
    ("state", "fields", "may"),
    [
        ("ready", {"on_demand": False}, True),
        ("loading", {"on_demand": False}, True),
        ("failed", {}, True),
        ("failed", {"on_demand": False}, False),
    ],
)
def test_what_is_listed(state: str, fields: dict[str, Any], *, may: bool) -> None:
    (place,) = places([server("one", state, **fields)], [])
    assert place.may_answer is may
    assert place.state == state


def test_the_page_lists_every_setting_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "gateway.md").read_text("utf-8")
    settings = Gateway.class_own_traits(config=True)
    assert settings
    for name, trait in settings.items():
        assert f"| `{name}` | {trait.default_value} |" in page
