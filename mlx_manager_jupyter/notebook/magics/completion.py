"""Tab after ``%mlx_…``: options, their choices, fields after ``--set``, names of what is there."""

# IPython's decorators have no types.
# mypy: allow-untyped-decorators

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.notebook.names import KnownNames, ask
from mlx_manager_jupyter.schema import Profile

if TYPE_CHECKING:
    from argparse import Action, ArgumentParser
    from collections.abc import Mapping

    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

#: A line of ours, whose name is complete. Where IPython takes magics without the percent sign, too.
_LINE = re.compile(r"\s*%{0,2}(mlx_\w+)\s")

#: What the words of a magic that are no options name.
_NAMED = {
    "mlx_serve": ("profiles", "models"),
    "mlx_stop": ("servers",),
    "mlx_restart": ("servers",),
    "mlx_status": ("servers",),
    "mlx_logs": ("servers",),
    "mlx_profiles": ("profiles",),
    "mlx_chat": ("servers", "profiles"),
}
#: The same of the value of an option.
_NAMED_BY_OPTION = {"model": ("servers", "profiles"), "server": ("servers",)}

_FIELDS = [f"{field}=" for field in Profile.__struct_fields__ if field != "name"]

_known = KnownNames(ask)


def complete_in(shell: InteractiveShell) -> None:
    """Complete lines of our magics in this shell, for as long as they are there."""
    matchers = getattr(shell.Completer, "custom_matchers", None)
    if matchers is None or any(matcher.__module__ == __name__ for matcher in matchers):
        return  # IPython before 8.6, or loaded before: magics that are gone complete nothing
    from IPython.core.completer import SimpleCompletion, context_matcher  # noqa: PLC0415  as above

    @context_matcher()
    def mlx_magic_matcher(context: CompletionContext) -> SimpleMatcherResult:
        fragment, found = completions(_parsers(shell), context.text_until_cursor)
        return {
            "completions": [SimpleCompletion(text=text, type="magic") for text in found],
            "matched_fragment": fragment,
            "suppress": True,  # what Python knows of such a word is beside the point
            "ordered": True,
        }

    matchers.append(mlx_magic_matcher)


def completions(
    parsers: Mapping[str, ArgumentParser], line: str, known: KnownNames = _known
) -> tuple[str, list[str]]:
    """The end of the line that is being completed, and what may stand in its place.

    Args:
        parsers: of the magics, by their names.
        line: up to the cursor.
        known: knows what there is.
    """
    found = _LINE.match(line)
    parser = parsers.get(found[1]) if found else None
    if found is None or parser is None:
        return "", []
    *before, word = line[found.end() :].split(" ")
    options = _options(parser)
    if word.startswith("-") and "=" not in word:
        return word, [flag for flag in sorted(options) if flag.startswith(word)]
    # ``--engine mlx`` and ``--engine=mlx``.
    last = before[-1] if before else ""
    flag, _, value = word.partition("=") if word.startswith("-") else (last, "", word)
    option = options.get(flag)
    offered = _values(option, known) if option else None
    if offered is None:
        offered = _names(known, _NAMED.get(found[1], ()))
    return value, [each for each in offered if each.startswith(value)]


def _values(option: Action, known: KnownNames) -> list[str] | None:
    """What may be the value of an option; None if it has none."""
    if option.nargs == 0:
        return None
    if option.dest == "set":
        return _FIELDS
    if option.choices:
        return [str(choice) for choice in option.choices]
    return _names(known, _NAMED_BY_OPTION.get(option.dest, ()))


def _options(parser: ArgumentParser) -> dict[str, Action]:
    actions = parser._actions  # noqa: SLF001  argparse tells nobody else what it knows
    return {flag: action for action in actions for flag in action.option_strings}


def _names(known: KnownNames, kinds: tuple[str, ...]) -> list[str]:
    if not kinds:
        return []
    names = known.now()
    return sorted({name for kind in kinds for name in getattr(names, kind)})


def _parsers(shell: InteractiveShell) -> dict[str, ArgumentParser]:
    magics: dict[str, Any] = {}
    for kind in shell.magics_manager.magics.values():
        magics |= kind
    return {
        name: magic.parser
        for name, magic in magics.items()
        if name.startswith("mlx_") and hasattr(magic, "parser")
    }
