"""The retrieval chain: question and history in, checked answer out, as a LangChain Runnable."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import ConfigDict

from assistant.answer import Answer, Hit, Sentence
from assistant.errors import AssistantError
from assistant.generation import Generator
from assistant.retrieval import Retriever, Turn, search_text
from assistant.verification import Citations, declines, quote, verify

Question = str | dict[str, Any]
"""A question, or `{"question": ..., "history": [(question, answer), ...]}`."""

# How many statements are found for a question, and at most shown to the model.
FOUND = 8
SHOWN = 3
# Statements this much weaker than the best one are not shown: a small model would answer from
# them all the same.
SHOWN_FROM = 0.6


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with what was found for it."""

    question: str
    history: tuple[Turn, ...]
    hits: tuple[Hit, ...]
    started: float

    @property
    def shown(self) -> tuple[Hit, ...]:
        """The statements an answer may draw on."""
        if not self.hits:
            return ()
        weakest = self.hits[0].score * SHOWN_FROM
        return tuple(hit for hit in self.hits[:SHOWN] if hit.score >= weakest)


def build_chain(
    retriever: Retriever, generator: Generator | None, abstain_below: float
) -> Runnable[Question, Answer]:
    """Retrieve, then answer; `stream` yields text pieces and, last, the `Answer`."""

    def retrieve(asked: Question) -> Inquiry:
        started = time.perf_counter()
        question, history = _read_question(asked)
        hits = retriever.search(search_text(question, history), FOUND)
        return Inquiry(question, history, hits, started)

    chain = RunnableLambda(retrieve) | AnswerStep(generator, abstain_below)
    return cast("Runnable[Question, Answer]", chain)


class AnswerStep(Runnable[Inquiry, Answer]):
    """Generates from what was found, verifies sentence by sentence, and abstains."""

    def __init__(self, generator: Generator | None, abstain_below: float) -> None:
        self._generator = generator
        self._abstain_below = abstain_below

    def invoke(  # `input` and what follows it are LangChain's names
        self,
        input: Inquiry,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> Answer:
        """The answer, when it is complete."""
        *_, answer = self.stream(input, config)
        return cast(Answer, answer)

    def stream(  # type: ignore[override]  # text pieces come before the answer
        self,
        input: Inquiry,  # noqa: A002
        config: RunnableConfig | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[str | Answer]:
        """Pieces of the answer's text as they are verified, then the answer itself.

        Empty pieces come while the model writes what is not verified yet: a caller that closes
        the stream between two of them stops the model.
        """
        best = input.hits[0].score if input.hits else 0.0
        if best < self._abstain_below:
            yield from self._abstain(
                input,
                "No statement is close enough to the question "
                f"(best score {best:.2f}, needed {self._abstain_below:.2f}).",
            )
            return
        citations = Citations()
        sentences: list[Sentence] = []
        draft: list[str] = []
        model = "quotes"
        if self._generator:
            pieces = self._generator.stream(input.question, input.history, input.shown)
            for sentence in verify(_kept(pieces, draft), input.shown, citations):
                if sentence is None:
                    yield ""
                    continue
                model = self._generator.name
                yield _spaced(sentence, sentences)
                sentences.append(sentence)
        if not sentences and declines("".join(draft)):
            yield from self._abstain(
                input, "The language model found no answer in the nearest statements."
            )
            return
        if not sentences:
            for sentence in quote(input.hits[0].statement, citations):
                yield _spaced(sentence, sentences)
                sentences.append(sentence)
        yield Answer(
            question=input.question,
            answered=True,
            text=" ".join(sentence.marked_text for sentence in sentences),
            reason=None,
            sentences=tuple(sentences),
            citations=tuple(citations),
            hits=input.hits,
            model=model,
            seconds=time.perf_counter() - input.started,
        )

    def _abstain(self, inquiry: Inquiry, reason: str) -> Iterator[str | Answer]:
        text = "The corpus does not say."
        yield text
        yield Answer(
            question=inquiry.question,
            answered=False,
            text=text,
            reason=reason,
            sentences=(),
            citations=(),
            hits=inquiry.hits,
            model=self._generator.name if self._generator else "quotes",
            seconds=time.perf_counter() - inquiry.started,
        )


class StatementRetriever(BaseRetriever):
    """The retrieval of this package as a LangChain retriever.

    Each document holds a statement's text, with its id, source, line and scores as metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    statements: Retriever
    limit: int = FOUND

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # LangChain passes it
    ) -> list[Document]:
        return [
            Document(
                id=hit.statement.id,
                page_content=hit.statement.text,
                metadata={
                    **hit.statement.metadata,
                    "id": hit.statement.id,
                    "source": hit.statement.source,
                    "line": hit.statement.line,
                    "rank": hit.rank,
                    "score": hit.score,
                    "dense_score": hit.dense_score,
                    "lexical_score": hit.lexical_score,
                },
            )
            for hit in self.statements.search(query, self.limit)
        ]


def _read_question(asked: Question) -> tuple[str, tuple[Turn, ...]]:
    question = asked["question"] if isinstance(asked, dict) else asked
    history = asked.get("history", ()) if isinstance(asked, dict) else ()
    if not isinstance(question, str) or not question.strip():
        raise AssistantError("The question is blank. Ask something about the corpus.")
    return question.strip(), tuple((str(before), str(said)) for before, said in history)


def _kept(pieces: Iterator[str], draft: list[str]) -> Iterator[str]:
    """The pieces, remembered as they pass."""
    for piece in pieces:
        draft.append(piece)
        yield piece


def _spaced(sentence: Sentence, before: Sequence[Sentence]) -> str:
    """The sentence as it continues the text, so that the pieces add up to `Answer.text`."""
    return f" {sentence.marked_text}" if before else sentence.marked_text
