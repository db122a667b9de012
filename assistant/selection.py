"""Selection: which sentences of the statements found make the answer, if any.

The judge gives every sentence of the statements found a probability of answering the question.
When it is unlikely that any does, the assistant abstains. Otherwise the answer is the main
statement and, where one likely adds to it, a second one, both without what surely does not answer.
On the development questions that was right more often than single sentences: notes of a few
sentences make one point together, and the judge tells statements apart better than the sentences
of one. Retrieval has a say in which two they are: it reads the statements as wholes, and where two
views or two parts of an answer are asked for, it ranks both high.
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
# right about as often: what each rank that retrieval puts a statement lower leaves of its odds, ...
EACH_RANK = 0.3
# ... from which odds on a second statement is added, ...
ALSO_FROM = 0.05
# ... and, as a share of the likeliest sentence of a statement, from where on one more of it is.
MORE_FROM = 0.1
SUREST = 0.9999
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
    question: str, hits: Sequence[Hit], candidates: Sequence[Candidate]
) -> tuple[Candidate, ...]:
    """The sentences that make the answer.

    Args:
        question: as it was asked.
        hits: the statements found, ranked by retrieval.
        candidates: their sentences, judged, likeliest first; at least one.

    Returns:
        The likeliest sentence of the main statement and, where it is likely enough, of a second
        one; then, while there is room, the other sentences of the two that are not far less likely.
        Each statement's in its order.
    """
    rank = {hit.statement.id: hit.rank for hit in hits}
    sentences: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        sentences.setdefault(candidate.statement.id, []).append(candidate)

    def odds(statement: str) -> float:
        probability = min(sentences[statement][0].probability, SUREST)
        return probability / (1 - probability) * EACH_RANK ** (rank[statement] - 1)

    main, *others = sorted(sentences, key=odds, reverse=True)
    longest = LONGEST_ANSWER_TO_SEVERAL if _SEVERAL.search(question) else LONGEST_ANSWER
    chosen = [sentences[main][0]]
    for second in others[:1]:
        if odds(second) >= ALSO_FROM and _length([*chosen, sentences[second][0]]) <= longest:
            chosen.append(sentences[second][0])
    for likeliest in tuple(chosen):
        for more in sentences[likeliest.statement.id][1:]:
            is_likely = more.probability >= MORE_FROM * likeliest.probability
            if is_likely and _length([*chosen, more]) <= longest:
                chosen.append(more)
    return tuple(sorted(chosen, key=lambda each: (each.statement.id != main, each.start)))


def _length(candidates: Sequence[Candidate]) -> int:
    return sum(len(candidate.text) + 1 for candidate in candidates) - 1
