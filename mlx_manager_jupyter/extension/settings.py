"""What can be configured: traits of ``c.MLXManager``, each also as ``MLX_MANAGER_*``."""

from __future__ import annotations

import os
from pathlib import Path

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool, Dict, Float, Int, List, Unicode, default

from mlx_manager_jupyter.adapters.cache.lookup import hub_cache

MAX_PORT = 65535
YES = frozenset({"1", "true", "yes", "on"})


class Settings(ExtensionApp):
    """The traits, with their defaults from the environment. A value that is none is logged."""

    home = Unicode(help="Folder of profiles, logs and demo models (env: MLX_MANAGER_HOME).").tag(
        config=True
    )
    database_path = Unicode(
        help="The state file; state.json in the home folder by default "
        "(env: MLX_MANAGER_DATABASE_PATH)."
    ).tag(config=True)
    gateway_port = Int(
        help="Port of the loopback door for kernels and OpenAI clients; any free one if taken "
        "(env: MLX_MANAGER_GATEWAY_PORT)."
    ).tag(config=True)
    default_port_start = Int(
        help="Servers get the first free port from here on (env: MLX_MANAGER_DEFAULT_PORT_START)."
    ).tag(config=True)
    engine_paths = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Where an engine's executable is: {'mlx-lm': '/path/to/mlx_lm.server'}. "
        "Unset: beside this Python, then on PATH.",
    ).tag(config=True)
    hf_cache_path = Unicode(
        help="The Hugging Face cache that models are downloaded to and listed from; "
        "huggingface_hub's own by default (env: MLX_MANAGER_HF_CACHE_PATH)."
    ).tag(config=True)
    model_folders = List(
        Unicode(),
        help="More folders with models, as <folder>/<name> or <folder>/<author>/<name> "
        "(env: MLX_MANAGER_MODEL_FOLDERS, separated as in PATH).",
    ).tag(config=True)
    hf_endpoint = Unicode(
        help="Address of the Hugging Face Hub, or of a mirror; huggingface_hub's own by default "
        "(env: HF_ENDPOINT)."
    ).tag(config=True)
    hf_organization = Unicode(
        help="Search only the models of this author on the Hub (env: MLX_MANAGER_HF_ORGANIZATION)."
    ).tag(config=True)
    offline_mode = Bool(
        help="Never ask the Hugging Face Hub; models on this machine are listed and served all "
        "the same (env: MLX_MANAGER_OFFLINE_MODE, or huggingface_hub's own HF_HUB_OFFLINE)."
    ).tag(config=True)
    max_memory_percent = Float(
        min=10.0,
        max=100.0,
        help="How much of the memory that is free a model may take and still fit; one that takes "
        "more is not started, unless by force "
        "(env: MLX_MANAGER_MAX_MEMORY_PERCENT).",
    ).tag(config=True)
    memory_limit = Int(
        min=0,
        help="Bytes that all servers together may take, as if the machine had no more; 0 for all "
        "that it has (env: MLX_MANAGER_MEMORY_LIMIT).",
    ).tag(config=True)
    health_check_interval = Float(
        min=0.05,
        help="Seconds between two looks whether ready servers are well "
        "(env: MLX_MANAGER_HEALTH_CHECK_INTERVAL).",
    ).tag(config=True)
    max_downloads = Int(min=1, help="Downloads at a time (env: MLX_MANAGER_MAX_DOWNLOADS).").tag(
        config=True
    )
    download_limit = Int(
        min=0,
        help="Bytes per second for all downloads together; 0 for no limit "
        "(env: MLX_MANAGER_DOWNLOAD_LIMIT).",
    ).tag(config=True)

    @default("home")
    def _default_home(self) -> str:
        return _given("HOME") or str(Path.home() / ".mlx-manager")

    @default("database_path")
    def _default_database_path(self) -> str:
        return _given("DATABASE_PATH") or str(Path(self.home).expanduser() / "state.json")

    @default("gateway_port")
    def _default_gateway_port(self) -> int:
        return self._number("GATEWAY_PORT", 10239, 0, MAX_PORT)

    @default("default_port_start")
    def _default_port_start(self) -> int:
        return self._number("DEFAULT_PORT_START", 10240, 1, MAX_PORT)

    @default("hf_cache_path")
    def _default_hf_cache_path(self) -> str:
        return _given("HF_CACHE_PATH") or str(hub_cache())

    @default("model_folders")
    def _default_model_folders(self) -> list[str]:
        return [folder for folder in _given("MODEL_FOLDERS").split(os.pathsep) if folder]

    @default("hf_endpoint")
    def _default_hf_endpoint(self) -> str:
        return os.environ.get("HF_ENDPOINT", "")

    @default("hf_organization")
    def _default_hf_organization(self) -> str:
        return _given("HF_ORGANIZATION")

    @default("offline_mode")
    def _default_offline_mode(self) -> bool:
        given = _given("OFFLINE_MODE") or os.environ.get("HF_HUB_OFFLINE", "")
        return given.lower() in YES

    @default("max_memory_percent")
    def _default_max_memory_percent(self) -> float:
        return self._number("MAX_MEMORY_PERCENT", 85, 10, 100)

    @default("memory_limit")
    def _default_memory_limit(self) -> int:
        return self._number("MEMORY_LIMIT", 0, 0, 10**15)

    @default("health_check_interval")
    def _default_health_check_interval(self) -> float:
        return self._number("HEALTH_CHECK_INTERVAL", 10, 1, 3600)

    @default("max_downloads")
    def _default_max_downloads(self) -> int:
        return self._number("MAX_DOWNLOADS", 2, 1, 100)

    @default("download_limit")
    def _default_download_limit(self) -> int:
        return self._number("DOWNLOAD_LIMIT", 0, 0, 10**15)

    def _number(self, name: str, usual: int, least: int, most: int) -> int:
        given = _given(name) or str(usual)
        if given.isascii() and given.isdigit() and least <= int(given[:20]) <= most:
            return int(given)
        self.log.warning("MLX_MANAGER_%s=%s is out of range; %s is used", name, given, usual)
        return usual


def _given(name: str) -> str:
    return os.environ.get(f"MLX_MANAGER_{name}", "")
