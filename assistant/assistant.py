"""The assistant: a corpus, its index and a language model behind `search`, `ask` and `stream`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from assistant.answer import Answer, Hit
from assistant.conversation import Turn, search_text
from assistant.corpus import Corpus, corpus_of, find_corpus, read_corpus
from assistant.embedder import Embedder, load_embedder
from assistant.index import Progress, StatementIndex, silent
from assistant.judge import ANSWER_WEIGHTS, SUPPORT_WEIGHTS, Judge
from assistant.language_model import (
    NO_MODEL,
    LanguageModel,
    find_model_file,
    load_language_model,
)
from assistant.reader import Reader, load_reader
from assistant.retrieval import FOUND, Retriever
from assistant.selection import SentenceJudge
from assistant.settings import Settings, keep_private, share_cores
from assistant.verification import Verifier

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

    from assistant.chain import Question


class Assistant:
    """Answers questions about a corpus of statements, with citations that were checked.

    Open one with `Assistant.open` or `Assistant.from_statements`; it is a context manager, and
    may be used from several threads.
    """

    def __init__(
        self,
        corpus: Corpus,
        index: StatementIndex,
        judge: SentenceJudge,
        verifier: Verifier,
        reader: Reader | None,
        model: LanguageModel | None,
        settings: Settings,
        found: int | None = None,
    ) -> None:
        """Put together parts that are already open; the assistant closes them."""
        from assistant.chain import build_chain
        from assistant.generation import Generator
        from assistant.statement_retriever import StatementRetriever

        self.corpus = corpus
        self.index = index
        self.settings = settings
        self._model = model
        self._is_open = True
        self._judge = judge
        self._verifier = verifier
        self._reader = reader
        self._found = found or FOUND
        self._retriever = Retriever(index)
        self._generator = Generator(model) if model else None
        self.retriever: BaseRetriever = StatementRetriever(statements=self._retriever)
        self.chain: Runnable[Question, Answer] = build_chain(
            self._retriever,
            judge,
            verifier,
            self._generator,
            reader,
            settings.abstain_below,
            {
                "index": index.fingerprint,
                "embedder": settings.embedder,
                "judge": judge.fingerprint,
                "reader": reader.fingerprint if reader else "none",
                "model": model.fingerprint if model else "none",
            },
            self._found,
        )

    @classmethod
    def open(
        cls,
        corpus: Path | str | None = None,
        settings: Settings | None = None,
        progress: Progress = silent,
        rebuild: bool = False,
    ) -> Assistant:
        """Open the assistant over a corpus on disk; only what changed is embedded again.

        Args:
            corpus: a `.txt` or `.jsonl` file, or a folder of them; None is the one in the
                settings, or else the corpus that ships.
            settings: None takes them from the environment.
            progress: told what is being done.
            rebuild: embed every statement again.

        Raises:
            AssistantError: the corpus, the index or a model cannot be used.
        """
        settings = settings or Settings.from_environment()
        return cls._assemble(
            read_corpus(corpus or settings.corpus), settings, settings.home, progress, rebuild
        )

    @classmethod
    def from_statements(
        cls, statements: Sequence[str], settings: Settings | None = None
    ) -> Assistant:
        """Open the assistant over statements in memory; nothing is written to disk.

        Raises:
            AssistantError: there is no statement, or a model cannot be used.
        """
        settings = settings or Settings.from_environment()
        return cls._assemble(corpus_of(list(statements)), settings, None, silent, False)

    @classmethod
    def _assemble(
        cls,
        corpus: Corpus,
        settings: Settings,
        home: Path | None,
        progress: Progress,
        rebuild: bool,
    ) -> Assistant:
        keep_private()
        share_cores()
        find_model_file(settings.model, settings.home)  # a wrong name shows before long work
        # The language models load while the embedder is imported, which takes the longest.
        background = ThreadPoolExecutor(max_workers=1)
        loading = background.submit(load_language_model, settings.model, settings.home)
        reading = background.submit(load_reader, settings.model, settings.home)
        background.shutdown(wait=False)
        index: StatementIndex | None = None
        try:
            progress("Loading the embedder", 0, 1)
            embedder: Embedder = load_embedder(settings.embedder)
            chroma_url = settings.chroma_url if home else None
            index = StatementIndex(corpus, embedder, home, chroma_url, progress, rebuild)
            progress("Loading the language model", 0, 1)
            judge = Judge(ANSWER_WEIGHTS)
            # Without a language model there is no draft to check.
            checks = settings.model != NO_MODEL
            verifier = Verifier(Judge(SUPPORT_WEIGHTS) if checks else None)
            model = loading.result()
            reader = reading.result()
        except BaseException:
            reading.cancel()
            loading.add_done_callback(_close_model)  # without waiting: it may be Ctrl-C
            if index:
                index.close()
            raise
        return cls(corpus, index, judge, verifier, reader, model, settings)

    def with_parts(
        self,
        judge: SentenceJudge | None = None,
        verifier: Verifier | None = None,
        abstain_below: float | None = None,
        found: int | None = None,
    ) -> Assistant:
        """The same corpus, index and model with other parts, to measure what a part is worth.

        None keeps the part; `found` is how many statements are read. Close only the assistant it
        was made from.
        """
        settings = self.settings
        if abstain_below is not None:
            settings = replace(settings, abstain_below=abstain_below)
        return Assistant(
            self.corpus,
            self.index,
            judge or self._judge,
            verifier or self._verifier,
            self._reader,
            self._model,
            settings,
            found or self._found,
        )

    @property
    def model(self) -> str:
        """The name of the language model, or `none`."""
        return self._model.name if self._model else "none"

    @property
    def chat_model(self) -> BaseChatModel | None:
        """The LangChain chat model that writes the drafts; None without one."""
        return self._model.chat if self._model else None

    def warm_up(self) -> None:
        """Do once what makes a first question slow: the first embedding, judgement and prompt."""
        nearest = self.search("Ready?", limit=1)
        self._judge.probabilities(
            "Ready?", [(hit.statement.text, hit.statement.text) for hit in nearest]
        )
        if self._generator:
            self._generator.warm_up()
        if self._reader:
            any(self._reader.doubts("Ready?", (), [hit.statement.text for hit in nearest]))

    def search(self, question: str, limit: int = 5, history: Sequence[Turn] = ()) -> list[Hit]:
        """The statements nearest to a question, best first, at most `limit` of them.

        A question that seems to lean on the history is led by what that is about.
        """
        return list(self._retriever.search(search_text(question, history), limit))

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question from the corpus, or say that the corpus does not.

        Args:
            question: what is asked.
            history: earlier questions and answers of the conversation, oldest first.

        Returns:
            The answer; `answered` is False when the assistant abstains.

        Raises:
            AssistantError: the question is blank, or the language model failed.
        """
        return self.chain.invoke({"question": question, "history": list(history)})

    def stream(self, question: str, history: Sequence[Turn] = ()) -> Iterator[str | Answer]:
        """Like `ask`: pieces of the answer's text as they are verified, then the `Answer`."""
        yield from self.chain.stream({"question": question, "history": list(history)})

    def close(self) -> None:
        """Stop the language model and give the index back; once is enough, twice does no harm."""
        if not self._is_open:
            return
        self._is_open = False
        if self._model:
            self._model.close()
        self.index.close()

    def __enter__(self) -> Assistant:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _close_model(loading: Future[LanguageModel | None]) -> None:
    if loading.cancelled() or loading.exception():
        return
    model = loading.result()
    if model:
        model.close()


def ask(question: str, corpus: Path | str | None = None) -> Answer:
    """Answer one question; the assistant behind it stays open for the next.

    Raises:
        AssistantError: see `Assistant.open` and `Assistant.ask`.
    """
    chosen = corpus if corpus is not None else Settings.from_environment().corpus
    with _OPENING:
        shared = _shared(find_corpus(chosen).resolve())
    return shared.ask(question)


# Two threads must not open one index at once: the second would meet the first one's lock.
_OPENING = threading.Lock()


@cache
def _shared(corpus: Path) -> Assistant:
    import atexit

    assistant = Assistant.open(corpus)
    atexit.register(assistant.close)
    return assistant
