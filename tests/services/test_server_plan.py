"""What a profile becomes: engine, command line, name, or what is wrong with it, field by field."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES
from mlx_manager_jupyter.adapters.process import identify
from mlx_manager_jupyter.adapters.storage import Store
from mlx_manager_jupyter.errors import MLXManagerError
from mlx_manager_jupyter.extension.app import MLXManager
from mlx_manager_jupyter.extension.model_manager import nature_of
from mlx_manager_jupyter.schema import Profile, StartServer
from mlx_manager_jupyter.services.profiles import ProfileManager
from mlx_manager_jupyter.services.servers import Planner
from tests.fixtures import embedding, seeing
from tests.fixtures.installations import openai_server
from tests.fixtures.models import break_model, make

if TYPE_CHECKING:
    from mlx_manager_jupyter.schema import StoredServer

FAKE_ENGINE = Path(__file__).parents[1] / "fixtures" / "fake_engine.py"
VLM_HELP = Path(__file__).parents[1] / "adapters" / "recorded" / "mlx_vlm-0.7.10" / "help.txt"


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    """All three engines, each a program of these tests."""
    vlm = tmp_path / "vlm" / "bin" / "mlx_vlm.server"
    vlm.parent.mkdir(parents=True)
    vlm.write_text(f"#!/bin/sh\ncat '{VLM_HELP}'\n", "utf-8")
    vlm.chmod(0o755)
    (tmp_path / "vlm" / "lib" / "python3.11" / "site-packages" / "mlx_vlm-0.7.10.dist-info").mkdir(
        parents=True
    )
    paths = {
        "mlx-lm": str(FAKE_ENGINE),
        "mlx-vlm": str(vlm),
        "mlx-openai-server": str(openai_server(tmp_path / "server", "1.8.1")),
    }

    async def as_it_is(model: str) -> str:
        return model

    store = Store(tmp_path / "state.json")
    return Planner(
        profiles=ProfileManager(store, lambda _: None),
        servable=as_it_is,
        cache=tmp_path / "hub",
        me=identify(os.getpid()),
        logs=tmp_path / "logs",
        engine_paths=paths,
        port_start=22_000,
        nature=nature_of(MLXManager(home=str(tmp_path), engine_paths=paths)),
    )


def profile(model: Path | str, **fields: Any) -> Profile:
    return Profile(name="p", model=str(model), **fields)


async def prepared(planner: Planner, of: Profile) -> StoredServer:
    return await planner.prepare("p", of, None, keep=False, taken=())


async def test_a_model_decides_on_its_engine(planner: Planner, tmp_path: Path) -> None:
    text, sees = make("chat", tmp_path / "text"), seeing.make(tmp_path / "sees")
    embeds = embedding.make(tmp_path / "embeds")

    stored = await prepared(planner, profile(text))
    assert (stored.engine, stored.served_name) == ("mlx-lm", "default_model")
    assert stored.engine_version is None, "nobody can tell that of the fake one"

    stored = await prepared(planner, profile(sees))
    assert (stored.engine, stored.engine_version) == ("mlx-vlm", "0.7.10")
    assert stored.served_name == str(sees)
    assert stored.argv[stored.argv.index("--model") + 1] == str(sees)

    stored = await prepared(planner, profile(embeds))
    assert stored.engine == "mlx-vlm"
    assert stored.argv[stored.argv.index("--embedding-model") + 1] == str(embeds)

    stored = await prepared(planner, profile(sees, engine="mlx-openai-server"))
    assert stored.argv[stored.argv.index("--model-type") + 1] == "multimodal"
    stored = await prepared(planner, profile(embeds, engine="mlx-openai-server"))
    assert stored.argv[stored.argv.index("--model-type") + 1] == "embeddings"
    stored = await prepared(planner, profile(sees, engine="mlx-lm"))
    assert stored.engine == "mlx-lm", "which runs the text of it"
    stored = await prepared(planner, profile(text, reasoning_parser="qwen3"))
    assert stored.engine == "mlx-openai-server"


async def test_the_profile_is_stored_as_it_was_asked_for(planner: Planner, tmp_path: Path) -> None:
    """Who starts it again compares it with what runs."""
    of = profile(seeing.make(tmp_path / "m"))
    assert (await prepared(planner, of)).profile == of


async def test_a_draft_model_becomes_its_folder(planner: Planner, tmp_path: Path) -> None:
    draft = make("chat", tmp_path / "hub" / "models--org--small" / "snapshots" / "abcdef")
    of = profile(make("chat", tmp_path / "m"), draft_model="org/small")
    stored = await prepared(planner, of)
    assert stored.argv[stored.argv.index("--draft-model") + 1] == str(draft)
    missing = await planner.examine(profile(tmp_path / "m", draft_model="org/other"))
    assert [each.field for each in missing.problems] == ["draft_model"]


async def test_the_environment_keeps_engines_from_the_hub(
    planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "t")
    monkeypatch.setenv("THEIR_API_KEY", "k")
    stored = await prepared(planner, profile(make("chat", tmp_path / "m"), env={"MORE": "x"}))
    env = planner.environment(stored)
    assert (env["HF_HUB_OFFLINE"], env["PYTHONUNBUFFERED"], env["MORE"]) == ("1", "1", "x")
    assert not {"HF_TOKEN", "THEIR_API_KEY"} & env.keys()
    assert await asyncio.to_thread(Path(env["HF_HUB_CACHE"]).is_dir), (
        "or mlx-lm's list of models is empty"
    )
    assert Path(stored.log).parent.name == "p", "where it runs: a folder of its own"


async def test_an_engine_that_has_keys_is_given_one_where_nobody_sees_it(
    planner: Planner, tmp_path: Path
) -> None:
    variable, folder = "MLX_VLM_SERVER_API_KEY", make("chat", tmp_path / "m")
    runs = [await prepared(planner, profile(folder, engine="mlx-vlm")) for _ in range(2)]
    assert runs[0].api_key != runs[1].api_key
    for stored in runs:
        assert stored.api_key
        assert len(stored.api_key) >= 32
        assert planner.environment(stored)[variable] == stored.api_key
        assert stored.api_key not in f"{stored.argv} {stored}"
        assert ENGINES["mlx-vlm"].headers(stored) == {"Authorization": f"Bearer {stored.api_key}"}
    chosen = await prepared(planner, profile(folder, engine="mlx-vlm", env={variable: "mine"}))
    assert (chosen.api_key, planner.environment(chosen)[variable]) == ("mine", "mine")
    other = await prepared(planner, profile(folder, engine="mlx-lm"))
    assert other.api_key is None
    assert variable not in planner.environment(other)
    assert ENGINES["mlx-lm"].headers(other) == {}


async def test_a_remote_asks_for_no_model_of_this_machine(planner: Planner) -> None:
    settings = await planner.settings(
        StartServer(
            model="their-model",
            name="far",
            engine="remote",
            set={"base_url": "https://example.invalid:8443/v1"},
        )
    )
    stored = await prepared(planner, settings[1])
    assert (stored.host, stored.port) == ("example.invalid", 8443)
    assert (stored.argv, stored.served_name) == ((), "their-model")
    assert stored.base_url == "https://example.invalid:8443/v1"
    with pytest.raises(MLXManagerError, match="no URL"):
        await prepared(planner, profile("m", engine="remote", base_url="http://h:99999/v1"))


@pytest.mark.parametrize(
    ("fields", "fields_wrong", "engine"),
    [
        ({}, [], "mlx-lm"),
        ({"engine": "mlx-lm", "queue_size": 3}, ["queue_size"], "mlx-lm"),
        ({"queue_size": 3}, [], "mlx-openai-server"),
        (
            {"engine": "mlx-openai-server", "tool_call_parser": "nonsense", "max_concurrency": 1},
            ["max_concurrency", "tool_call_parser"],
            "mlx-openai-server",
        ),
        ({"chat_template_file": "/nowhere/t.jinja"}, ["chat_template_file"], "mlx-lm"),
        ({"adapter_path": "~nobody-at-all/a"}, ["adapter_path"], "mlx-lm"),
        ({"model": "/nowhere/m"}, ["model"], "mlx-lm"),
        ({"model": ""}, [], "mlx-lm"),
        ({"engine": "remote"}, ["base_url"], "remote"),
        ({"engine": "command"}, ["command"], "command"),
        ({"engine": "mlx-vlm", "model_type": "whisper"}, ["model_type"], "mlx-vlm"),
    ],
)
async def test_everything_is_told_at_once(
    planner: Planner,
    tmp_path: Path,
    fields: dict[str, Any],
    fields_wrong: list[str],
    engine: str,
) -> None:
    of: dict[str, Any] = {"name": "p", "model": str(make("chat", tmp_path / "m"))} | fields
    check = await planner.examine(Profile(**of))
    assert [each.field for each in check.problems] == fields_wrong, check.problems
    assert check.engine == engine
    assert "model" in check.honoured
    for each in check.problems:
        assert each.problem.message


@pytest.mark.parametrize("fault", ["no_weights", "truncated", "bad_header", "no_tokenizer"])
async def test_examining_never_raises(planner: Planner, tmp_path: Path, fault: str) -> None:
    check = await planner.examine(profile(break_model(fault, tmp_path / "m")))
    found = [each.field for each in check.problems]
    assert found == ([] if fault == "no_tokenizer" else ["model"])


async def test_an_engine_that_is_missing_is_a_problem_of_that_field(
    planner: Planner, tmp_path: Path
) -> None:
    planner._matcher._engine_paths = {"mlx-openai-server": "/nowhere/at/all"}
    folder = make("chat", tmp_path / "m")
    check = await planner.examine(profile(folder, engine="mlx-openai-server", queue_size=3))
    assert [each.field for each in check.problems] == ["engine"]
    assert check.problems[0].problem.code == "engine_missing"
    assert "queue_size" in check.honoured, "as far as is known of it"
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n", "utf-8")
    broken.chmod(0o755)
    planner._matcher._engine_paths = {"mlx-lm": str(broken)}
    check = await planner.examine(profile(folder, kv_bits=8))
    assert [each.field for each in check.problems] == ["engine"]
    assert "--help" in check.problems[0].problem.message
