"""Measuring answers: the assistant and the baselines over the same questions, in one run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from assistant.answer import Answer
from evals.baselines import quotes_only, tutorial_chain
from evals.dataset import Dataset, Expected, Question
from evals.errors import EvalsError
from evals.judging import Reply, judge, reply_from_answer
from evals.product import Answering, Subject
from evals.results import Record

ASSISTANT = "assistant"
TUTORIAL_CHAIN = "tutorial chain"
QUOTES_ONLY = "quotes only"

Asked = Sequence[tuple[Question, Expected]]
Progress = Callable[[Asked, str], Iterable[tuple[Question, Expected]]]

# What the chat shows while the words come: the reader's first evidence.
_EVIDENCE_LIMIT = 5


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """How a system does when it only answers above a threshold.

    Attributes:
        threshold: the confidence, 0..1, from which it answers.
        coverage: share of all questions that it answers then.
        error: share of those answers that are not right.
    """

    threshold: float
    coverage: float
    error: float


def questions_with_answers(dataset: Dataset, limit: int | None) -> Asked:
    """The questions to ask, each with what is expected: all, or `limit`, kinds taken in turn.

    Raises:
        EvalsError: the set has no `answers.jsonl`.
    """
    asked = tuple(
        (question, question.expected)
        for question in dataset.questions
        if question.expected is not None
    )
    if not asked:
        raise EvalsError(
            f"{dataset.folder}: has no answers.jsonl, so answers cannot be judged; "
            "measure `retrieval` instead, or write one (`python -m evals draft` shows its form)"
        )
    if limit is None:
        return asked
    seen: Counter[str] = Counter()
    turns: list[tuple[int, int]] = []
    for place, (question, _) in enumerate(asked):
        turns.append((seen[question.kind], place))
        seen[question.kind] += 1
    return tuple(asked[place] for place in sorted(place for _, place in sorted(turns)[:limit]))


def measure(
    subject: Subject,
    dataset: Dataset,
    asked: Asked,
    others: Mapping[str, Answering],
    progress: Progress,
) -> tuple[Record, ...]:
    """Ask every system every question and judge what it replied.

    One system after the other: in turns, the prompts of one would push those of another out of
    the language model's prefix cache, and neither would be timed as its users meet it. Without a
    language model there is no tutorial chain.

    Args:
        subject: what is measured; its parts also make the baselines.
        dataset: where the questions come from.
        asked: the questions, each with what is expected.
        others: more systems by name, such as the assistant without one of its parts.
        progress: iterates over the questions put to the system that it is told.
    """
    texts = {statement.id: statement.text for statement in dataset.statements}
    assistant, chat_model = subject.assistant, subject.chat_model
    systems: dict[str, Callable[[Question], Reply]] = {
        ASSISTANT: lambda question: ask(assistant, texts, question)
    }
    if chat_model is not None:
        systems[TUTORIAL_CHAIN] = lambda question: tutorial_chain(
            assistant, chat_model, question.text
        )
    for name, other in others.items():
        systems[name] = lambda question, other=other: ask(other, texts, question)  # type: ignore[misc]
    systems[QUOTES_ONLY] = lambda question: quotes_only(assistant, question.text)
    replies = {
        system: [reply(question) for question, _ in progress(asked, system)]
        for system, reply in systems.items()
    }
    return tuple(
        _record(question, expected, {system: replies[system][place] for system in replies})
        for place, (question, expected) in enumerate(asked)
    )


def ask(assistant: Answering, texts: Mapping[str, str], question: Question) -> Reply:
    """The assistant's reply with its three times: evidence, first piece, whole answer.

    Raises:
        EvalsError: the stream ends without an answer.
    """
    started = time.perf_counter()
    assistant.search(question.text, _EVIDENCE_LIMIT, question.history)
    evidence = time.perf_counter() - started
    answer: Answer | None = None
    first_piece: float | None = None
    started = time.perf_counter()
    for event in assistant.stream(question.text, question.history):
        if isinstance(event, Answer):
            answer = event
        elif event and first_piece is None:
            first_piece = time.perf_counter() - started
    seconds = time.perf_counter() - started
    if answer is None:
        raise EvalsError(f'"{question.id}": the stream ended without an answer')
    return reply_from_answer(answer, texts, evidence, first_piece, seconds)


def curve(records: Sequence[Record], system: str) -> tuple[CurvePoint, ...]:
    """Coverage against error as the threshold on the confidence rises.

    From the least confident answer (the system as it is) to the most confident one; what the
    system itself abstained on stays unanswered at every threshold. See El-Yaniv & Wiener, "On the
    Foundations of Noise-free Selective Classification", JMLR 11 (2010), on the trade-off.
    """
    answered: list[tuple[float, float]] = []
    for record in records:
        reply = record.replies[system]
        if isinstance(reply, dict) and reply["answered"]:
            confidence = reply["confidence"]
            if isinstance(confidence, int | float):
                answered.append((confidence, record.values[system]["right"]))
    points: list[CurvePoint] = []
    for threshold in sorted({confidence for confidence, _ in answered}):
        right = [value for confidence, value in answered if confidence >= threshold]
        error = 1 - sum(right) / len(right)
        points.append(CurvePoint(threshold, len(right) / len(records), error))
    return tuple(points)


def _record(question: Question, expected: Expected, replies: Mapping[str, Reply]) -> Record:
    """One question as every system replied to it."""
    return Record(
        id=question.id,
        kind=question.kind,
        question=question.text,
        values={system: judge(question, expected, reply) for system, reply in replies.items()},
        shown={system: reply.text for system, reply in replies.items()},
        replies={system: reply.to_dict() for system, reply in replies.items()},
    )
