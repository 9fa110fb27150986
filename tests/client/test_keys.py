"""Keys as kernels and scripts make them, between two Jupyter servers of one user."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_manager_jupyter.client.client import Client
from mlx_manager_jupyter.client.discovery import read
from tests.client.live import until
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    import pytest


def client_of(jupyter: Jupyter) -> closing[Client]:
    return closing(Client(lambda: read(jupyter.connection_file)))


def opens(jupyter: Jupyter, secret: str) -> bool:
    """Whether its gateway lets the bearer of this secret in."""
    asked = urllib.request.Request(  # noqa: S310  loopback
        f"{read(jupyter.connection_file).url}v1/models",
        headers={"Authorization": f"Bearer {secret}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=30):  # noqa: S310  loopback
            return True
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code != 401


def test_keys_between_two_jupyters_of_one_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/notes/one.ipynb")  # as Jupyter tells a kernel
    with Jupyter(tmp_path) as one, Jupyter(tmp_path) as two:
        with client_of(one) as client, client_of(two) as other:
            named = client.keys.create("tool", expires_in_seconds=3600, requests_per_minute=1000)
            assert opens(one, named.secret)
            assert opens(two, named.secret)
            assert [key.id for key in other.keys.list()] == [named.key.id]

            own = client.gateway_key
            assert opens(one, own)
            assert not opens(two, own)  # it is this process's at that Jupyter alone
            kept, mine = client.keys.list()
            assert kept.id == named.key.id
            assert (mine.pid, mine.notebook) == (os.getpid(), "/notes/one.ipynb")
            assert mine.label == Path(sys.argv[0]).name

        one.kill()
        assert opens(two, named.secret)
        one.start()
        assert opens(one, named.secret)
        assert not opens(one, own)
        with client_of(two) as other:
            other.keys.revoke(named.key.id)
        assert not opens(two, named.secret)
        until(lambda: not opens(one, named.secret))
