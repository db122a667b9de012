"""Selection: which sentences of the statements found make the answer, if any.

The judge gives every sentence of the statements found a probability of answering the question.
When it is unlikely that any does, the assistant abstains. Otherwise the answer is the main
statement, without what surely does not answer, and the likeliest sentence of another one. On the
development questions that was right more often than single sentences: notes of a few sentences
make one point together, and the judge tells statements apart better than the sentences of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.answer import Hit
from assistant.statement import Statement
from assistant.words import split_sentences

# About the length of a statement, in characters; more where a question asks for two things.
LONGEST_ANSWER = 420
LONGEST_ANSWER_TO_SEVERAL = 640
# Chosen together on the dev subjects and the dev questions, where the neighbouring values were
# right about as often: from how likely on a sentence of another statement is added, ...
ALSO_FROM = 0.15
# ... and, as a share of the likeliest sentence of all, from where on one more of the main statement
# is, and from where on the statement that retrieval ranks first is the main one.
ALSO_OF_MAIN = 0.03
MAIN_FROM = 0.1
_SEVERAL = re.compile(r"\b(?:and|both|compare\w*|versus|vs|or|as well as|differ\w*)\b", re.I)


class SentenceJudge(Protocol):
    """Says how likely sentences answer a question, or how likely they carry a claim."""

    @property
    def fingerprint(self) -> str:
        """Stands for this very judge."""

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """One for each pair of a sentence and the statement it stands in, 0..1."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a statement, `statement.text[start:end]`, that may answer the question.

    Attributes:
        probability: that it answers, 0..1, as the judge sees it.
    """

    statement: Statement
    start: int
    end: int
    probability: float

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        return self.statement.text[self.start : self.end]


def judge_sentences(
    judge: SentenceJudge, question: str, hits: Sequence[Hit]
) -> tuple[Candidate, ...]:
    """Every sentence of the hits with its probability of answering, likeliest first."""
    spans = [(hit.statement, *span) for hit in hits for span in split_sentences(hit.statement.text)]
    if not spans:
        return ()
    pairs = [(statement.text[start:end], statement.text) for statement, start, end in spans]
    probabilities = judge.probabilities(question, pairs)
    candidates = [
        Candidate(*span, float(probability))
        for span, probability in zip(spans, probabilities, strict=True)
    ]
    return tuple(sorted(candidates, key=lambda candidate: -candidate.probability))


def rank_by_answer(hits: Sequence[Hit], candidates: Sequence[Candidate]) -> tuple[Hit, ...]:
    """The hits ranked and scored by their likeliest sentence."""
    best: dict[str, float] = {}
    for candidate in candidates:
        best.setdefault(candidate.statement.id, candidate.probability)
    ranked = sorted(hits, key=lambda hit: -best[hit.statement.id])
    return tuple(
        replace(hit, rank=rank, score=best[hit.statement.id])
        for rank, hit in enumerate(ranked, start=1)
    )


def select(
    question: str, first: Statement, candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The sentences that make the answer.

    Args:
        question: as it was asked.
        first: the statement that retrieval ranks first.
        candidates: judged sentences, likeliest first; some of them of `first`.

    Returns:
        Sentences of the main statement, in its order, then one of another statement where one is
        likely to answer and there is room: sentences of the main one that are less than half as
        likely as the likeliest of all make room for it.
    """
    likeliest = candidates[0]
    own = _of(first, candidates)
    if own[0].probability < MAIN_FROM * likeliest.probability:
        own = _of(likeliest.statement, candidates)
    best = own[0]
    asks_for_several = _SEVERAL.search(question) is not None
    longest = LONGEST_ANSWER_TO_SEVERAL if asks_for_several else LONGEST_ANSWER
    other = next((each for each in candidates if each.statement.id != best.statement.id), None)
    if other and (other.probability < ALSO_FROM or _length([best, other]) > longest):
        other = None
    chosen = [best]
    for candidate in own[1:]:
        if candidate.probability < ALSO_OF_MAIN * likeliest.probability:
            break
        makes_room = asks_for_several or candidate.probability < likeliest.probability / 2
        kept = [*chosen, candidate, other] if other and makes_room else [*chosen, candidate]
        if _length(kept) <= longest:
            chosen.append(candidate)
    chosen.sort(key=lambda candidate: candidate.start)
    if other and _length([*chosen, other]) <= longest:
        chosen.append(other)
    return tuple(chosen)


def _of(statement: Statement, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [each for each in candidates if each.statement.id == statement.id]


def _length(candidates: Sequence[Candidate]) -> int:
    return sum(len(candidate.text) + 1 for candidate in candidates) - 1
