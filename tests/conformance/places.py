"""One Jupyter server with every engine behind it: real where that runs here, else replayed."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from anthropic import Anthropic
from openai import OpenAI

from tests.fixtures import able, embedding, seeing
from tests.fixtures.installations import openai_server
from tests.fixtures.jupyter import Jupyter

if TYPE_CHECKING:
    from collections.abc import Mapping

REPLAYED = "mlx-openai-server"
VERSION = "1.8.1"
#: Of the replayed engine, to whoever lets it go on.
WORDS = 50

#: By engine, the server for each of its abilities; what it lacks is asked of the first.
SERVERS: Mapping[str, Mapping[str, str]] = {
    "mlx-lm": {"talks": "lm"},
    "mlx-vlm": {"talks": "vlm", "sees": "vlm-sees", "embeds": "vlm-embeds"},
    REPLAYED: {
        "talks": "server",
        "goes on": "server-goes-on",
        "embeds": "server-embeds",
        "hears": "server-hears",
        "draws": "server-draws",
    },
    "remote": {"talks": "elsewhere"},
}
#: How a column of the table is headed.
ENGINES: Mapping[str, str] = {
    "mlx-lm": "mlx-lm",
    "mlx-vlm": "mlx-vlm",
    REPLAYED: f"{REPLAYED} (replayed)",
    "remote": "remote (an mlx-lm)",
}


@dataclass
class Target:
    """One engine behind the gateway."""

    engine: str
    url: str
    """Of the gateway, with ``v1``."""
    key: str
    openai: OpenAI
    anthropic: Anthropic
    pids: Mapping[str, int]
    """By ability, the process that would generate."""
    log: Path
    """Of the one that talks."""
    journal: Path
    """Of the replayed engine."""

    def name(self, ability: str = "talks") -> str:
        """What to ask for."""
        names = SERVERS[self.engine]
        return names.get(ability, names["talks"])


class Places:
    """Start it in a ``with``; `target` gives an engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.jupyter = Jupyter(folder, engine=None)
        self._journal = folder / "journal.jsonl"
        self._pids: dict[str, int] = {}
        self._clients = ExitStack()

    def __enter__(self) -> Self:
        home = self._folder / "mlx" / "engines" / REPLAYED
        openai_server(home / VERSION, VERSION)
        (home / "current").symlink_to(VERSION)
        with_models = self._folder / "models"
        text = str(able.make(with_models / "able"))
        sees, embeds = seeing.make(with_models / "sees"), embedding.make(with_models / "embeds")
        self.jupyter.__enter__()
        try:
            # In small steps a prompt is read for as long, but an engine looks up more often.
            self._serve("lm", text, engine="mlx-lm", prefill_step_size=256)
            self._serve("vlm", text, engine="mlx-vlm", prefill_step_size=256)
            self._serve("vlm-sees", str(sees))
            self._serve("vlm-embeds", str(embeds))
            for name, kind, told in (
                ("server", "lm", {"reasoning": able.THINKS, "tokens": able.SAYS}),
                ("server-goes-on", "lm", {"tokens": "word " * WORDS, "token_seconds": 0.01}),
                ("server-embeds", "embeddings", {}),
                ("server-hears", "whisper", {}),
                ("server-draws", "image-generation", {}),
            ):
                env = {"FAKE_SERVER": json.dumps(told), "FAKE_ENGINE_JOURNAL": str(self._journal)}
                self._serve(name, text, engine=REPLAYED, model_type=kind, env=env)
            names = [name for names in SERVERS.values() for name in names.values()]
            for name in names:
                if name != "elsewhere":
                    server = self.jupyter.until(name, "ready", 90)
                    self._pids[name] = server["pid"]
                    if name == "lm":
                        url = f"http://127.0.0.1:{server['port']}/v1"
                        self._serve("elsewhere", "default_model", engine="remote", base_url=url)
            self._pids["elsewhere"] = self._pids["lm"]
            self.jupyter.until("elsewhere", "ready")
            self.key = self.jupyter.api("keys", "POST", {"label": "conformance"})["secret"]
            connection = json.loads(self.jupyter.connection_file.read_text("utf-8"))
            self.url = f"{connection['url']}v1"
            options: dict[str, Any] = {"api_key": self.key, "max_retries": 0, "timeout": 60}
            self._openai = self._clients.enter_context(OpenAI(base_url=self.url, **options))
            self._anthropic = self._clients.enter_context(
                Anthropic(base_url=connection["url"], **options)  # it adds v1 by itself
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._clients.close()
        for name in [name for names in SERVERS.values() for name in names.values()]:
            if name in self._pids:
                self.jupyter.api(f"servers/{name}", "DELETE")
        self.jupyter.stop()

    def target(self, engine: str) -> Target:
        """This engine, behind the gateway."""
        names = SERVERS[engine]
        talks = "lm" if engine == "remote" else names["talks"]
        return Target(
            engine=engine,
            url=self.url,
            key=self.key,
            openai=self._openai,
            anthropic=self._anthropic,
            pids={ability: self._pids[name] for ability, name in names.items()},
            log=Path(self.jupyter.api(f"servers/{talks}/logs")["path"]),
            journal=self._journal,
        )

    def _serve(self, name: str, model: str, **fields: Any) -> None:
        body = {"model": model, "name": name, "force": True, "set": fields}
        self.jupyter.api("servers", "POST", body)
