"""The retrieval chain: question and history in, checked answer out, as a LangChain Runnable."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import ConfigDict

from assistant.answer import (
    ABSTENTION,
    LEAST_DOUBT,
    Answer,
    Dropped,
    Hit,
    Sentence,
    confidence,
)
from assistant.conversation import Turn, search_text
from assistant.errors import AssistantError
from assistant.generation import Generator, Piece
from assistant.receipt import ReadSentence, ReadStatement, Receipt
from assistant.retrieval import Retriever
from assistant.selection import (
    Candidate,
    SentenceJudge,
    judge_sentences,
    rank_by_answer,
    select,
)
from assistant.verification import Citations, Verifier, declines, quote

Question = str | dict[str, Any]
"""A question, or `{"question": ..., "history": [(question, answer), ...]}`."""

UNLIKELY = (
    "The nearest statements are unlikely to answer the question ({found:.2f}, needed {needed:.2f})."
)
DECLINED = (
    "The language model doubts that the nearest statements answer the question, "
    "and they are not sure enough to answer without it ({found:.2f}, needed {needed:.2f})."
)
# What a model's word that nothing answers counts for where it does not tell how sure it is.
DOUBT_OF_SILENCE = 0.9
QUOTES = "quotes"
# How many statements are found for a question and judged.
FOUND = 6


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with what was searched for, what was found, and when that began and ended."""

    question: str
    history: tuple[Turn, ...]
    searched_for: str
    hits: tuple[Hit, ...]
    started: float
    found: float


def build_chain(
    retriever: Retriever,
    judge: SentenceJudge,
    verifier: Verifier,
    generator: Generator | None,
    abstain_below: float,
    fingerprints: Mapping[str, str] | None = None,
    found: int = FOUND,
) -> Runnable[Question, Answer]:
    """Retrieve `found` statements, then answer; `stream` yields text and, last, the `Answer`."""

    def retrieve(asked: Question) -> Inquiry:
        started = time.perf_counter()
        question, history = _read_question(asked)
        searched_for = search_text(question, history)
        hits = retriever.search(searched_for, found)
        return Inquiry(question, history, searched_for, hits, started, time.perf_counter())

    step = AnswerStep(judge, verifier, generator, abstain_below, fingerprints or {})
    return cast("Runnable[Question, Answer]", RunnableLambda(retrieve) | step)


class AnswerStep(Runnable[Inquiry, Answer]):
    """Selects what answers or abstains, generates from it, and verifies sentence by sentence."""

    def __init__(
        self,
        judge: SentenceJudge,
        verifier: Verifier,
        generator: Generator | None,
        abstain_below: float,
        fingerprints: Mapping[str, str],
    ) -> None:
        self._judge = judge
        self._verifier = verifier
        self._generator = generator
        self._abstain_below = abstain_below
        self._fingerprints = fingerprints

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
        draft = Draft(input)
        draft.candidates = judge_sentences(self._judge, input.searched_for, input.hits)
        draft.judged = time.perf_counter()
        needed = self._abstain_below
        # A language model that tells its doubt may still speak for it.
        tells_doubt = self._generator is not None and self._generator.tells_doubt
        at_best = confidence(draft.hits, LEAST_DOUBT if tells_doubt else None)
        if not draft.candidates or at_best < needed:
            yield ABSTENTION
            found = confidence(draft.hits)
            yield self._answer(draft, UNLIKELY.format(found=found, needed=needed))
            return
        draft.evidence = select(input.question, input.hits[0].statement, draft.candidates)

        # 2. The model says it in its words; each sentence is verified as it ends.
        if self._generator:
            yield from self._write(self._generator, draft)
            if declines("".join(draft.pieces)) and not draft.sentences and draft.doubt is None:
                draft.doubt = DOUBT_OF_SILENCE
            found = confidence(draft.hits, draft.doubt)
            if found < needed:
                yield ABSTENTION
                yield self._answer(draft, DECLINED.format(found=found, needed=needed))
                return

        # 3. What the model did not carry over is quoted; of the model taught here always, for it
        # leaves out what is asked: on dev its own choice is right in 0.76, all evidence in 0.78.
        if tells_doubt or not draft.is_in_own_words:
            for candidate in draft.evidence:
                if candidate not in draft.carried:
                    yield draft.add(quote(candidate, draft.citations))
        yield self._answer(draft)

    def _write(self, generator: Generator, draft: Draft) -> Iterator[str]:
        """The model's sentences that pass the check, each as soon as it ends."""
        inquiry = draft.inquiry
        passages = [each.text for each in draft.evidence]
        draft.prompt = generator.prompt(inquiry.question, inquiry.history, passages)
        with closing(generator.stream(draft.prompt)) as written:
            pieces = self._kept(written, draft)
            for verified in self._verifier.verify(pieces, draft.evidence, draft.citations):
                match verified:
                    case None:
                        yield ""
                    case Dropped():
                        draft.dropped.append(verified)
                    case sentence, carrier:
                        draft.carried.append(carrier)
                        yield draft.add(sentence)

    def _kept(self, written: Iterator[Piece], draft: Draft) -> Iterator[str]:
        """The pieces, remembered as they pass; none where the model doubts too much."""
        for piece in written:
            draft.pieces.append(piece.text)
            if piece.doubt is not None:
                draft.doubt = piece.doubt
                if confidence(draft.hits, piece.doubt) < self._abstain_below:
                    return
            yield piece.text

    def _answer(self, draft: Draft, reason: str | None = None) -> Answer:
        """The draft as it stands, complete; an abstention where there is a reason for one."""
        inquiry = draft.inquiry
        # An abstention after the model was asked is its doing too.
        asked_model = self._generator if draft.carried or (reason and draft.pieces) else None
        ended = time.perf_counter()
        judged = draft.judged
        return Answer(
            question=inquiry.question,
            answered=reason is None,
            text=" ".join(each.marked_text for each in draft.sentences) or ABSTENTION,
            reason=reason,
            sentences=tuple(draft.sentences),
            citations=tuple(draft.citations),
            hits=draft.hits,
            model=asked_model.name if asked_model else QUOTES,
            seconds=ended - inquiry.started,
            searched_for=inquiry.searched_for,
            dropped=tuple(draft.dropped),
            receipt=Receipt(
                read=tuple(_read(hit, draft) for hit in inquiry.hits),
                needed=self._abstain_below,
                prompt=tuple((message.type, str(message.content)) for message in draft.prompt),
                draft="".join(draft.pieces),
                doubt=draft.doubt,
                timings={
                    "search": inquiry.found - inquiry.started,
                    "judge": judged - inquiry.found,
                    "write": ended - judged,
                },
                fingerprints=self._fingerprints,
            ),
        )


@dataclass(slots=True)
class Draft:
    """An answer in the making."""

    inquiry: Inquiry
    candidates: tuple[Candidate, ...] = ()
    evidence: tuple[Candidate, ...] = ()
    judged: float = 0.0
    prompt: Sequence[BaseMessage] = ()
    pieces: list[str] = field(default_factory=list)
    doubt: float | None = None
    sentences: list[Sentence] = field(default_factory=list)
    carried: list[Candidate] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    citations: Citations = field(default_factory=Citations)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What was found, ranked by what likely answers."""
        return rank_by_answer(self.inquiry.hits, self.candidates)

    @property
    def is_in_own_words(self) -> bool:
        """Whether the model put it in other words and all of them passed: it chose what to say."""
        # What a quote says word for word has a support of 1.
        return not self.dropped and any(sentence.support < 1 for sentence in self.sentences)

    def add(self, sentence: Sentence) -> str:
        """Take a sentence in; returns it as it continues the text."""
        self.sentences.append(sentence)
        return f" {sentence.marked_text}" if len(self.sentences) > 1 else sentence.marked_text


def _read(hit: Hit, draft: Draft) -> ReadStatement:
    own = sorted(
        (each for each in draft.candidates if each.statement.id == hit.statement.id),
        key=lambda candidate: candidate.start,
    )
    sentences = (
        ReadSentence(each.start, each.end, each.probability, each in draft.evidence) for each in own
    )
    return ReadStatement(
        hit.statement, hit.dense_rank, hit.lexical_rank, hit.rank, hit.score, tuple(sentences)
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
