"""What is measured: the assistant as the evals see it, and how they open it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assistant.answer import Answer, Hit

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from assistant.assistant import Assistant

History = Sequence[tuple[str, str]]

# Deep enough for every metric at 10 and for the component rankings that are read off the hits.
DEPTH = 100


class Searching(Protocol):
    """The part of the assistant that retrieval evals use."""

    def search(self, question: str, limit: int = ..., history: History = ...) -> list[Hit]:
        """The best hits for a question, best first."""


class Answering(Searching, Protocol):
    """The part of the assistant that answer evals use."""

    def stream(self, question: str, history: History = ...) -> Iterator[str | Answer]:
        """Pieces of text, then exactly one answer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An opened assistant over the statements of a question set.

    Attributes:
        chat_model: the language model alone and as it came, for the tutorial chain; None where
            there is none.
        names: what it is made of (`model`, `embedder`), for the record.
        ablations: makes the assistant without one of its parts, by name.
        depths: makes it with other numbers of statements read, by name.
    """

    assistant: Answering
    chat_model: BaseChatModel | None
    names: Mapping[str, str]
    ablations: Callable[[], Mapping[str, Answering]] = field(default=dict)
    depths: Callable[[Sequence[int]], Mapping[str, Answering]] = field(default=lambda _: {})


# From a file of statements and a model's name (None: the usual one) to what is measured.
Opening = Callable[[Path, str | None], AbstractContextManager[Subject]]


@contextmanager
def open_subject(corpus: Path, model: str | None) -> Iterator[Subject]:
    """The assistant over a file of statements, closed at the end.

    Args:
        corpus: `corpus.jsonl` of a question set.
        model: a model name as `Settings.model` takes it; None for the one the environment names.

    Raises:
        AssistantError: the corpus, the index or a model cannot be used.
    """
    from assistant.assistant import Assistant
    from assistant.settings import Settings
    from evals.ablations import ablations, depths

    settings = Settings.from_environment()
    settings = replace(settings, model=model or settings.model)
    with (
        Assistant.open(corpus, settings, progress=_show) as assistant,
        _as_it_came(assistant) as chat_model,
    ):
        names = {"model": settings.model, "embedder": settings.embedder}
        yield Subject(
            assistant,
            chat_model,
            names,
            partial(ablations, assistant),
            partial(depths, assistant),
        )


@contextmanager
def _as_it_came(assistant: Assistant) -> Iterator[BaseChatModel | None]:
    """The assistant's language model without what it was taught here: tutorials have no more."""
    from assistant.catalogue import find_model
    from assistant.language_model import load_file

    known = find_model(assistant.model)
    path = known.path(assistant.settings.home) if known and known.adapter else None
    if path is None:
        yield assistant.chat_model
        return
    with closing(load_file(assistant.model, path, None)) as model:
        yield model.chat


def _show(what: str, done: int, total: int) -> None:
    """One line on a terminal, written over by the next; indexing a large set takes minutes."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what} ({done}/{total})", end="", file=sys.stderr, flush=True)
