"""A panel in a kernel, seen as its view sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.notebook.kernel import Kernel


class Panel:
    """``made`` is what to call in the kernel, ``module`` the JavaScript that draws it."""

    def __init__(self, kernel: Kernel, made: str, module: str) -> None:
        self.kernel = kernel
        cell = kernel.ok(f"panel = {made}; panel")
        (opened,) = [
            message["content"]
            for message in cell.messages
            if message["msg_type"] == "comm_open"
            and module in message["content"]["data"]["state"].get("_esm", "")
        ]
        self.id: str = opened["comm_id"]
        self.traits: dict[str, Any] = opened["data"]["state"]
        self._calls = 0
        for message in cell.messages:
            self.take(message)

    def take(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Follow the traits; return a custom message to the view."""
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.id:
            return None
        self.traits |= content["data"].get("state", {})
        custom: dict[str, Any] | None = content["data"].get("content")
        return custom

    def ask(self, command: str, **parameters: Any) -> dict[str, Any]:
        """The answer, without the number of the call."""
        self._calls += 1
        call = str(self._calls)
        self.kernel.comm(self.id, {"call": call, "command": command, **parameters})
        answers: list[dict[str, Any]] = []

        def answered(message: dict[str, Any]) -> bool:
            custom = self.take(message)
            if custom and custom.pop("call") == call:
                answers.append(custom)
            return bool(answers)

        self.kernel.heard(answered)
        return answers[0]

    def result(self, command: str, **parameters: Any) -> Any:
        """What a command that must work answers."""
        answer = self.ask(command, **parameters)
        assert answer["ok"], answer
        return answer["result"]

    def until(self, true: Callable[[dict[str, Any]], object]) -> None:
        """Wait until this is true of the state."""

        def there(message: dict[str, Any]) -> object:
            self.take(message)
            return true(self.traits["state"])

        if not true(self.traits["state"]):
            self.kernel.heard(there)
