"""Tab completion of the magics: in a real kernel, and what it does while nobody answers."""

from __future__ import annotations

import threading
import time
from argparse import ArgumentParser
from typing import TYPE_CHECKING

from mlx_manager_jupyter.errors import ExtensionUnreachable
from mlx_manager_jupyter.notebook.magics.completion import completions
from mlx_manager_jupyter.notebook.names import KnownNames, Names
from mlx_manager_jupyter.notebook.options import SERVE, STOP
from mlx_manager_jupyter.schema import Profile
from tests.client.live import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlx_manager_jupyter.notebook.options import Option
    from tests.client.live import Jupyter
    from tests.notebook.kernel import Kernel


def parser(options: Sequence[Option]) -> ArgumentParser:
    made = ArgumentParser(add_help=False)
    for flags, more in options:
        made.add_argument(*flags, **more)
    return made


PARSERS = {"mlx_serve": parser(SERVE), "mlx_stop": parser(STOP)}
KNOWN = KnownNames(lambda: Names(("tiny", "two"), ("coder",), ("org/Tiny-4bit",)))


def complete(line: str) -> list[str]:
    fragment, found = completions(PARSERS, line, KNOWN)
    assert line.endswith(fragment)
    return found


def test_names_options_choices_and_fields() -> None:
    assert complete("%mlx_serve ") == ["coder", "org/Tiny-4bit"]
    assert complete("%mlx_serve org/T") == ["org/Tiny-4bit"]
    assert complete("mlx_stop t") == ["tiny", "two"]
    assert complete("%mlx_stop tiny t") == ["tiny", "two"]
    assert complete("%mlx_stop --") == ["--all"]
    assert complete("%mlx_stop --all t") == ["tiny", "two"]
    assert complete("%mlx_serve --k") == ["--keep"]
    assert "--context-length" in complete("%mlx_serve coder --")
    assert complete("%mlx_serve coder --engine mlx-l") == ["mlx-lm"]
    assert complete("%mlx_serve coder --engine=mlx-l") == ["mlx-lm"]
    assert complete("%mlx_serve coder --set tempe") == ["temperature="]
    assert complete("%mlx_serve coder --set=tempe") == ["temperature="]
    assert complete("%mlx_serve coder --set temperature=0") == []
    assert complete("%mlx_serve coder --name ti") == []
    assert complete("%mlx_other t") == []
    assert complete("print('%mlx_stop t") == []


def test_the_kernel_completes(jupyter: Jupyter, kernel: Kernel) -> None:
    jupyter.serve("assistant")
    until(lambda: "assistant" in tab(kernel, "%mlx_stop a"))
    assert tab(kernel, "%mlx_stop a") == ["assistant"]
    assert tab(kernel, "%mlx_logs assistant -") == ["--lines", "-n"]
    assert tab(kernel, "%mlx_serve x --set max_tok") == ["max_tokens="]
    assert {"--bits", "--fits"} <= set(tab(kernel, "x = 1\n%mlx_search qwen --"))
    assert tab(kernel, "%%mlx_chat a") == ["assistant"]


def test_reloading_completes_once(kernel: Kernel) -> None:
    kernel.ok("%unload_ext mlx_manager_jupyter")
    assert "--all" not in tab(kernel, "%mlx_stop --")
    kernel.ok("%load_ext mlx_manager_jupyter")
    assert tab(kernel, "%mlx_stop --") == ["--all"]


def tab(kernel: Kernel, code: str) -> list[str]:
    reply = kernel.client.complete(code, reply=True, timeout=20)
    found: list[str] = reply["content"]["matches"]
    return found


def test_an_extension_that_does_not_answer_holds_nobody_up() -> None:
    answered = threading.Event()

    def ask() -> Names:
        answered.wait(20)
        return Names(("late",))

    known = KnownNames(ask)
    began = time.monotonic()
    assert known.now() == Names()
    assert known.now() == Names()
    assert time.monotonic() - began < 2
    answered.set()
    until(lambda: known.now().servers == ("late",))


def test_one_question_serves_many_tabs_and_none_is_asked_without_a_tab() -> None:
    asked: list[int] = []

    def ask() -> Names:
        asked.append(1)
        return Names(("one",))

    known = KnownNames(ask)
    assert asked == []
    for _ in range(20):
        assert known.now().servers == ("one",)
    assert len(asked) == 1


def test_without_an_extension_there_is_nothing_to_complete() -> None:
    def ask() -> Names:
        raise ExtensionUnreachable("nobody")

    assert KnownNames(ask).now() == Names()


def test_every_field_of_a_profile_is_offered_but_its_name() -> None:
    fields = [each.removesuffix("=") for each in complete("%mlx_serve x --set ")]
    assert fields == [field for field in Profile.__struct_fields__ if field != "name"]
