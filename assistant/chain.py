"""The retrieval chain: question and history in, checked answer out, as a LangChain Runnable."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import groupby
from typing import Any, cast

from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from assistant.answer import (
    ABSTENTION,
    LEAST_DOUBT,
    Answer,
    Dropped,
    confidence,
)
from assistant.conversation import Turn, leaned_on, search_text
from assistant.draft import Draft, Inquiry, passages_to_read
from assistant.errors import AssistantError
from assistant.generation import Generator
from assistant.reader import Reader
from assistant.receipt import Receipt
from assistant.retrieval import FOUND, Retriever
from assistant.selection import SentenceJudge, judge_sentences, select
from assistant.verification import Verifier, declines, quote

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


def build_chain(
    retriever: Retriever,
    judge: SentenceJudge,
    verifier: Verifier,
    generator: Generator | None,
    reader: Reader | None,
    abstain_below: float,
    fingerprints: Mapping[str, str] | None = None,
    found: int = FOUND,
) -> Runnable[Question, Answer]:
    """Retrieve `found` statements, then answer; `stream` yields text and, last, the `Answer`."""

    def retrieve(asked: Question) -> Inquiry:
        started = time.perf_counter()
        question, turns = _read_question(asked)
        history = leaned_on(question, turns)
        searched_for = search_text(question, history)
        hits = retriever.search(searched_for, found)
        return Inquiry(question, history, searched_for, hits, started, time.perf_counter())

    step = AnswerStep(judge, verifier, generator, reader, abstain_below, fingerprints or {})
    return cast("Runnable[Question, Answer]", RunnableLambda(retrieve) | step)


class AnswerStep(Runnable[Inquiry, Answer]):
    """Selects what answers or abstains, generates from it, and verifies sentence by sentence."""

    def __init__(
        self,
        judge: SentenceJudge,
        verifier: Verifier,
        generator: Generator | None,
        reader: Reader | None,
        abstain_below: float,
        fingerprints: Mapping[str, str],
    ) -> None:
        self._judge = judge
        self._verifier = verifier
        self._generator = generator
        self._reader = reader
        # The model that writes is the one that reads, and was taught to do both.
        self._is_taught = generator is not None and generator.is_taught
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

        Empty pieces come while the model reads, and writes what is not verified yet: a caller that
        closes the stream between two of them stops the model.
        """
        # 1. Which sentences of what was found answer the question?
        draft = Draft(input)
        draft.candidates = judge_sentences(self._judge, input.searched_for, input.hits)
        draft.judged = time.perf_counter()
        needed = self._abstain_below
        # A reader may still speak for it.
        at_best = confidence(draft.hits, (LEAST_DOUBT,) if self._reader else ())
        if not draft.candidates or at_best < needed:
            yield from self._abstain(draft, UNLIKELY)
            return

        # 2. Does the reader, which was taught to tell, find the answer in one of the statements?
        if self._reader:
            yield from self._read(self._reader, draft)
            if draft.confidence < needed:
                yield from self._abstain(draft, DECLINED)
                return
        draft.read = time.perf_counter()
        draft.evidence = select(input.question, draft.ranked, draft.candidates)

        # 3. The model says it in its words; each sentence is verified as it ends.
        if self._generator:
            yield from self._write(self._generator, draft)
            # The model taught here has told its doubts as the reader.
            if declines(draft.text) and not draft.sentences and not self._is_taught:
                draft.silence = DOUBT_OF_SILENCE
            if draft.confidence < needed:
                yield from self._abstain(draft, DECLINED)
                return

        # 4. What the model did not carry over is quoted; of the model taught here always, for it
        # leaves out what is asked more often than the selection does.
        if self._is_taught or not draft.is_in_own_words:
            for candidate in draft.evidence:
                if candidate not in draft.carried:
                    yield draft.add(quote(candidate, draft.citations))
        yield self._answer(draft)

    def _abstain(self, draft: Draft, reason: str) -> Iterator[str | Answer]:
        """An abstention; the reason is told how likely an answer was found, and had to be."""
        yield ABSTENTION
        told = reason.format(found=draft.confidence, needed=self._abstain_below)
        yield self._answer(draft, told)

    @staticmethod
    def _read(reader: Reader, draft: Draft) -> Iterator[str]:
        """What the reader doubts of the statements that may answer, each read alone."""
        inquiry = draft.inquiry
        passages = passages_to_read(inquiry.hits, draft.candidates)
        doubts = reader.doubts(inquiry.question, inquiry.history, list(passages.values()))
        for identity, doubt in zip(passages, doubts, strict=True):
            draft.doubts[identity] = doubt
            yield ""

    def _write(self, generator: Generator, draft: Draft) -> Iterator[str]:
        """The model's sentences that pass the check, each as soon as it ends."""
        inquiry = draft.inquiry
        passages = [
            " ".join(each.text for each in sentences)
            for _, sentences in groupby(draft.evidence, lambda candidate: candidate.statement.id)
        ]
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

    @staticmethod
    def _kept(written: Iterator[str], draft: Draft) -> Iterator[str]:
        """The pieces, remembered as they pass."""
        for piece in written:
            draft.text += piece
            yield piece

    def _answer(self, draft: Draft, reason: str | None = None) -> Answer:
        """The draft as it stands, complete; an abstention where there is a reason for one."""
        inquiry = draft.inquiry
        # An abstention after the model was asked is its doing too.
        has_doubted = draft.silence is not None or (self._is_taught and draft.doubts)
        is_by_model = draft.carried or (reason and has_doubted)
        asked_model = self._generator if is_by_model else None
        ended = time.perf_counter()
        read = draft.read or ended
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
                read=tuple(draft.read_of(hit) for hit in inquiry.hits),
                needed=self._abstain_below,
                prompt=tuple((message.type, str(message.content)) for message in draft.prompt),
                draft=draft.text,
                doubt=draft.doubt,
                timings={
                    "search": inquiry.found - inquiry.started,
                    "judge": draft.judged - inquiry.found,
                    "read": read - draft.judged,
                    "write": ended - read,
                },
                fingerprints=self._fingerprints,
            ),
        )


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
