"""Selection: which sentences of the statements found make the answer, if any.

The judge gives every sentence of the statements found a probability of answering the question,
and the language model that ships, which is larger and slower, reads each statement alone and tells
how much it doubts that it answers. When it is unlikely that any does, the
assistant abstains. Otherwise the answer is the main statement, without what surely does not
answer, and the likeliest sentence or two of another one. On the development questions that was
right more often than single sentences: notes of a few sentences make one point together, and the
judge tells statements apart better than the sentences of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.answer import Hit, logit
from assistant.statement import Statement
from assistant.words import content_words, split_sentences

# About the length of a statement, in characters; more where a question asks for two things.
LONGEST_ANSWER = 420
LONGEST_ANSWER_TO_SEVERAL = 640
# Sentences of one statement that are judged: each takes some 20 ms, and a whole document may stand
# in one line.
MOST_JUDGED = 32
# Statements that are less likely than the likeliest by more than this, in log odds and before they
# are read, are not read: of the eight found on average two (dev: 0.830 right, were all answered,
# as when all are read; within 2.5 four are read and 0.826 right).
READ_WITHIN = 3.5
# Speaks neither for a statement nor against it.
UNREAD = 0.5
# Chosen together on the dev questions, where the neighbouring values were right about as often:
# how a statement's log odds of answering add up, from how likely on the runner-up is added, ...
OF_JUDGE, OF_RANK, OF_DOUBT, CONSTANT = 0.4, 1.15, 0.8, 1.5
RUNNER_UP_FROM = 0.4
# ... and from where on one more sentence of a statement is, as a share of its likeliest.
ALSO_FROM = 0.03
# Sentences of the runner-up where several things are asked for; one otherwise.
OF_RUNNER_UP = 2
# What all words of such a question would be worth to the runner-up, in log odds, if the first
# statement had none of them. From 2 to 5 as good (dev: 0.66 to 0.68 of those questions right,
# without it 0.61).
OF_LEFT_OUT = 4.0
# Characters between two words of a question that go together: with no end to them a very long
# question, the same word over and over, would take seconds.
_APART = ".{0,200}"
_ASKS = r"\b(?:what|which|who|whom|where|when|why|how)\b"
# The words of questions that two statements answer together, on the train subjects, where 77 of
# a hundred such questions have one and every tenth of the others. A follow-up's first "and" is
# none.
_SEVERAL = re.compile(
    r"(?<!^)\b(?:and|or|as well as|versus|vs|differ\w*|each|sides?|arguments?|good for)\b"
    r"|\b(?:both|compare|two|should|ought)\b"
    rf"|\bfirst\b{_APART}\b(?:second|then|later)\b"
    rf"|{_ASKS}{_APART}[,;:] (?:\w+ )?{_ASKS}"
    r"|\bdo (?:the|my|our) (?:notes|statements)\b",
    re.IGNORECASE,
)


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


@dataclass(frozen=True, slots=True)
class Ranked:
    """A statement with the logarithm of its odds of answering, by judge, retrieval and doubt.

    Attributes:
        is_read: whether the language model read it.
    """

    statement: Statement
    log_odds: float
    is_read: bool


def judge_sentences(
    judge: SentenceJudge, question: str, hits: Sequence[Hit]
) -> tuple[Candidate, ...]:
    """The sentences of the hits with their probabilities of answering, likeliest first."""
    spans = [(hit.statement, *span) for hit in hits for span in _spans(question, hit.statement)]
    if not spans:
        return ()
    pairs = [(statement.text[start:end], statement.text) for statement, start, end in spans]
    probabilities = judge.probabilities(question, pairs)
    candidates = [
        Candidate(*span, float(probability))
        for span, probability in zip(spans, probabilities, strict=True)
    ]
    return tuple(sorted(candidates, key=lambda candidate: -candidate.probability))


def _spans(question: str, statement: Statement) -> list[tuple[int, int]]:
    """Where its sentences are; of a long document those that share most words with the question."""
    spans = split_sentences(statement.text)
    if len(spans) <= MOST_JUDGED:
        return spans
    asked = set(content_words(question))
    shared = [len(asked & set(content_words(statement.text[start:end]))) for start, end in spans]
    likeliest = sorted(range(len(spans)), key=lambda place: -shared[place])[:MOST_JUDGED]
    return [spans[place] for place in sorted(likeliest)]


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


def rank_statements(
    hits: Sequence[Hit], candidates: Sequence[Candidate], doubts: Mapping[str, float]
) -> tuple[Ranked, ...]:
    """The statements found, likeliest to answer first; those that were read before the others.

    Args:
        hits: as retrieval ranked them.
        candidates: their sentences, judged, likeliest first.
        doubts: statement id -> how likely the language model, reading it alone, found it that it
            does not answer, 0..1; of those that it read.
    """
    best: dict[str, float] = {}
    for candidate in candidates:
        best.setdefault(candidate.statement.id, candidate.probability)
    ranked = [
        Ranked(
            hit.statement,
            CONSTANT
            + OF_JUDGE * logit(best[hit.statement.id])
            - OF_RANK * log(hit.rank)
            - OF_DOUBT * logit(doubts.get(hit.statement.id, UNREAD)),
            hit.statement.id in doubts,
        )
        for hit in hits
        if hit.statement.id in best
    ]
    return tuple(sorted(ranked, key=lambda each: (not each.is_read, -each.log_odds)))


def select(
    question: str, ranked: Sequence[Ranked], candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The sentences that make the answer.

    Args:
        question: as it was asked.
        ranked: the statements found, likeliest first.
        candidates: their sentences, judged, likeliest first.

    Returns:
        Sentences of the first statement, in its order, then one of the second where that is likely
        to answer and there is room (two where the question asks for several things, of the
        statement that best says what the first leaves out):
        sentences of the first one that are less than half as likely as its likeliest make room
        for it.
    """
    asks_for_several = _asks_for_several(question)
    longest = LONGEST_ANSWER_TO_SEVERAL if asks_for_several else LONGEST_ANSWER
    best, *rest = _likely_of(ranked[0], candidates)
    others: list[Candidate] = []
    second = next(iter(ranked[1:]), None)
    if second and second.is_read and asks_for_several:
        second = _complement(question, ranked)
    if second and second.log_odds >= logit(RUNNER_UP_FROM):
        others = _likely_of(second, candidates)[: OF_RUNNER_UP if asks_for_several else 1]
    if others and _length([best, others[0]]) > longest:
        others = []
    chosen = [best]
    for candidate in rest:
        makes_room = asks_for_several or candidate.probability < best.probability / 2
        room_for = others[:1] if makes_room else []
        if _length([*chosen, candidate, *room_for]) <= longest:
            chosen.append(candidate)
    added: list[Candidate] = []
    for candidate in others:
        if _length([*chosen, *added, candidate]) <= longest:
            added.append(candidate)
    return tuple(_in_order(chosen) + _in_order(added))


def _asks_for_several(question: str) -> bool:
    return _SEVERAL.search(question) is not None


def _complement(question: str, ranked: Sequence[Ranked]) -> Ranked:
    """Which statement stands best beside the first one, with odds that count what that leaves out.

    A statement that answers the other part of a question names words of it that the first does
    not; the next likeliest often says the first part again. Only of those that were read: by the
    judge alone nothing was gained.
    """
    asked = set(content_words(question))
    left_out = asked.difference(content_words(ranked[0].statement.text))

    def beside_first(each: Ranked) -> Ranked:
        named = len(left_out.intersection(content_words(each.statement.text)))
        return replace(each, log_odds=each.log_odds + OF_LEFT_OUT * named / max(len(asked), 1))

    rest = [beside_first(each) for each in ranked[1:] if each.is_read]
    return max(rest, key=lambda each: each.log_odds)


def _in_order(candidates: list[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: candidate.start)


def _likely_of(ranked: Ranked, candidates: Sequence[Candidate]) -> list[Candidate]:
    """A statement's sentences, likeliest first, without those that surely do not answer."""
    own = [each for each in candidates if each.statement.id == ranked.statement.id]
    return [each for each in own if each.probability >= ALSO_FROM * own[0].probability]


def _length(candidates: Sequence[Candidate]) -> int:
    return sum(len(candidate.text) + 1 for candidate in candidates) - 1
