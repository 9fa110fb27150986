"""``chat``: ask a model, and show the answer as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlx_manager_jupyter.client.client import shared_client
from mlx_manager_jupyter.client.gateway import ChatRequest
from mlx_manager_jupyter.errors import BadRequest, NotReady
from mlx_manager_jupyter.notebook.errors import short_errors
from mlx_manager_jupyter.notebook.views import SilentView, best_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlx_manager_jupyter.client.reply import Reply
    from mlx_manager_jupyter.schema import Server


@short_errors
def chat(
    prompt: str | Sequence[dict[str, Any]],
    *,
    model: str | None = None,
    system: str | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    stream: bool = False,
    keep: Callable[[Reply], object] = lambda _: None,
) -> Reply:
    """Ask a model.

    Args:
        prompt: the user's words, sent verbatim, or a list of OpenAI messages.
        model: server, alias, profile or model id; may be left out while one server is ready.
        system: what the model should be or do.
        temperature: 0 for the most likely answer, up to 2.
        max_tokens: where to cut the answer.
        seed: for the same answer to the same question, as far as the engine can.
        keep: is given the reply, or the part of it that came before an interrupt.
        stream: show the answer in this cell while it comes. As the last line of a cell, end it
            with ``;`` or it is shown twice.

    Returns:
        The answer: a string that knows its model, tokens and timings.

    Raises:
        BadRequest: the prompt is empty, or several servers are ready and ``model`` says none.
        MLXManagerError: the model can't be asked or broke off its answer.
        KeyboardInterrupt: generation was stopped, and the partial answer shown if ``stream``.
    """
    request = ChatRequest(
        messages=_messages(prompt, system),
        model=model or _only_ready(shared_client().servers.list()).name,
        temperature=temperature,
        max_tokens=max_tokens,
        seed=seed,
    )
    view_for = best_view() if stream else SilentView
    with shared_client().chat(request) as answer:
        view = view_for(answer.server)
        try:
            view.open()
            answer.on_wait = view.wait
            for delta in answer:
                view.add(delta)
        except BaseException as error:
            # First of all the model stops; drawing takes its time.
            answer.close()
            interrupted = isinstance(error, KeyboardInterrupt)
            partial = answer.reply("interrupted" if interrupted else None)
            view.finish(partial)
            if interrupted:
                keep(partial)
            raise
        reply = answer.reply()
        keep(reply)
        view.finish(reply)
        return reply


def _messages(
    prompt: str | Sequence[dict[str, Any]], system: str | None
) -> tuple[dict[str, Any], ...]:
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else [*prompt]
    if not messages or (isinstance(prompt, str) and not prompt.strip()):
        raise BadRequest("The prompt is empty.")
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return tuple(messages)


def _only_ready(servers: Iterable[Server]) -> Server:
    ready = [server for server in servers if server.state == "ready"]
    if len(ready) == 1:
        return ready[0]
    if not ready:
        raise NotReady("No server is ready.", "Start one with `%mlx_serve MODEL`.")
    names = ", ".join(server.name for server in ready)
    raise BadRequest(f"{len(ready)} servers are ready: {names}.", "Say which one to ask.")
