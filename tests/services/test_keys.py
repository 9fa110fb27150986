from __future__ import annotations

import asyncio
import os
import sys

import pytest

from mlx_manager_jupyter.errors import InvalidValue, NotFound
from mlx_manager_jupyter.schema import CreateKey
from mlx_manager_jupyter.services.keys import KeyManager


async def test_a_secret_opens_and_is_kept_nowhere() -> None:
    keys = KeyManager()
    made = await keys.create(CreateKey(label="tool"))
    assert await keys.check(made.secret) == made.key
    assert await keys.check(made.secret + "x") is None
    assert await keys.check("") is None
    assert made.secret not in repr(vars(keys))
    assert made.secret not in repr(made)


async def test_a_revoked_key_opens_nothing() -> None:
    keys = KeyManager()
    made = await keys.create(CreateKey())
    keys.revoke(made.key.id)
    assert await keys.check(made.secret) is None
    assert await keys.list() == []
    with pytest.raises(NotFound):
        keys.revoke(made.key.id)


async def test_a_kernels_key_dies_with_the_kernel() -> None:
    keys = KeyManager(holder_check_seconds=0.0)
    kernel = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    try:
        made = await keys.create(CreateKey(pid=kernel.pid))
        assert await keys.check(made.secret) == made.key
    finally:
        kernel.kill()
        await kernel.communicate()
    assert await keys.check(made.secret) is None
    assert await keys.list() == []


async def test_a_key_that_is_revoked_while_its_kernel_is_looked_at_opens_nothing() -> None:
    keys = KeyManager(holder_check_seconds=0.0)
    made = [await keys.create(CreateKey(pid=os.getpid())) for _ in range(2)]
    checking = asyncio.ensure_future(keys.check(made[0].secret))
    listing = asyncio.ensure_future(keys.list())
    await asyncio.sleep(0)
    for each in made:
        keys.revoke(each.key.id)
    assert await checking is None
    assert await listing == []


async def test_no_key_for_a_process_that_is_not_there() -> None:
    with pytest.raises(InvalidValue, match="no process"):
        await KeyManager().create(CreateKey(pid=2**22 + 1))
