"""A real kernel, driven as a notebook drives it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import TYPE_CHECKING, Any

from jupyter_client.manager import start_new_kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jupyter_client.blocking.client import BlockingKernelClient
    from jupyter_client.manager import KernelManager

SECONDS = 60


@dataclass
class Output:
    """One output of a cell, as the notebook file would keep it."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    display_id: str | None = None


@dataclass
class Cell:
    """What a run cell shows."""

    outputs: list[Output] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def text(self) -> str:
        """Everything as text."""
        return "\n".join(output.data.get("text/plain", "") for output in self.outputs)

    @property
    def error(self) -> str:
        """What is shown of the error."""
        return "\n".join(self.outputs[-1].data["traceback"])

    def take(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        kind, content = message["msg_type"], message["content"]
        display_id = content.get("transient", {}).get("display_id")
        if kind == "stream":
            last = self.outputs[-1] if self.outputs else None
            if last and last.kind == content["name"]:  # as notebooks join them
                last.data["text/plain"] += content["text"]
                return
            self.outputs.append(Output(content["name"], {"text/plain": content["text"]}))
        elif kind in ("display_data", "execute_result"):
            output = Output(kind, content["data"], content["metadata"], display_id)
            self.outputs.append(output)
        elif kind == "update_display_data":
            for output in self.outputs:
                if output.display_id == display_id:
                    output.data, output.metadata = content["data"], content["metadata"]
        elif kind == "error":
            self.outputs.append(Output(kind, content))


class Kernel:
    """Runs cells."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(
        self, code: str, on_message: Callable[[dict[str, Any]], object] = lambda _: None
    ) -> Cell:
        """Run a cell to its end; ``on_message`` sees every message as it comes."""
        cell = Cell()
        asked = self.client.execute(code)
        deadline = time.monotonic() + SECONDS
        idle = False
        while not idle:
            message = self.client.get_iopub_msg(timeout=deadline - time.monotonic())
            if message["parent_header"].get("msg_id") == asked:
                cell.take(message)
                on_message(message)
                idle = message["content"].get("execution_state") == "idle"
        while cell.reply.get("msg_id") != asked:
            reply = self.client.get_shell_msg(timeout=SECONDS)
            cell.reply = {**reply["content"], "msg_id": reply["parent_header"]["msg_id"]}
        return cell

    def ok(self, code: str) -> Cell:
        cell = self.run(code)
        assert cell.status == "ok", cell.outputs
        return cell

    def value(self, expression: str) -> str:
        return self.ok(f"print({expression})").text.strip()

    def comm(self, comm_id: str, data: dict[str, Any]) -> None:
        """Send what a widget's view would send."""
        content = {"comm_id": comm_id, "data": {"method": "custom", "content": data}}
        message = self.client.session.msg("comm_msg", content)
        self.client.shell_channel.send(message)

    def heard(self, true: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next message of which that is true."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0, deadline - time.monotonic()))
            except Empty:
                raise AssertionError("waited in vain") from None
            if true(message):
                return message


@contextmanager
def started(env: dict[str, str]) -> Iterator[Kernel]:
    manager, client = start_new_kernel(env=env, kernel_name="python3")
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
