"""What every record is made of: the base class, and values with their ranges."""

from __future__ import annotations

from typing import Annotated, Any, Literal, dataclass_transform

import msgspec
from msgspec import Meta, Struct, StructMeta

ServerState = Literal["stopped", "starting", "loading", "ready", "stopping", "failed"]
EngineKind = Literal["mlx-lm", "mlx-vlm", "mlx-openai-server", "remote", "command"]
EngineChoice = Literal["auto", "mlx-lm", "mlx-vlm", "mlx-openai-server", "remote", "command"]

#: What a user types after ``%mlx_serve``: it is also a file name and a URL segment.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0.0, le=1.0)]


class _KeywordOnly(StructMeta):
    """Passes ``kw_only`` on to subclasses, which msgspec by itself does not."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any
    ) -> _KeywordOnly:
        return super().__new__(cls, name, bases, namespace, **{"kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True)  # what subclasses inherit
class Record(Struct, frozen=True, kw_only=True, metaclass=_KeywordOnly):
    """Base of everything on the wire: immutable, named fields only."""


def is_record(thing: object) -> bool:
    """Whether it is a kind of record."""
    return isinstance(thing, type) and issubclass(thing, Record)


def learn(*kinds: Any) -> None:
    """Have msgspec read what records are made of, now and in this thread.

    It does so when it first meets one, and a second thread that meets the same in that moment
    brings the whole process down (0.22: a null pointer in ``_core``). So whoever defines what
    threads read calls this at import.

    Args:
        kinds: records, or unions of them.
    """
    for kind in kinds:
        msgspec.json.Decoder(kind)
