"""What a model suggests for the fields of a profile, each with its reason. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from mlx_manager_jupyter.schema import Suggestion
from mlx_manager_jupyter.services.profiles import parsers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlx_manager_jupyter.schema import EngineChoice, Profile
    from mlx_manager_jupyter.services.models.facts import Facts
    from mlx_manager_jupyter.services.profiles.parsers import Choices

#: What the engine is told of a model, by what it can do.
_TYPES = (("embeddings", "embeddings"), ("vision", "multimodal"))


def suggestions(
    profile: Profile,
    facts: Facts,
    engine: EngineChoice,
    *,
    version: str | None = None,
    choices: Choices | None = None,
) -> tuple[Suggestion, ...]:
    """What the model's files say; nothing that the engine can't honour.

    Args:
        profile: as far as it is filled in; what it says already is suggested all the same.
        facts: about its model.
        engine: that would run it.
        version: of that engine; None if it is not installed.
        choices: that its own help lists for a flag; None if it is not installed.
    """
    found = [*_engine(profile, facts), *_context(facts)]
    if engine == "mlx-openai-server":
        found += [*_model_type(facts), *_parsers(facts, version, choices)]
    return tuple(found)


def notes(
    facts: Facts,
    engine: EngineChoice,
    *,
    version: str | None = None,
    choices: Choices | None = None,
) -> tuple[str, ...]:
    """Why there is no suggestion for a parser where one might be looked for."""
    said = []
    for field, notation in facts.flags.items():
        what = "tool calls" if field == "tool_call_parser" else "thoughts"
        why = facts.evidence.get(field, "")
        if engine in parsers.INFERRING:
            said.append(f"{engine} finds out by itself how this model writes {what} ({why}).")
            continue
        there = parsers.listed(field, version, choices)
        if engine == "mlx-openai-server" and parsers.parser(field, notation, there) is None:
            which = f"{engine} {version}" if version else engine
            said.append(f"{which} has no parser that reads how this model writes {what} ({why}).")
    return tuple(said)


def _engine(profile: Profile, facts: Facts) -> Iterator[Suggestion]:
    if profile.engine == "auto" and facts.engine and facts.engine != "mlx-lm":
        yield Suggestion(
            field="engine", value=facts.engine, reason=facts.evidence.get("engine", "")
        )


def _context(facts: Facts) -> Iterator[Suggestion]:
    if facts.context_length:
        why = facts.evidence.get("context_length", "")
        yield Suggestion(
            field="context_length",
            value=facts.context_length,
            reason=f"what the model was made for ({why})",
        )


def _model_type(facts: Facts) -> Iterator[Suggestion]:
    for capability, kind in _TYPES:
        if capability in facts.capabilities:
            why = facts.evidence.get(capability, "")
            yield Suggestion(field="model_type", value=kind, reason=f"{capability} ({why})")
            return
    if facts.model_type == "whisper":
        why = facts.evidence.get("model_type", "")
        yield Suggestion(field="model_type", value="whisper", reason=f"speech to text ({why})")
    elif facts.model_type and "audio" not in facts.capabilities:
        yield Suggestion(field="model_type", value="lm", reason=f"text ({facts.model_type})")


def _parsers(facts: Facts, version: str | None, choices: Choices | None) -> Iterator[Suggestion]:
    for field, notation in facts.flags.items():
        name = parsers.parser(field, notation, parsers.listed(field, version, choices))
        if name is None:
            continue
        why = facts.evidence.get(field, "")
        reason = why if name == notation else f"{why}; it stands in for {notation}"
        yield Suggestion(field=field, value=name, reason=reason)
        if field == "tool_call_parser":
            yield Suggestion(
                field="enable_auto_tool_choice",
                value=True,
                reason=f"the model calls tools ({facts.evidence.get('tools', why)})",
            )
    notation_of_calls = facts.flags.get("tool_call_parser")
    there = parsers.listed("message_converter", version, choices)
    if name := parsers.converter(notation_of_calls, there):
        why = facts.evidence.get("tool_call_parser", "")
        yield Suggestion(
            field="message_converter", value=name, reason=f"goes with its parser ({why})"
        )


def proven(found: tuple[Suggestion, ...], tried: Mapping[str, Any]) -> tuple[Suggestion, ...]:
    """Marked where the value has been tried on the running model, and works."""
    return tuple(
        replace(one, proven=True) if one.field in tried and tried[one.field] == one.value else one
        for one in found
    )
