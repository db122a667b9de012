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
from assistant.selection import (
    ALSO_FROM,
    AnswerJudge,
    Candidate,
    judge_sentences,
    rank_by_answer,
    select,
)
from assistant.verification import Citations, declines, quote, verify

Question = str | dict[str, Any]
"""A question, or `{"question": ..., "history": [(question, answer), ...]}`."""

ABSTENTION = "The corpus does not say."
DECLINED = "The language model found no answer in the nearest statements."
QUOTES = "quotes"
# How many statements are found for a question and judged.
FOUND = 6


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with what was searched for and what was found."""

    question: str
    history: tuple[Turn, ...]
    searched_for: str
    hits: tuple[Hit, ...]
    started: float


def build_chain(
    retriever: Retriever, judge: AnswerJudge, generator: Generator | None, abstain_below: float
) -> Runnable[Question, Answer]:
    """Retrieve, then answer; `stream` yields text pieces and, last, the `Answer`."""

    def retrieve(asked: Question) -> Inquiry:
        started = time.perf_counter()
        question, history = _read_question(asked)
        searched_for = search_text(question, history)
        hits = retriever.search(searched_for, FOUND)
        return Inquiry(question, history, searched_for, hits, started)

    chain = RunnableLambda(retrieve) | AnswerStep(judge, generator, abstain_below)
    return cast("Runnable[Question, Answer]", chain)


class AnswerStep(Runnable[Inquiry, Answer]):
    """Selects what answers or abstains, generates from it, and verifies sentence by sentence."""

    def __init__(
        self, judge: AnswerJudge, generator: Generator | None, abstain_below: float
    ) -> None:
        self._judge = judge
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
        # 1. Which sentences of what was found answer the question?
        candidates = judge_sentences(self._judge, input.searched_for, input.hits)
        hits = rank_by_answer(input.hits, candidates)
        if not candidates or candidates[0].probability < self._abstain_below:
            yield ABSTENTION
            yield self._answer(input, hits, (), Citations(), QUOTES, self._unlikely(candidates))
            return
        evidence = select(input.question, input.hits[0].statement, candidates)

        # 2. The model says it in its words; each sentence is verified as it ends.
        citations = Citations()
        sentences: list[Sentence] = []
        carried: list[Candidate] = []
        model = self._generator.name if self._generator else QUOTES
        if self._generator:
            draft: list[str] = []
            pieces = self._generator.stream(
                input.question, input.history, [each.text for each in evidence]
            )
            for verified in verify(_kept(pieces, draft), evidence, citations):
                if verified is None:
                    yield ""
                    continue
                sentence, source = verified
                carried.append(source)
                yield _spaced(sentence, sentences)
                sentences.append(sentence)
            if not sentences and declines("".join(draft)):
                yield ABSTENTION
                yield self._answer(input, hits, (), citations, model, DECLINED)
                return

        # 3. What likely answers and the model did not carry over is quoted; all, if it failed.
        needed_from = ALSO_FROM if sentences else 0.0
        for candidate in evidence:
            if candidate not in carried and candidate.probability >= needed_from:
                sentence = quote(candidate, citations)
                yield _spaced(sentence, sentences)
                sentences.append(sentence)
        yield self._answer(input, hits, sentences, citations, model if carried else QUOTES)

    def _answer(
        self,
        inquiry: Inquiry,
        hits: tuple[Hit, ...],
        sentences: Sequence[Sentence],
        citations: Citations,
        model: str,
        reason: str | None = None,
    ) -> Answer:
        return Answer(
            question=inquiry.question,
            answered=reason is None,
            text=" ".join(each.marked_text for each in sentences) if sentences else ABSTENTION,
            reason=reason,
            sentences=tuple(sentences),
            citations=tuple(citations),
            hits=hits,
            model=model,
            seconds=time.perf_counter() - inquiry.started,
        )

    def _unlikely(self, candidates: Sequence[Candidate]) -> str:
        best = candidates[0].probability if candidates else 0.0
        return (
            "No sentence of the nearest statements is likely to answer the question "
            f"(the best {best:.2f}, needed {self._abstain_below:.2f})."
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
    question = asked.get("question") if isinstance(asked, dict) else asked
    history = asked.get("history", ()) if isinstance(asked, dict) else ()
    if not isinstance(question, str) or not question.strip():
        raise AssistantError("The question is blank. Ask something about the corpus.")
    turns = tuple((_encodable(str(before)), _encodable(str(said))) for before, said in history)
    return _encodable(question).strip(), turns


def _encodable(text: str) -> str:
    """The text with a mark for what is no character: shells of another encoding hand it over."""
    return text.encode(errors="replace").decode()


def _kept(pieces: Iterator[str], draft: list[str]) -> Iterator[str]:
    """The pieces, remembered as they pass."""
    for piece in pieces:
        draft.append(piece)
        yield piece


def _spaced(sentence: Sentence, before: Sequence[Sentence]) -> str:
    """The sentence as it continues the text, so that the pieces add up to `Answer.text`."""
    return f" {sentence.marked_text}" if before else sentence.marked_text
