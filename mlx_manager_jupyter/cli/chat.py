"""``jupyter mlx chat``: one question, and its answer as it comes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlx_manager_jupyter.cli.connect import add_json, connected, tell
from mlx_manager_jupyter.errors import BadRequest, NotReady
from mlx_manager_jupyter.notebook import format as fmt

if TYPE_CHECKING:
    import argparse

    from mlx_manager_jupyter.client.client import Client
    from mlx_manager_jupyter.client.gateway import ChatRequest, ChatStream
    from mlx_manager_jupyter.client.reply import Reply
    from mlx_manager_jupyter.schema import Server

#: In place of the prompt, or as a word of it: what is piped in.
_STDIN = "-"


def add_to(nouns: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to ``jupyter mlx``."""
    parser = nouns.add_parser(
        "chat",
        help="ask a model",
        description="Ask a model and print its answer as it comes. The first word is the model if "
        "a server, an alias, a profile or a served model is called that; it may be left out while "
        "one server is ready. Without a prompt, or for a '-' in it, what is piped in is sent.",
    )
    parser.add_argument("words", nargs="*", metavar="[MODEL] PROMPT", help="whom to ask, and what")
    parser.add_argument("-m", "--model", help="whom to ask; all words are the prompt then")
    parser.add_argument("-s", "--system", help="what the model should be or do")
    parser.add_argument(
        "-t", "--temperature", type=float, metavar="T", help="0 for the most likely answer, up to 2"
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="where to cut the answer")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="for the same answer to the same question"
    )
    add_json(parser)
    parser.set_defaults(run=_chat, parser=parser)


def _chat(args: argparse.Namespace) -> None:
    from mlx_manager_jupyter.client.gateway import ChatRequest  # noqa: PLC0415  httpx2: slow

    with connected(args) as client:
        model, words = _model(args, client)
        prompt = _prompt(words, args)
        system = [{"role": "system", "content": args.system}] if args.system is not None else []
        request = ChatRequest(
            model=model,
            messages=(*system, {"role": "user", "content": prompt}),
            temperature=args.temperature,
            max_tokens=args.max_tokens,
            seed=args.seed,
        )
        _ask(client, request, args)


def _ask(client: Client, request: ChatRequest, args: argparse.Namespace) -> None:
    with client.chat(request) as answer:
        try:
            _print(answer, quiet=args.json)
        except BaseException as error:
            answer.close()  # first of all the model stops
            interrupted = isinstance(error, (KeyboardInterrupt, SystemExit))
            if args.json and interrupted:
                _tell(answer.reply("interrupted"))
            raise
        reply = answer.reply()
    if args.json:
        _tell(reply)
    elif sys.stderr.isatty():
        print(_footer(reply), file=sys.stderr)


def _print(answer: ChatStream, *, quiet: bool) -> None:
    """The answer to stdout; what the model thinks before it only where a person looks on."""
    thinks, wrote = sys.stderr.isatty(), ""
    if thinks and not quiet:
        answer.on_wait = _wait
    for delta in answer:
        if quiet:
            continue
        if delta.kind == "text":
            print(delta.text, end="", flush=True)
            wrote = delta.text
        elif thinks:
            print(f"\x1b[2m{delta.text}\x1b[0m", end="", file=sys.stderr, flush=True)
    if wrote and not wrote.endswith("\n"):
        print(flush=True)


def _wait(words: str) -> None:
    """On one line, which the next one takes."""
    print(f"\r\x1b[2K\x1b[2m{words}…\x1b[0m\r", end="", file=sys.stderr, flush=True)


def _tell(reply: Reply) -> None:
    tell({"text": reply.text, "reasoning": reply.reasoning, **reply.facts})


def _footer(reply: Reply) -> str:
    said = [reply.server]
    if reply.usage:
        said.append(f"{reply.usage.prompt_tokens} → {reply.usage.completion_tokens} tokens")
    if reply.timings.tokens_per_second:
        said.append(fmt.rate(reply.timings.tokens_per_second))
    if reply.timings.first_token_seconds is not None:
        said.append(f"first after {fmt.seconds(reply.timings.first_token_seconds)}")
    return f"\x1b[2m{' · '.join(said)}\x1b[0m"


def _model(args: argparse.Namespace, client: Client) -> tuple[str, list[str]]:
    """Whom to ask, and the words that are left for the prompt."""
    words: list[str] = args.words
    if args.model:
        return args.model, words
    servers = client.servers.list()
    if words and words[0] in _names(servers, client):
        return words[0], words[1:]
    return _only_ready(servers).name, words


def _names(servers: list[Server], client: Client) -> set[str]:
    served = {name for each in servers for name in (each.name, each.model, *each.aliases)}
    saved = {name for each in client.profiles.list() for name in (each.name, *each.aliases)}
    return served | saved


def _only_ready(servers: list[Server]) -> Server:
    ready = [server for server in servers if server.state == "ready"]
    if len(ready) == 1:
        return ready[0]
    if not ready:
        raise NotReady("No server is ready.", "Start one with: jupyter mlx serve MODEL")
    names = ", ".join(server.name for server in ready)
    raise BadRequest(f"{len(ready)} servers are ready: {names}.", "Say which one to ask: -m NAME")


def _prompt(words: list[str], args: argparse.Namespace) -> str:
    if not words or _STDIN in words:
        if sys.stdin.isatty():
            args.parser.error("say what to ask, or pipe it in")
        piped = sys.stdin.read()
        words = [piped if word == _STDIN else word for word in words or [_STDIN]]
    prompt = " ".join(words)
    if not prompt.strip():
        args.parser.error("the prompt is empty")
    return prompt
