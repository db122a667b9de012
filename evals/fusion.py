"""Comparing ways to fuse the dense and the lexical ranking, over the same hits.

Reciprocal rank fusion is Cormack et al. (SIGIR 2009) with its constant 60. The others are convex
combinations `w * dense + (1 - w) * lexical` of scores that were normalised per question (min-max,
z-score) or have fixed bounds already, as the assistant's own; see Bruch et al., "An Analysis of
Fusion Functions for Hybrid Retrieval" (2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.answer import Hit
from evals.dataset import Question
from evals.results import Record
from evals.retrieval import Run, score

Scores = NDArray[np.float64]
Fusion = Callable[[Scores, Scores], Scores]

OWN = "assistant"
RRF_CONSTANT = 60
WEIGHTS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
METRICS = ("nDCG@10", "R@1", "R@3", "RR@10")


def reciprocal_ranks(dense: Scores, lexical: Scores) -> Scores:
    """The sum of one over (60 + rank); what the lexical search did not find adds nothing."""
    return _reciprocal(dense) + np.where(lexical > 0, _reciprocal(lexical), 0.0)


def convex(normalise: Callable[[Scores], Scores], weight: float) -> Fusion:
    """The dense weight's share of one normalised score and the rest of the other."""
    return lambda dense, lexical: weight * normalise(dense) + (1 - weight) * normalise(lexical)


def min_max(values: Scores) -> Scores:
    """Scores moved to 0..1 by the lowest and highest of the question."""
    spread = values.max() - values.min()
    return (values - values.min()) / spread if spread else np.zeros_like(values)


def z_score(values: Scores) -> Scores:
    """Scores in standard deviations from the question's mean."""
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation else np.zeros_like(values)


def as_they_are(values: Scores) -> Scores:
    """Scores with fixed bounds need nothing."""
    return values


FUSIONS: Mapping[str, Fusion] = {
    "RRF": reciprocal_ranks,
    **{
        f"{name} {weight}": convex(normalise, weight)
        for name, normalise in (
            ("min-max", min_max),
            ("z-score", z_score),
            ("bounded", as_they_are),
        )
        for weight in WEIGHTS
    },
}


def records(
    questions: Sequence[Question], found: Mapping[str, Sequence[Hit]]
) -> tuple[Record, ...]:
    """Every question with the metrics of the assistant's own ranking and of each fusion."""
    rankings: dict[str, Run] = {OWN: {name: _in_order(hits) for name, hits in found.items()}}
    for fusion, fuse in FUSIONS.items():
        rankings[fusion] = {name: _refused(hits, fuse) for name, hits in found.items()}
    scores = {system: score(questions, run) for system, run in rankings.items()}
    return tuple(
        Record(
            id=question.id,
            kind=question.kind,
            question=question.text,
            values={
                system: {metric: scores[system][question.id][metric] for metric in METRICS}
                for system in rankings
            },
            shown={
                system: ", ".join(name for name, _ in run[question.id][:3])
                for system, run in rankings.items()
            },
        )
        for question in questions
    )


def _refused(hits: Sequence[Hit], fuse: Fusion) -> list[tuple[str, float]]:
    """The hits in the order of another fusion."""
    if not hits:
        return []
    dense = np.array([hit.dense_score for hit in hits])
    lexical = np.array([hit.lexical_score for hit in hits])
    order = np.argsort(-fuse(dense, lexical), kind="stable")
    return _in_order([hits[place] for place in order])


def _in_order(hits: Sequence[Hit]) -> list[tuple[str, float]]:
    """Statement ids with scores that fall from rank to rank, as trec_eval wants its runs."""
    return [(hit.statement.id, 1 / rank) for rank, hit in enumerate(hits, start=1)]


def _reciprocal(values: Scores) -> Scores:
    ranks = np.empty_like(values)
    ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return 1 / (RRF_CONSTANT + ranks)
