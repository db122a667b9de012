"""Measuring judge and reading: is the statement that answers found, and is its absence noticed?

It follows the assistant step by step, with its functions and its constants, from what retrieval
finds to what is selected, but does not write. `fit` finds the constants again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from assistant.answer import CONSTANT, WEIGHT_OF_JUDGE, Hit, confidence, least_two, logit
from assistant.conversation import leaned_on
from assistant.draft import passages_to_read
from assistant.embedder import Embedder
from assistant.reader import Reader
from assistant.retrieval import FOUND
from assistant.selection import (
    LONGEST_ANSWER,
    LONGEST_ANSWER_TO_SEVERAL,
    Candidate,
    SentenceJudge,
    judge_sentences,
    rank_by_answer,
    rank_statements,
    select,
)
from assistant.settings import DEFAULT_ABSTAIN_BELOW
from assistant.statement import Statement
from assistant.training.adapter_evaluation import Task, question_set
from assistant.training.figures import abstained_at, area_under_curve, interval, platt
from assistant.training.question_sets import NEAR_MISSES, AskedQuestion, QuestionSet, says_all

Doubts = Mapping[str, Mapping[str, float]]
"""Question id -> statement id -> how likely it was found that it does not answer."""

Drawn = NDArray[np.int64]
# At which the curve is told.
THRESHOLDS = tuple(step / 20 for step in range(6, 17))


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with the statements found for it and the probabilities of their sentences."""

    question: AskedQuestion
    hits: tuple[Hit, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question.

    Attributes:
        confidence: that something answers.
        first: whether the first statement is one that answers.
        holds: whether the evidence says every fact; of an answerable question.
        right: whether the evidence is a right answer; of an answerable question.
        relevant: the share of the statements shown that answer or are fair background.
    """

    question: AskedQuestion
    confidence: float
    first: bool
    holds: bool
    right: bool
    relevant: float


def judge_found(questions: QuestionSet, judge: SentenceJudge) -> list[Judged]:
    """What is found for each question of a set, judged."""
    judged = []
    for question in questions.questions:
        hits = tuple(
            Hit(Statement(identity, questions.statements[identity], "", rank), rank, score, 0, 0)
            for rank, (identity, score) in enumerate(questions.found(question)[:FOUND], start=1)
        )
        judged.append(Judged(question, hits, judge_sentences(judge, question.asked, hits)))
    return judged


def judge_sets(sets: Sequence[QuestionSet], judge: SentenceJudge) -> dict[str, list[Judged]]:
    """Subjects together, and the last set, the shipped statements, by itself."""
    *subjects, shipped = sets
    return {
        "subjects": [each for questions in subjects for each in judge_found(questions, judge)],
        shipped.name: judge_found(shipped, judge),
    }


def judge_tasks(tasks: Sequence[Task], judge: SentenceJudge, embedder: Embedder) -> list[Judged]:
    """Questions that each have statements of their own, judged."""
    return [
        judged
        for number, task in enumerate(tasks)
        for judged in judge_found(question_set(task, f"task {number}", embedder), judge)
    ]


def read_alone(judged: Sequence[Judged], reader: Reader) -> Doubts:
    """What the reader doubts of the statements found for each question."""
    doubts: dict[str, dict[str, float]] = {}
    for each in tqdm(judged, "read"):
        question, passages = each.question, passages_to_read(each.hits, each.candidates)
        history = leaned_on(question.question, question.history)
        told = reader.doubts(question.question, history, list(passages.values()))
        doubts[question.id] = dict(zip(passages, told, strict=True))
    return doubts


def outcome(judged: Judged, doubts: Mapping[str, float]) -> Outcome:
    """What the assistant would make of a question with these doubts; without any, by the judge."""
    question = judged.question
    ranked = rank_statements(judged.hits, judged.candidates, doubts)
    evidence = select(question.question, ranked, judged.candidates)
    cited = tuple(dict.fromkeys(each.statement.id for each in evidence))
    hits = rank_by_answer(judged.hits, judged.candidates)
    text = " ".join(each.text for each in evidence)
    return Outcome(
        question,
        confidence(hits, doubts.values()),
        ranked[0].statement.id in question.answering,
        says_all(text, question.facts),
        is_right(question, text, cited),
        sum(question.grades.get(each, 0) > 0 for each in cited) / len(cited),
    )


def is_right(question: AskedQuestion, text: str, cited: Sequence[str]) -> bool:
    """As the evals judge the answer to an answerable question: correct, short, relevantly cited."""
    longest = LONGEST_ANSWER_TO_SEVERAL if question.several_cited else LONGEST_ANSWER
    relevant = sum(question.grades.get(identity, 0) > 0 for identity in cited)
    return says_all(text, question.facts) and len(text) <= longest and relevant >= len(cited) / 2


def outcomes(judged: Sequence[Judged], doubts: Doubts) -> list[Outcome]:
    """What would become of each question; where none was read, by the judge alone."""
    return [outcome(each, doubts.get(each.question.id, {})) for each in judged]


def summaries(groups: Mapping[str, Sequence[Judged]], doubts: Doubts) -> str:
    """Figures over groups of questions, and what a higher or lower threshold would change.

    Args:
        groups: name -> its questions.
        doubts: of the statements that were read.
    """
    told = []
    for name, judged in groups.items():
        results = outcomes(judged, doubts)
        told.append(f"\n{name}\n{summary(results, DEFAULT_ABSTAIN_BELOW)}\n{curve(results)}")
    return "\n".join(told)


def summary(results: Sequence[Outcome], needed: float) -> str:
    """Figures with 95 % intervals, as lines of text; those of no question are left out.

    Args:
        results: what became of each question.
        needed: the confidence to answer.
    """
    surest = np.array([each.confidence for each in results])
    answerable = np.array([each.question.is_answerable for each in results])
    near = np.array([each.question.kind in NEAR_MISSES for each in results])
    first = np.array([each.first for each in results])
    right = np.array([each.right for each in results])
    relevant = np.array([each.relevant for each in results])
    answered = surest >= needed
    so = np.where(answerable, answered & right, ~answered)

    def share(values: NDArray[np.generic], of: NDArray[np.bool_]) -> Callable[[Drawn], float]:
        return lambda drawn: float(values[drawn][of[drawn]].mean()) if of[drawn].any() else nan

    measures: Mapping[str, Callable[[Drawn], float]] = {
        "AUC answerable / near-miss": lambda drawn: area_under_curve(
            surest[drawn][answerable[drawn]], surest[drawn][near[drawn]]
        ),
        "near-misses abstained where 0.90 of the answerable are answered": lambda drawn: (
            abstained_at(surest[drawn][answerable[drawn]], surest[drawn][near[drawn]], 0.90)
        ),
        "the first statement answers": share(first, answerable),
        "right, were all answered": share(right, answerable),
        "of the statements shown, relevant": share(relevant, answerable),
        f"answered from {needed}": share(answered, answerable),
        "near-misses abstained there": share(~answered, near),
        "right there": share(so, np.ones_like(answerable)),
    }
    everything = np.arange(len(results))
    lines = [f"{len(results)} questions, {answerable.sum()} answerable, {near.sum()} near-misses"]
    for name, measure in measures.items():
        value = measure(everything)
        if not isnan(value):
            low, high = interval(len(results), measure)
            lines.append(f"{name}: {value:.3f} [{low:.3f}, {high:.3f}]")
    return "\n".join(lines)


def curve(results: Sequence[Outcome]) -> str:
    """What is answered and what is abstained from at several thresholds, as lines of text."""
    surest = np.array([each.confidence for each in results])
    answerable = np.array([each.question.is_answerable for each in results])
    near = np.array([each.question.kind in NEAR_MISSES for each in results])
    holds = np.array([each.holds for each in results])
    lines = ["from  answered  holds the answer  near-misses abstained"]
    for needed in THRESHOLDS:
        answered = surest >= needed
        held = answered & holds
        figures = (answered[answerable], held[answerable], ~answered[near])
        lines.append(
            "{:.2f}  {:8.3f}  {:16.3f}  {:21.3f}".format(
                needed, *(each.mean() if each.size else nan for each in figures)
            )
        )
    return "\n".join(lines)


def calibrate(judged: Sequence[Judged]) -> tuple[float, float]:
    """Slope and offset that turn the logits of sentences into those of probabilities.

    Args:
        judged: questions not trained on, scored by a judge that is not calibrated yet.
    """
    scores, truth = [], []
    for each in judged:
        for candidate in each.candidates:
            quotes = each.question.evidence.get(candidate.statement.id, ())
            if quotes or candidate.statement.id not in each.question.answering:
                scores.append(candidate.probability)
                truth.append(any(candidate.text in q or q in candidate.text for q in quotes))
    return platt(scores, truth)


def fit(judged: Sequence[Judged], doubts: Doubts) -> str:
    """The constants of `selection` and `answer`, found again on these questions.

    The odds of a statement are fitted as a choice among those found (McFadden, 1974),
    the confidence as a logistic regression of whether anything answers.
    """
    from scipy.optimize import minimize
    from sklearn.linear_model import LogisticRegression

    choices, inputs = [], []
    for each in judged:
        own = doubts[each.question.id]
        least, following = least_two(own.values())
        inputs.append((_some(each), logit(least), logit(following)))
        features = np.array([_features(each, identity, doubt) for identity, doubt in own.items()])
        answers = np.array([identity in each.question.answering for identity in own])
        if answers.any():
            choices.append((features, answers))

    def loss(weights: NDArray[np.float64]) -> float:
        total = 0.0
        for features, answers in choices:
            odds = np.exp(features @ weights - (features @ weights).max())
            total -= float(np.log(odds[answers].sum() / odds.sum()))
        return total / len(choices) + 1e-3 * float(weights @ weights)

    odds = minimize(loss, np.zeros(3)).x
    truth = [each.question.is_answerable for each in judged]
    fitted = LogisticRegression(C=1e3).fit(inputs, truth)
    beside, of_least, of_next = fitted.coef_[0]
    return (
        f"of judge {odds[0]:.2f}, of rank {-odds[1]:.2f}, of doubt {-odds[2]:.2f}; "
        f"confidence: constant {fitted.intercept_[0]:.2f}, beside doubt {beside:.2f}, "
        f"of least doubt {-of_least:.2f}, of next {-of_next:.2f}"
    )


def _features(judged: Judged, identity: str, doubt: float) -> tuple[float, float, float]:
    """What the odds of a statement are made of."""
    best = max(c.probability for c in judged.candidates if c.statement.id == identity)
    rank = next(hit.rank for hit in judged.hits if hit.statement.id == identity)
    return logit(best), np.log(rank), logit(doubt)


def _some(judged: Judged) -> float:
    """How likely some statement answers, as the confidence takes it from the judge."""
    hits = rank_by_answer(judged.hits, judged.candidates)
    return (logit(confidence(hits), 1e-9) - CONSTANT) / WEIGHT_OF_JUDGE
