"""What a chat template does, told from its code and not from its words.

A template is Jinja. That it has the word "tools" or "thinking" in a text for the model says
nothing; that its code asks for ``tools``, or that it writes ``<think>``, does.
"""

from __future__ import annotations

import re

from msgspec import Struct

#: Real ones have up to 30,000 characters. Anybody may write one, so we don't read on for ever.
LONGEST = 200_000

_OPENING = re.compile(r"\{[%{#]")
_CLOSING = {"{%": "%}", "{{": "}}", "{#": "#}"}
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)

#: The variable as engines pass it, or made from it; not an attribute, such as ``message.tools``.
_TOOLS = re.compile(r"(?<![\w.])(?:tools|xml_tools|json_tools|builtin_tools|custom_tools)\b")

#: Switches of thought that callers set.
_SWITCH = re.compile(
    r"(?<![\w.])(enable_thinking|enable_reasoning|thinking|thinking_mode|thinking_budget"
    r"|reasoning_effort|keep_past_thinking|ns\.enable_thinking)\b"
)
#: What opens or closes a thought.
_THOUGHT = re.compile(
    r"</?think>|</?seed:think>|</?longcat_think>|\[/?THINK\]|<\|think:(?:start|end)\|>"
    r"|<\|channel\|?>(?:thought|analysis)|◁/?think▷|<\|START_THINKING\|>|</?reasoning>|</?thought>"
)
#: A thought that is begun for the model, at the end of the prompt.
_BEGUN = re.compile(r"(?:<think>|<\|think:start\|>)(?:\\n|\s)*(?:['\"]\s*)?(?:-?\}\}|\{%)")


class Template(Struct, frozen=True):
    """A chat template, or several of one tokenizer one after the other."""

    source: str
    tools: str | None
    """What shows that it tells the model of tools; None if it does not."""
    thought: str | None
    """What shows that the model thinks before it answers."""
    switch: str | None
    """The variable by which callers turn thinking on and off."""
    begins_thought: bool
    """The template writes the opening tag itself, so the answer begins within the thought."""


def read(source: str) -> Template:
    """Take a template apart."""
    bare, code = _parts(source[:LONGEST])
    names = _QUOTED.sub("''", code)
    tools, switch = _TOOLS.search(names), _SWITCH.search(names)
    tag = _THOUGHT.search(bare)
    named = switch[0] if switch else None
    return Template(
        source=source,
        tools=tools[0] if tools else None,
        thought=tag[0] if tag else named,
        switch=named,
        begins_thought=bool(_BEGUN.search(bare)),
    )


def _parts(source: str) -> tuple[str, str]:
    """All but the comments, and the code alone. In one pass, whatever is not closed."""
    bare, code, end = [], [], 0
    while found := _OPENING.search(source, end):
        close = source.find(_CLOSING[found[0]], found.end())
        if close < 0:
            break
        bare.append(source[end : found.start()])
        end = close + 2
        if found[0] != "{#":
            bare.append(source[found.start() : end])
            code.append(source[found.end() : close])
    return "".join([*bare, source[end:]]), "\n".join(code)
