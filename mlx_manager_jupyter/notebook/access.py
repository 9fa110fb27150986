"""``env``: where the gateway is, and the key that opens it."""

from __future__ import annotations

import os

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.notebook.errors import short_errors

#: What OpenAI's clients, and most that speak like them, read.
URL_VARIABLE, KEY_VARIABLE = "OPENAI_BASE_URL", "OPENAI_API_KEY"


class Access(dict[str, str]):
    """``base_url`` and ``api_key``, as `openai.OpenAI` takes them.

    It does not show the key: a cell's output is saved with the notebook.
    """

    def __repr__(self) -> str:
        return f"{{'base_url': {self['base_url']!r}, 'api_key': 'mlx-…'}}"


@short_errors
def env() -> Access:
    """Base URL and key of the gateway: ``openai.OpenAI(**mlx.env())``.

    The key is this kernel's own; it ends with it.

    Raises:
        ExtensionUnreachable: no Jupyter server with the extension answers.
    """
    client = shared_client()
    return Access(base_url=client.gateway_url, api_key=client.gateway_key)


def export() -> None:
    """Set the variables that OpenAI clients read, in this process and those it starts."""
    access = env()
    os.environ[URL_VARIABLE] = access["base_url"]
    os.environ[KEY_VARIABLE] = access["api_key"]
