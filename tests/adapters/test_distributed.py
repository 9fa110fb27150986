"""Sharing a model out to several ranks: what is refused before anything starts, and the words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.adapters.engines import ENGINES, MLX_LM, choose
from mlx_manager_jupyter.adapters.engines.distributed.checks import check_distributed
from mlx_manager_jupyter.adapters.engines.distributed.hosts import (
    ranks_on_this_machine,
    spread_of,
)
from mlx_manager_jupyter.adapters.engines.distributed.launcher import (
    check_env,
    first_port,
    launch_words,
    launcher_of,
    ports_needed,
)
from mlx_manager_jupyter.adapters.engines.distributed.split import check_division
from mlx_manager_jupyter.adapters.engines.installed import Installation
from mlx_manager_jupyter.errors import (
    EngineMissing,
    InvalidValue,
    UnsupportedField,
)
from mlx_manager_jupyter.schema import Distributed, Profile

if TYPE_CHECKING:
    from collections.abc import Callable


#: SmolLM2-135M-Instruct as the demo builds it.
SMOL: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "quantization": {"group_size": 32, "bits": 4},
}
FAR = {"ssh": "198.51.100.2", "ips": ["198.51.100.2"], "rdma": ["rdma_en2", None]}
NEAR = {"ssh": "localhost", "ips": ["127.0.0.1"], "rdma": [None, "rdma_en2"]}

#: An mlx-lm that cuts llamas, and one way or another what is built upon them.
MODELS = {
    "pipeline": "class PipelineMixin:\n    def pipeline(self, group): pass\n",
    "llama": "class Model(nn.Module):\n    def shard(self, group): pass\n",
    "solar": "from .llama import Model\n",
    "orion": "from . import llama\nclass Model(llama.Model):\n    pass\n",
    "lone": "class Model(nn.Module):\n    pass\n",
    "deep": (
        "from .pipeline import PipelineMixin\nfrom .llama import Model as Llama\n"
        "class Layers(PipelineMixin, nn.Module):\n    pass\n"
        "class Model(Llama):\n    def __init__(self):\n        self.model = Layers()\n"
    ),
    "only": (
        "from .deep import Layers\n"
        "class Model(nn.Module):\n    @property\n    def model(self): return self.inner.model\n"
    ),
}


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An environment with an engine and a launcher that nobody runs."""
    packages = tmp_path / "venv" / "lib" / "python3.12" / "site-packages" / "mlx_lm"
    (packages / "models").mkdir(parents=True)
    (packages / "utils.py").write_text('MODEL_REMAPPING = {"mistral": "llama"}\n')
    for name, text in MODELS.items():
        (packages / "models" / f"{name}.py").write_text(text)
    programs = tmp_path / "venv" / "bin"
    programs.mkdir()
    for name in ("mlx_lm.server", "mlx.launch"):
        (programs / name).write_text("#!/bin/false\n")
        (programs / name).chmod(0o755)
    return Installation("mlx-lm", (str(programs / "mlx_lm.server"),))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A model's folder, with this config."""

    def made(config: dict[str, Any], *, index: bool = False) -> Path:
        model = tmp_path / "model"
        model.mkdir()
        (model / "config.json").write_text(json.dumps(config))
        if index:
            (model / "model.safetensors.index.json").write_text("{}")
        return model

    return made


def profile(ranks: int = 2, **fields: Any) -> Profile:
    return Profile(name="p", model="m", distributed=Distributed(ranks=ranks), **fields)


def hostfile(tmp_path: Path, *hosts: object, **more: object) -> Distributed:
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps({"hosts": hosts, **more}))
    return Distributed(hostfile=str(path))


# --- before anything starts ---------------------------------------------------------------------


def test_a_model_that_the_ranks_do_not_divide_is_refused_with_the_counts_that_do(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    model = folder(SMOL)
    with pytest.raises(InvalidValue) as caught:
        check_distributed(installation, profile(2), model)
    assert caught.value.message == (
        "The model can't be shared out to 2 ranks: 2 does not divide 9 attention heads and "
        "3 key-value heads."
    )
    assert caught.value.hint == "3 ranks work."
    check_distributed(installation, profile(3), model)


@pytest.mark.parametrize(
    ("fields", "ranks", "said", "hint"),
    [
        (
            {"num_attention_heads": 16, "num_key_value_heads": 8, "quantization": None},
            *(3, "16 attention heads and 8 key-value heads", "2, 4 or 8 ranks work."),
        ),
        ({"num_key_value_heads": 1}, 3, "1 key-value heads", "No number of ranks"),
        ({"intermediate_size": 1000, "quantization": None}, 3, "1000 columns", "No number"),
        (
            # 96 columns are 3 groups of 32, which two ranks can't share.
            {
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "hidden_size": 256,
                "intermediate_size": 96,
            },
            2,
            "3 groups of 32 quantized feed-forward columns",
            "No number",
        ),
    ],
)
def test_what_does_not_divide(fields: dict[str, Any], ranks: int, said: str, hint: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        check_division(SMOL | fields, ranks)
    assert said in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("config", [{}, {"num_attention_heads": "nine"}, {"text_config": 3}])
def test_a_config_that_gives_no_shape_is_left_to_the_engine(
    installation: Installation, folder: Callable[..., Path], config: dict[str, Any]
) -> None:
    check_distributed(installation, profile(2), folder({"model_type": "llama"} | config))


@pytest.mark.parametrize("model_type", ["llama", "mistral", "solar", "orion", "deep"])
def test_types_that_can_be_cut(
    installation: Installation, folder: Callable[..., Path], model_type: str
) -> None:
    check_distributed(installation, profile(3), folder(SMOL | {"model_type": model_type}))


def test_a_type_that_cannot_be_cut_names_those_that_can(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    with pytest.raises(UnsupportedField, match="type 'lone'") as caught:
        check_distributed(installation, profile(3), folder(SMOL | {"model_type": "lone"}))
    assert caught.value.hint == "Those it can: deep, llama, orion, solar."


def test_with_pipeline_only_layers_count(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    model = folder(SMOL | {"model_type": "deep"}, index=True)
    check_distributed(installation, profile(2, extra_args=("--pipeline",)), model)
    with pytest.raises(InvalidValue, match="30 layers can't be dealt out to 31 ranks"):
        check_distributed(installation, profile(31, extra_args=("--pipeline",)), model)
    (model / "model.safetensors.index.json").unlink()
    with pytest.raises(InvalidValue, match="one file"):
        check_distributed(installation, profile(2, extra_args=("--pipeline",)), model)


def test_with_pipeline_the_type_must_have_it(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    with pytest.raises(UnsupportedField, match="deal out the layers") as caught:
        check_distributed(installation, profile(2, extra_args=("--pipeline",)), folder(SMOL))
    assert caught.value.hint == "Leave --pipeline out."


def test_pipeline_is_proposed_where_nothing_else_works(
    installation: Installation, folder: Callable[..., Path]
) -> None:
    model = folder(SMOL | {"model_type": "only"}, index=True)
    with pytest.raises(UnsupportedField) as caught:
        check_distributed(installation, profile(3), model)
    assert "--pipeline" in (caught.value.hint or "")


def test_without_a_launcher_beside_the_engine(
    installation: Installation, folder: Callable[..., Path], tmp_path: Path
) -> None:
    linked = tmp_path / "commands" / "mlx_lm.server"
    linked.parent.mkdir()
    linked.symlink_to(installation.command[0])
    beside = Path(installation.command[0]).with_name("mlx.launch")
    assert launcher_of(Installation("mlx-lm", (str(linked),))).resolve() == beside
    beside.unlink()
    with pytest.raises(EngineMissing, match=r"mlx\.launch is not beside"):
        check_distributed(installation, profile(3), folder(SMOL))


def test_mpi_needs_its_program(
    installation: Installation,
    folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    wanted = Profile(name="p", model="m", distributed=Distributed(ranks=3, backend="mpi"))
    model = folder(SMOL)
    with pytest.raises(EngineMissing, match="mpirun"):
        check_distributed(installation, wanted, model)
    (tmp_path / "mpirun").write_text("#!/bin/false\n")
    (tmp_path / "mpirun").chmod(0o755)
    check_distributed(installation, wanted, model)


# --- the machines -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "distributed",
    [
        Distributed(),
        Distributed(ranks=2, hosts=("127.0.0.1", "127.0.0.1")),
        Distributed(hosts=("127.0.0.1",)),
        Distributed(hosts=("198.51.100.1", "127.0.0.1")),  # this machine is not the first
        Distributed(hosts=("127.0.0.1", "198.51.100.1")),  # which could not reach the first
        Distributed(hosts=("127.0.0.1", "no such name.invalid")),
        Distributed(hosts=("127.0.0.1", "-oProxyCommand=x")),
        Distributed(hostfile="/nonexistent/hosts.json"),
        Distributed(ranks=2, backend="jaccl"),  # which needs devices
    ],
)
def test_machines_that_make_no_sense(distributed: Distributed) -> None:
    with pytest.raises(InvalidValue) as caught:
        spread_of(distributed)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("hosts", "more"),
    [
        ((), {}),
        ((NEAR, {"ssh": ""}), {}),
        ((NEAR, "mac2"), {}),
        ((NEAR, FAR | {"ips": ["mac2"]}), {}),
        ((NEAR, FAR | {"ips": "198.51.100.2"}), {}),
        ((NEAR, NEAR | {"ips": []}), {}),
        ((FAR, NEAR), {}),
        ((NEAR, NEAR), {"backend": "jaccl"}),
    ],
)
def test_hostfiles_that_make_no_sense(
    tmp_path: Path, hosts: tuple[object, ...], more: dict[str, object]
) -> None:
    with pytest.raises(InvalidValue) as caught:
        spread_of(hostfile(tmp_path, *hosts, **more))
    assert caught.value.hint


def test_a_hostfile_that_is_no_json_says_so(tmp_path: Path) -> None:
    (tmp_path / "hosts.json").write_text("mac1, mac2")
    with pytest.raises(InvalidValue, match="can't be read"):
        spread_of(Distributed(hostfile=str(tmp_path / "hosts.json")))


def test_this_machine_is_reached_without_ssh(tmp_path: Path) -> None:
    spread = spread_of(hostfile(tmp_path, NEAR, NEAR))
    assert [host.ssh for host in spread.hosts] == ["127.0.0.1", "127.0.0.1"]
    assert (spread.ranks, spread.here, spread.is_local) == (2, 2, True)


def test_another_machine_keeps_its_name(tmp_path: Path) -> None:
    # Any address of this machine but a loopback one; a machine without a network has none.
    jaccl = hostfile(tmp_path, NEAR | {"ips": []}, FAR, backend="jaccl")
    spread = spread_of(Distributed(hostfile=jaccl.hostfile, backend="jaccl"))
    assert (spread.ranks, spread.here, spread.is_local) == (2, 1, False)
    assert json.loads(spread.hostfile) == {
        "backend": "jaccl",
        "hosts": [NEAR | {"ssh": "127.0.0.1", "ips": []}, FAR],
    }


def test_ranks_of_this_machine() -> None:
    assert ranks_on_this_machine(Profile(name="p", model="m")) == 1
    assert ranks_on_this_machine(profile(3)) == 3
    hosts = Distributed(hosts=("localhost", "127.0.0.1"))
    assert ranks_on_this_machine(Profile(name="p", model="m", distributed=hosts)) == 2


# --- the command line ---------------------------------------------------------------------------


def test_ranks_of_one_machine() -> None:
    spread = spread_of(Distributed(ranks=3))
    words = launch_words(
        Path("/venv/bin/mlx.launch"),
        spread,
        port=20_000,
        hostfile=None,
        folder=Path("/models/m"),
        env={"HF_HUB_OFFLINE": "1"},
    )
    assert words == (
        "/venv/bin/mlx.launch",
        *("-n", "3", "--backend", "ring", "--starting-port", "20000"),
        *("--env", "HF_HUB_OFFLINE=1", "--"),
    )
    assert ports_needed(spread) == 3


def test_several_machines_say_where_the_model_is_missing(tmp_path: Path) -> None:
    jaccl = hostfile(tmp_path, NEAR | {"ips": []}, FAR, backend="jaccl")
    spread = spread_of(Distributed(hostfile=jaccl.hostfile, backend="jaccl"))
    words = launch_words(
        Path("/venv/bin/mlx.launch"),
        spread,
        port=20_000,
        hostfile=Path("/logs/hosts.json"),
        folder=Path("/models/m"),
        env={},
    )
    assert words == (
        "/venv/bin/mlx.launch",
        *("--hostfile", "/logs/hosts.json", "--backend", "jaccl", "--starting-port", "20000"),
        *("--cwd", "/models/m", "--"),
    )
    assert ports_needed(spread) == 1
    with pytest.raises(InvalidValue, match="MY_TOKEN"):
        check_env(spread, ["MY_TOKEN"])
    check_env(spread_of(Distributed(ranks=2)), ["MY_TOKEN"])


def test_servers_that_start_at_once_look_for_their_ranks_ports_in_different_places() -> None:
    places = [first_port(port) for port in range(10_240, 10_240 + 640)]
    assert len(set(places)) == 640
    assert min(b - a for a, b in zip(sorted(places), sorted(places)[1:], strict=False)) == 16
    assert max(places) + 16 < 32_768


# --- fields ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("adapter_path", "/adapters"),
        ("draft_model", "other/model"),
        ("num_draft_tokens", 2),
        ("kv_bits", 8),
        ("kv_group_size", 64),
        ("quantized_kv_start", 0),
        ("seed", 1),
    ],
)
def test_what_ranks_can_not_do(field: str, value: object) -> None:
    refused = dict(MLX_LM.refusals(profile(3, **{field: value})))
    assert set(refused) == {field}
    assert "can't be had together" in refused[field].message
    assert not dict(MLX_LM.refusals(Profile(name="p", model="m", **{field: value})))  # type: ignore[arg-type]


def test_only_one_engine_takes_ranks_and_the_others_name_it() -> None:
    assert "distributed" in MLX_LM.honoured()
    for kind, engine in ENGINES.items():
        if kind != "mlx-lm":
            refused = dict(engine.refusals(profile(3)))["distributed"]
            assert "mlx-lm" in (refused.hint or ""), kind
    assert choose(profile(3), None, lambda _: True) == "mlx-lm"


def test_a_clients_seed_does_not_reach_ranks() -> None:
    assert "seed" in MLX_LM.withheld_from(profile(3))
    assert "seed" not in MLX_LM.withheld_from(Profile(name="p", model="m"))
