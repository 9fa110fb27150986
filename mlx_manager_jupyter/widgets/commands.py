"""What a panel's view may ask for: the commands of ``js/src/core/store.ts``, one call each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.errors import BadRequest, InvalidValue
from mlx_manager_jupyter.schema import (
    MetricsHistory,
    ModelQuery,
    StartDownload,
    StartServer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlx_manager_jupyter.client.client import Client

T = TypeVar("T")

#: Lines of log that a panel shows when the view does not say how many.
LOG_LINES = 200


class Message(dict[str, Any]):
    """``{"id", "command", …}`` as it came from the page."""

    def text(self, name: str) -> str:
        """A parameter that must be there."""
        value = self.get(name)
        if not isinstance(value, str):
            raise BadRequest(f"The command {self.get('command')!r} needs a text {name!r}.")
        return value

    def number(self, name: str, otherwise: T) -> int | T:
        """A parameter that may be left out."""
        return self.record(name, int) if self.get(name) is not None else otherwise

    def record(self, name: str, kind: type[T]) -> T:
        """A parameter of that type."""
        try:
            return msgspec.convert(self.get(name), kind)
        except msgspec.ValidationError as error:
            raise InvalidValue(f"{name}: {str(error).replace('`$.', '`')}.") from error

    def query(self, *names: str) -> str:
        """These parameters for an address, without those that were left out."""
        return urlencode({name: self[name] for name in names if self.get(name) is not None})

    def wanted(self) -> StartServer:
        """What shall be started."""
        named = {name: self[name] for name in StartServer.__struct_fields__ if name in self}
        return Message(wanted=named).record("wanted", StartServer)

    def fields(self) -> dict[str, Any]:
        """Fields of a profile; which ones, and of what kind, is for the extension to say."""
        return self.record("values", dict[str, Any])


COMMANDS: dict[str, Callable[[Client, Message], object]] = {
    # A view asks whether a kernel stands behind it.
    "ping": lambda _client, _message: None,
    # --- servers ---
    "stop": lambda client, message: client.servers.stop(message.text("name")),
    "restart": lambda client, message: client.servers.restart(message.text("name")),
    "logs": lambda client, message: client.servers.logs(
        message.text("name"), message.number("lines", LOG_LINES)
    ),
    "serve": lambda client, message: client.servers.start(message.wanted()).server,
    # --- metrics ---
    "metrics": lambda client, message: client.call(
        "GET", f"metrics?{message.query('since', 'step')}", MetricsHistory
    ),
    # --- profiles ---
    "create_profile": lambda client, message: client.profiles.create(message.fields()),
    "edit_profile": lambda client, message: client.profiles.edit(
        message.text("name"), message.fields()
    ),
    "copy_profile": lambda client, message: client.profiles.copy(
        message.text("name"), message.text("to")
    ),
    "delete_profile": lambda client, message: client.profiles.delete(message.text("name")),
    "check_profile": lambda client, message: client.profiles.check(message.fields()),
    "export_profiles": lambda client, message: client.profiles.export(message.get("name")),
    "import_profiles": lambda client, message: client.profiles.import_(
        message.get("document"), message.get("on_conflict") or "refuse"
    ),
    "probe_profile": lambda client, message: client.profiles.probe(message.text("name")),
    "starting_points": lambda client, message: client.profiles.starting_points(
        message.get("model") or ""
    ),
    # --- models ---
    "models": lambda client, message: client.models.search(message.record("query", ModelQuery)),
    "model": lambda client, message: client.models.get(message.text("id")),
    "fit": lambda client, message: client.models.fit(
        message.text("id"),
        context_length=message.number("context_length", None),
        concurrency=message.number("concurrency", 1),
    ),
    "delete_model": lambda client, message: client.models.delete(message.text("id")),
    "verify": lambda client, message: client.models.verify(message.text("id")),
    "prune": lambda client, _message: client.models.prune(),
    "sync": lambda client, _message: client.models.sync(),
    # --- downloads ---
    "download": lambda client, message: (
        client.downloads.start(message.record("wanted", StartDownload)).download
    ),
    "pause": lambda client, message: client.downloads.pause(message.text("download_id")),
    "resume": lambda client, message: client.downloads.resume(message.text("download_id")),
    "cancel": lambda client, message: client.downloads.cancel(message.text("download_id")),
}


def carry_out(message: dict[str, Any]) -> object:
    """Do what a message asks for, and return the answer: a record, or None.

    Raises:
        BadRequest: there is no such command, or it lacks something.
        MLXManagerError: whatever the extension says.
    """
    asked = Message(message)
    name = asked.get("command")
    if not isinstance(name, str) or name not in COMMANDS:
        raise BadRequest(f"There is no command {name!r}.")
    return COMMANDS[name](shared_client(), asked)
