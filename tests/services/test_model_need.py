"""What a profile will take: its model where it is, its draft model, its share of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlx_manager_jupyter.schema import Distributed, Fit, Profile
from mlx_manager_jupyter.services.models.fit import BASE_BYTES
from mlx_manager_jupyter.services.models.need import Need, need_of
from tests.fixtures.cache import lay_out
from tests.services.test_model_manager import Here, files

if TYPE_CHECKING:
    from pathlib import Path

GB = 10**9


def fit(weights: int, cache: int, overhead: int = GB) -> Fit:
    return Fit(
        model="a/b",
        verdict="fits",
        weights_bytes=weights,
        cache_bytes=cache,
        overhead_bytes=overhead,
        needed_bytes=weights + cache + overhead,
        available_bytes=0,
        total_bytes=0,
        spare_bytes=0,
        context_length=8000,
        concurrency=1,
        reason="",
    )


def profile(**fields: Any) -> Profile:
    return Profile(**{"name": "it", "model": "a/b", **fields})


def total(need: Need | None) -> int:
    assert need
    return need.total_bytes


def test_a_draft_model_is_in_the_same_process() -> None:
    need = need_of(profile(draft_model="a/small"), fit(4 * GB, GB), fit(GB, GB // 2))
    assert need == Need(5 * GB, GB + GB // 2, GB, 8000)
    assert total(need) == 7 * GB + GB // 2


def test_ranks_on_this_machine_split_the_weights_and_not_the_engine() -> None:
    alone, split = fit(6 * GB, GB), profile(distributed=Distributed(ranks=3))
    assert total(need_of(split, alone)) == total(need_of(profile(), alone)) + 2 * BASE_BYTES


def test_of_several_machines_this_one_has_its_part() -> None:
    hosts = profile(distributed=Distributed(hosts=("one", "two")))
    assert need_of(hosts, fit(6 * GB, 2 * GB)) == Need(3 * GB, GB, GB, 8000)
    unknown = profile(distributed=Distributed(hostfile="hosts.json"))
    assert need_of(unknown, fit(6 * GB, 2 * GB)) is None


@pytest.mark.parametrize(
    ("room", "tokens"), [(10 * GB, 0), (6 * GB, 0), (5 * GB + GB // 2, 4000), (5 * GB, 0), (0, 0)]
)
def test_a_shorter_context_that_would_do(room: int, tokens: int) -> None:
    assert Need(4 * GB, GB, GB, 8000).tokens_within(room) == tokens


async def test_a_model_is_found_by_its_id_and_in_whatever_folder_it_is(tmp_path: Path) -> None:
    here = Here(tmp_path)
    lay_out(here.cache, "owner/model-4bit", files(40_000))
    folder = tmp_path / "somewhere" / "mine"
    folder.mkdir(parents=True)
    for name, content in files(40_000).items():
        start = content if isinstance(content, bytes) else content.start
        size = len(content) if isinstance(content, bytes) else content.size
        (folder / name).write_bytes(start.ljust(size, b"\0"))
    cached = await here.manager.need(profile(model="owner/model-4bit"))
    loose = await here.manager.need(profile(model=str(folder)))
    assert cached
    assert loose
    assert cached.weights_bytes == pytest.approx(loose.weights_bytes, rel=0.1)
    assert cached.overhead_bytes >= BASE_BYTES


@pytest.mark.parametrize("model", ["", "owner/absent", "/no/such/folder", "words"])
async def test_of_what_is_not_here_nobody_can_say(tmp_path: Path, model: str) -> None:
    here = Here(tmp_path)
    assert await here.manager.need(profile(model=model)) is None
    assert await here.manager.smaller(profile(model=model), 10**9) is None


async def test_a_smaller_build_is_one_that_the_room_is_enough_for(tmp_path: Path) -> None:
    here = Here(tmp_path)
    for bits, size in ((8, 4 * GB), (4, 2 * GB), (3, 1 * GB)):
        lay_out(here.cache, f"owner/model-{bits}bit", files(size))
    large = profile(model="owner/model-8bit", context_length=100)
    need = await here.manager.need(large)
    assert need
    for room, wanted in ((3 * GB, "owner/model-4bit"), (2 * GB, "owner/model-3bit"), (GB, None)):
        found = await here.manager.smaller(large, room)
        assert (found.id if found else None) == wanted
        assert found is None or found.needed_bytes <= room
