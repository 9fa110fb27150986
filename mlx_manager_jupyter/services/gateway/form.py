"""A ``multipart/form-data`` body of which only the small parts are ever looked at."""

from __future__ import annotations

from email.message import Message

from msgspec import Struct

from mlx_manager_jupyter.errors import BadRequest

#: A part of this size is no name and no switch.
LARGEST_TEXT = 10_000

_LINE = b"\r\n"
_BLANK = b"\r\n\r\n"


class Form(Struct, frozen=True):
    """Where its parts are. The body itself is never cut into pieces."""

    content_type: str
    body: bytes
    parts: dict[str, tuple[int, int]]
    """By name, where its value begins and ends."""

    @classmethod
    def of(cls, content_type: str, body: bytes) -> Form:
        """Find the parts.

        Raises:
            BadRequest: when it is no form.
        """
        boundary = _parameter(content_type, "content-type", "boundary")
        if not content_type.lower().startswith("multipart/form-data") or not boundary:
            raise BadRequest(
                "The body is no form.", "Send multipart/form-data, with the sound as 'file'."
            )
        return cls(content_type, body, _parts(body, b"--" + boundary.encode("latin-1")))

    def text(self, name: str) -> str:
        """A small part; empty if it is not there.

        Raises:
            BadRequest: when it is no text.
        """
        begin, end = self.parts.get(name, (0, 0))
        try:
            if end - begin > LARGEST_TEXT:
                raise BadRequest(f"{name!r} is too long.", "Send a short text.")
            return self.body[begin:end].decode().strip()
        except UnicodeDecodeError as error:
            raise BadRequest(f"{name!r} is no text: {error}.") from error

    def with_text(self, name: str, value: str) -> bytes:
        """The same body with another value in this part, which is there."""
        begin, end = self.parts[name]
        view = memoryview(self.body)
        return b"".join((view[:begin], value.encode(), view[end:]))


def _parts(body: bytes, delimiter: bytes) -> dict[str, tuple[int, int]]:
    """By name, the places of the values.

    Raises:
        BadRequest: when it breaks off.
    """
    found: dict[str, tuple[int, int]] = {}
    at = body.find(delimiter)
    while at >= 0:
        head = at + len(delimiter)
        if body[head : head + 2] == b"--":
            return found
        begin = body.find(_BLANK, head) + len(_BLANK)
        end = body.find(_LINE + delimiter, head)
        if not head < begin <= end:
            break
        name = _name(body[head:begin].decode("utf-8", "replace"))
        if name in found:
            raise BadRequest(f"The form has {name!r} twice.", "Send it once.")
        if name:
            found[name] = (begin, end)
        at = end + len(_LINE)
    raise BadRequest("The form breaks off.", "Its last line is the boundary with two dashes.")


def _name(head: str) -> str:
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            return _parameter(value.strip(), "content-disposition", "name")
    return ""


def _parameter(value: str, header: str, name: str) -> str:
    """One parameter of a header, unquoted."""
    message = Message()
    message[header] = value
    found = message.get_param(name, "", header)
    return found if isinstance(found, str) else found[2]
