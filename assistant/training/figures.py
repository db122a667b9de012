"""What measuring and calibrating share: areas, shares, intervals, probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000

Floats = NDArray[np.float64]


def area_under_curve(positive: Floats, negative: Floats) -> float:
    """How often a positive scores above a negative (Hanley & McNeil, 1982); nan without both."""
    if not len(positive) or not len(negative):
        return math.nan
    order = np.argsort(np.concatenate([positive, negative]), kind="stable")
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    above = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(above / (len(positive) * len(negative)))


def abstained_at(answerable: Floats, near_misses: Floats, coverage: float) -> float:
    """Share of the near-misses not answered where this share of the answerable is, or nan."""
    if not len(answerable) or not len(near_misses):
        return math.nan
    return float((near_misses < np.quantile(answerable, 1 - coverage)).mean())


def interval(count: int, measure: Callable[[NDArray[np.int64]], float]) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron & Tibshirani, 1993) of a measure of drawn items."""
    generator = np.random.default_rng(1)
    samples = [measure(generator.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.nanpercentile(samples, [2.5, 97.5])
    return float(low), float(high)


def platt(scores: Sequence[float], truth: Sequence[bool]) -> tuple[float, float]:
    """Slope and offset of a logistic regression of the truth on the scores' logits.

    Platt, "Probabilistic Outputs for Support Vector Machines" (1999).
    """
    from sklearn.linear_model import LogisticRegression

    probability = np.clip(np.array(scores, dtype=np.float64), 1e-6, 1 - 1e-6)
    logits = np.log(probability / (1 - probability))
    fitted = LogisticRegression(C=1e3).fit(logits[:, None], np.array(truth))
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
