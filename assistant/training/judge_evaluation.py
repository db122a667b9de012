"""Measuring the judge: does it know what answers, and how good are answers quoted by it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.training.question_sets import AskedQuestion, QuestionSet, fold
from assistant.words import split_sentences

# Statements whose sentences are judged.
READ = 4
LONGEST_ANSWER = 420
LONGEST_ANSWER_OVER_SEVERAL = 640
RESAMPLES = 2000
# How much the fused retrieval score of its statement counts beside a sentence's logit when
# sentences are ranked. It does not enter abstention: near-misses are as similar as answers.
RETRIEVAL_WEIGHT = 6.0
ANSWER_GRID = tuple(round(0.05 * step, 2) for step in range(1, 15))
SAME_GRID = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3)
OTHER_GRID = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)

Floats = NDArray[np.float64]


class AnswerJudge(Protocol):
    """What is measured."""

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """How likely each sentence is to answer the question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that an answer may quote; `rank` and `place` are its statement's and its own."""

    statement: str
    rank: int
    place: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with the sentences of the statements found for it."""

    set_name: str
    question: AskedQuestion
    candidates: tuple[Candidate, ...]
    found: tuple[tuple[str, str, float], ...]

    @property
    def best(self) -> float:
        """The score that abstention looks at."""
        return max((candidate.score for candidate in self.candidates), default=0.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown: text and the statements it quotes; nothing when abstaining."""

    text: str
    cited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a question is answered, and which further sentences are quoted.

    Attributes:
        answer: of the best sentence.
        same: of a further sentence of its statement.
        other: of a sentence of another statement.
    """

    answer: float
    same: float
    other: float


def judge_questions(questions: QuestionSet, judge: AnswerJudge) -> list[Judged]:
    """Score the sentences of the statements found for each question."""
    judged = []
    for question in questions.questions:
        found = questions.found(question)[:READ]
        places = [
            (identity, rank, place, text[start:end], text)
            for rank, (identity, _) in enumerate(found)
            for text in [questions.statements[identity]]
            for place, (start, end) in enumerate(split_sentences(text))
        ]
        scores = judge.probabilities(
            question.asked, [(sentence, text) for *_, sentence, text in places]
        )
        candidates = tuple(
            Candidate(identity, rank, place, sentence, float(score))
            for (identity, rank, place, sentence, _), score in zip(places, scores, strict=True)
        )
        texts = tuple(
            (identity, questions.statements[identity], score) for identity, score in found
        )
        judged.append(Judged(questions.name, question, candidates, texts))
    return judged


def quote_best(judged: Judged, thresholds: Thresholds) -> Reply:
    """The best sentence and what else is good enough, as it stands in the statements."""
    found = {identity: score for identity, _, score in judged.found}
    ranked = sorted(
        judged.candidates,
        key=lambda c: -_logit(c.score) - RETRIEVAL_WEIGHT * found[c.statement],
    )
    if not ranked or ranked[0].score < thresholds.answer:
        return Reply("", ())
    chosen = ranked[:1]
    for candidate in ranked[1:]:
        several = len({c.statement for c in [*chosen, candidate]}) > 1
        longest = LONGEST_ANSWER_OVER_SEVERAL if several else LONGEST_ANSWER
        length = sum(len(c.text) + 1 for c in chosen) + len(candidate.text)
        is_same = candidate.statement == chosen[0].statement
        needed = thresholds.same if is_same else thresholds.other
        if candidate.score >= needed and length <= longest:
            chosen.append(candidate)
    chosen.sort(key=lambda candidate: (candidate.rank, candidate.place))
    cited = tuple(name for name, _ in groupby(c.statement for c in chosen))
    return Reply(" ".join(candidate.text for candidate in chosen), cited)


def _logit(probability: float) -> float:
    return math.log(max(probability, 1e-6) / max(1 - probability, 1e-6))


def quote_most_similar(judged: Judged, threshold: float) -> Reply:
    """The baseline: the most similar statement, whole."""
    identity, text, score = judged.found[0]
    return Reply(text, (identity,)) if score >= threshold else Reply("", ())


def is_right(question: AskedQuestion, reply: Reply) -> bool:
    """As the evals judge: correct, short and relevantly cited; or silent where nothing answers."""
    if not question.is_answerable or not reply.text:
        return not question.is_answerable and not reply.text
    longest = LONGEST_ANSWER_OVER_SEVERAL if question.several_cited else LONGEST_ANSWER
    text = fold(reply.text)
    relevant = sum(question.grades.get(identity, 0) > 0 for identity in reply.cited)
    return (
        all(any(fold(wording) in text for wording in fact) for fact in question.facts)
        and len(reply.text) <= longest
        and relevant >= len(reply.cited) / 2
    )


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """How often a positive scores above a negative (Hanley & McNeil, 1982)."""
    order = np.argsort(np.concatenate([positive, negative]), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    above = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(above / (len(positive) * len(negative)))


def coverage_at(answerable: Floats, near_misses: Floats, abstained: float) -> float:
    """Share of the answerable answered where this share of the near-misses is not."""
    return float((answerable >= np.quantile(near_misses, abstained)).mean())


def abstained_at(answerable: Floats, near_misses: Floats, coverage: float) -> float:
    """Share of the near-misses not answered where this share of the answerable is."""
    return float((near_misses < np.quantile(answerable, 1 - coverage)).mean())


def tune(judged: Sequence[Judged]) -> Thresholds:
    """The thresholds with the most right answers; tune on other questions than are reported."""
    best: tuple[float, Thresholds] = (-1.0, Thresholds(0.5, 0.5, 0.5))
    for chosen in product(ANSWER_GRID, SAME_GRID, OTHER_GRID):
        thresholds = Thresholds(*chosen)
        right = np.mean([is_right(j.question, quote_best(j, thresholds)) for j in judged])
        if right > best[0]:
            best = (float(right), thresholds)
    return best[1]


def tune_similarity(judged: Sequence[Judged]) -> float:
    """The same for the baseline."""
    grid = np.round(np.arange(0.1, 0.8, 0.02), 2)
    right = [
        np.mean([is_right(j.question, quote_most_similar(j, t)) for j in judged]) for t in grid
    ]
    return float(grid[int(np.argmax(right))])


def calibrate(judged: Sequence[Judged]) -> tuple[float, float]:
    """Slope and offset that turn the logits of sentences into those of probabilities.

    Args:
        judged: questions not trained on, scored by a judge that is not calibrated yet.
    """
    scores, truth = [], []
    for j in judged:
        for candidate in j.candidates:
            quotes = j.question.evidence.get(candidate.statement, ())
            if quotes or candidate.statement not in j.question.answering:
                scores.append(candidate.score)
                truth.append(any(candidate.text in q or q in candidate.text for q in quotes))
    return platt(scores, truth)


def platt(scores: Sequence[float], truth: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of a logistic regression of the truth on the scores' logits.

    Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
    """
    from sklearn.linear_model import LogisticRegression

    probability = np.clip(np.array(scores, dtype=np.float64), 1e-6, 1 - 1e-6)
    logits = np.log(probability / (1 - probability))
    fitted = LogisticRegression(C=1e3).fit(logits[:, None], np.array(truth))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])


def scores_of(judged: Sequence[Judged], chosen: Callable[[AskedQuestion], bool]) -> Floats:
    """The best scores of the questions chosen."""
    return np.array([j.best for j in judged if chosen(j.question)])


def interval(count: int, measure: Callable[[NDArray[np.int64]], float]) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron & Tibshirani, 1993) of a measure of drawn items."""
    generator = np.random.default_rng(1)
    samples = [measure(generator.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)


def summary(judged: Sequence[Judged], thresholds: Thresholds, similar: float) -> str:
    """Figures with n and 95 % intervals, and "right" by kind, as lines of text."""
    answerable = scores_of(judged, lambda question: question.is_answerable)
    near = scores_of(judged, lambda question: question.kind == "near_miss")
    lines = [f"questions {len(judged)}, answerable {len(answerable)}, near-misses {len(near)}"]
    measures: Mapping[str, Callable[[Floats, Floats], float]] = {
        "AUC answerable / near-miss": area_under_curve,
        "answered where 0.75 of near-misses are not": lambda a, n: coverage_at(a, n, 0.75),
        "near-misses not answered where 0.90 are": lambda a, n: abstained_at(a, n, 0.90),
        "answered at the threshold": lambda a, _: float((a >= thresholds.answer).mean()),
        "near-misses not answered there": lambda _, n: float((n < thresholds.answer).mean()),
    }
    for name, measure in measures.items():
        value = measure(answerable, near)
        low, high = _two_sample_interval(answerable, near, measure)
        lines.append(f"{name}: {value:.3f} [{low:.3f}, {high:.3f}]")
    rows = [
        (
            j.question.kind,
            is_right(j.question, quote_best(j, thresholds)),
            is_right(j.question, quote_most_similar(j, similar)),
        )
        for j in judged
    ]
    for kind in ["all", *dict.fromkeys(row[0] for row in rows)]:
        values = np.array([row[1:] for row in rows if kind in ("all", row[0])], dtype=np.float64)
        low, high = interval(len(values), lambda drawn, v=values: float(v[drawn, 0].mean()))  # type: ignore[misc]
        mine, whole = values.mean(0)
        lines.append(
            f"right, {kind} (n {len(values)}): {mine:.3f} [{low:.3f}, {high:.3f}]"
            f"; the most similar statement whole: {whole:.3f}"
        )
    return "\n".join(lines)


def _two_sample_interval(
    first: Floats, second: Floats, measure: Callable[[Floats, Floats], float]
) -> tuple[float, float]:
    generator = np.random.default_rng(1)
    samples = [
        measure(generator.choice(first, len(first)), generator.choice(second, len(second)))
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)
