"""What an engine's words and its end mean, in words that a person can act on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from mlx_manager_jupyter.errors import (
    CorruptWeights,
    EngineCrashed,
    InvalidValue,
    MLXManagerError,
    ModelUnusable,
    NoWeights,
    OutOfMemory,
    PortTaken,
    StartFailed,
    UnsupportedModel,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_PULL = "Download the model again."
_KILLED = 9


class Meaning(Struct, frozen=True, kw_only=True):
    """What a log line means: the error it stands for. ``{0}`` is the pattern's first group."""

    pattern: re.Pattern[str]
    error: type[MLXManagerError]
    message: str
    hint: str | None = None


#: What every program says alike that MLX's libraries or Python speak for.
SHARED: Sequence[Meaning] = (
    Meaning(
        pattern=re.compile(
            r"OSError: \[Errno (?:98|48)\]|\[Errno (?:98|48)\] error while attempting to bind"
            r"|[Aa]ddress already in use"
        ),
        error=PortTaken,
        message="Another program took the port before the engine could listen on it.",
        hint="Start again: another port is chosen unless the profile fixes one.",
    ),
    Meaning(
        pattern=re.compile(
            r"OSError: \[Errno (?:99|49)\]|\[Errno (?:99|49)\] error while attempting to bind"
        ),
        error=InvalidValue,
        message="This machine does not have the address that 'host' names.",
        hint="Leave 'host' unset to use 127.0.0.1.",
    ),
    Meaning(
        pattern=re.compile(r"\[load_safetensors\] (.+)"),
        error=CorruptWeights,
        message="A weight file is damaged: {0}.",
        hint=_PULL,
    ),
    Meaning(
        pattern=re.compile(r"No safetensors (?:weights )?found|FileNotFoundError: .*safetensors"),
        error=NoWeights,
        message="The model's folder holds no weights.",
        hint=_PULL,
    ),
    Meaning(
        pattern=re.compile(
            r"Couldn't instantiate the backend tokenizer|Unrecognized processing class"
        ),
        error=ModelUnusable,
        message="The model's folder holds no tokenizer or processor that can be read.",
        hint="Download the model again; a tokenizer.json is missing.",
    ),
    Meaning(
        pattern=re.compile(
            r"Insufficient Memory|kIOGPUCommandBufferCallbackErrorOutOfMemory|"
            r"\[metal::malloc\]|\[malloc\] Unable to allocate|std::bad_alloc|MemoryError"
        ),
        error=OutOfMemory,
        message="The engine ran out of memory.",
        hint="Stop another server, or choose a smaller build of the model.",
    ),
)


def meanings_of(program: str, distribution: str, upgrade: str) -> tuple[Meaning, ...]:
    """What engines say of themselves, and `SHARED`.

    Args:
        program: what people call it.
        distribution: its package.
        upgrade: the command that brings a newer one.
    """
    return (
        *SHARED,
        Meaning(
            pattern=re.compile(r"Model type (\S+) not supported"),
            error=UnsupportedModel,
            message=f"The installed {distribution} does not know models of type {{0!r}}.",
            hint=f"Upgrade it ({upgrade}), or choose another model.",
        ),
        Meaning(
            pattern=re.compile(r"unrecognized arguments: (.+)"),
            error=InvalidValue,
            message=f"{program} does not know these arguments: {{0}}",
            hint=f"See 'extra_args' of the profile, and {program} --help.",
        ),
        Meaning(
            pattern=re.compile(r"No such option: ([^\s(]+)"),
            error=InvalidValue,
            message=f"{program} does not know these arguments: {{0}}",
            hint=f"See 'extra_args' of the profile, and {program} --help.",
        ),
        Meaning(
            pattern=re.compile(r"error: (argument .+)"),
            error=InvalidValue,
            message=f"{program} refused an {{0}}",
            hint=f"See {program} --help.",
        ),
        Meaning(
            pattern=re.compile(r"Error: (Invalid value for .+)"),
            error=InvalidValue,
            message=f"{program} says: {{0}}",
            hint=f"See {program} --help.",
        ),
        Meaning(
            pattern=re.compile(r"(?:ModuleNotFoundError|ImportError): (.+)"),
            error=EngineCrashed,
            message=f"{program} is broken: {{0}}",
            hint=f"Install {distribution} again.",
        ),
    )


def diagnose(
    program: str,
    meanings: Sequence[Meaning],
    kind: str,
    detail: str,
    tail: Sequence[str],
    *,
    exit_code: int | None = None,
    signal: int | None = None,
) -> MLXManagerError:
    """Say in words why a start or a run failed.

    ``kind`` is how the process adapter saw it (``exited``, ``fatal_line``, ``port_taken``,
    ``timeout``, ``silent``, ``spawn``), ``tail`` the log's last lines. The log decides, since exit
    codes of engines don't tell a crash from a stop; the last line that means something wins.
    """
    for line in (detail, *reversed(tail)):
        for meaning in meanings:
            if found := meaning.pattern.search(line):
                groups = found.groups() or ("",)
                return meaning.error(meaning.message.format(*groups), meaning.hint, tail)
    if kind == "port_taken":
        return PortTaken(detail, "Choose another --port, or none.", tail)
    if kind == "timeout":
        return StartFailed(detail, "The log says how far it came.", tail)
    if kind == "silent":
        return EngineCrashed(detail, "See the log.", tail)
    if kind == "spawn":
        return StartFailed(f"{program} could not be started: {detail}", None, tail)
    how = f"signal {signal}" if signal else f"exit code {exit_code}"
    how = how if signal or exit_code is not None else "no exit code known"
    # The system ends what takes the last memory, and writes no line into its log.
    hint = "If nobody ended it, memory may have run out. See the log."
    hint = hint if signal == _KILLED else "See the log."
    return EngineCrashed(f"{program} ended by itself ({how}).", hint, tail)
