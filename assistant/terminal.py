"""What the command prints: text of the corpus and of models, made harmless for a terminal."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence

from assistant.answer import Answer, Hit

WIDTH = 96
PROBLEMS_SHOWN = 3
HITS_SHOWN = 3
# They join or part letters, and emoji, and drive nothing: zero-width (non-)joiner, soft hyphen.
JOINERS = "\u200c\u200d\u00ad"


def say(text: str, indent: str | None = None) -> None:
    """Print a line; with an indent, wrapped, its later lines indented."""
    line = printable(text)
    print(line if indent is None else textwrap.fill(line, WIDTH, subsequent_indent=indent))


def tell(text: str) -> None:
    """Print a line on standard error, apart from the output."""
    print(f"assistant: {printable(text)}", file=sys.stderr)


def say_json(value: object) -> None:
    """Print a value as JSON, in characters that the reader's encoding has."""
    is_unicode = "utf" in (sys.stdout.encoding or "utf-8").casefold()
    print(json.dumps(value, ensure_ascii=not is_unicode, indent=2))


def say_evidence(answer: Answer) -> None:
    """Print an answer's quotes and their places, or why there is none and what is nearest."""
    for citation in answer.citations:
        say(f"[{citation.number}] “{citation.quote}”", "    ")
        say(f"    {citation.statement.source}, line {citation.statement.line}")
    if not answer.answered:
        say(answer.reason or "")
        if answer.hits:
            say("The nearest statements:")
            say_hits(answer.hits[:HITS_SHOWN])


def say_hits(hits: Sequence[Hit]) -> None:
    """Print hits with their scores and places."""
    for hit in hits:
        say(f"{hit.rank}. {hit.statement.text}", "   ")
        say(
            f"   score {hit.score:.2f} (similarity {hit.dense_score:.2f}, "
            f"words {hit.lexical_score:.2f}) · {hit.statement.source}, line {hit.statement.line}"
        )


def tell_problems(problems: Sequence[str]) -> None:
    """Tell the first problems of a corpus, and how many more there are."""
    for problem in problems[:PROBLEMS_SHOWN]:
        tell(problem)
    if len(problems) > PROBLEMS_SHOWN:
        tell(f"and {len(problems) - PROBLEMS_SHOWN} more problems")


def printable(text: str) -> str:
    """The text as one line without control characters, which could drive the terminal."""
    spaced = (" " if mark.isspace() else mark for mark in text)
    return "".join(mark if mark.isprintable() or mark in JOINERS else "�" for mark in spaced)
