"""95 % bootstrap intervals over questions: for means, and for paired differences of means.

Percentile method, Efron & Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
A share of exactly 0 or 1 never varies under resampling, so its interval has no width: read it
with its count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy
from numpy.typing import NDArray

from assistant.statement import JsonValue

SEED = 20_261_123
RESAMPLES = 10_000
_CELLS_AT_ONCE = 4_000_000

FloatArray = NDArray[numpy.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, or a difference of means, with its 95 % interval.

    Attributes:
        count: how many questions it is measured on.
    """

    value: float
    low: float
    high: float
    count: int

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of zero, else 0: no clear difference."""
        return (self.low > 0) - (self.high < 0)

    def to_dict(self) -> dict[str, JsonValue]:
        """The interval as plain JSON values."""
        return {"value": self.value, "low": self.low, "high": self.high, "count": self.count}

    @classmethod
    def from_samples(cls, value: float, samples: FloatArray, count: int) -> Self:
        """The 2.5th to 97.5th percentile of resampled values; NaN samples are left out."""
        low, high = numpy.nanpercentile(samples, [2.5, 97.5])
        return cls(value, float(low), float(high), count)


def resampled_means(values: FloatArray) -> FloatArray:
    """Means of each column over questions drawn with replacement.

    Args:
        values: one row per question (at least one), one column per metric; NaN where a metric
            does not apply to a question.

    Returns:
        `RESAMPLES` rows; NaN where no drawn question has the metric.
    """
    questions = values.shape[0]
    applies = numpy.isfinite(values).astype(numpy.float64)
    filled = numpy.nan_to_num(values)
    generator = numpy.random.default_rng(SEED)
    share = numpy.full(questions, 1 / questions)
    chunk = max(1, _CELLS_AT_ONCE // questions)
    parts: list[FloatArray] = []
    for first in range(0, RESAMPLES, chunk):
        size = min(chunk, RESAMPLES - first)
        # How often each question is drawn: a product with it sums all metrics of all draws.
        weights = generator.multinomial(questions, share, size=size).astype(numpy.float64)
        with numpy.errstate(invalid="ignore"):
            parts.append((weights @ filled) / (weights @ applies))
    return numpy.concatenate(parts)


def table(rows: Sequence[Mapping[str, float]], metrics: Sequence[str]) -> FloatArray:
    """One row per question, one column per metric, NaN where a metric does not apply."""
    cells = [[row.get(metric, math.nan) for metric in metrics] for row in rows]
    return numpy.array(cells, dtype=numpy.float64).reshape(len(rows), len(metrics))


def mean_intervals(
    rows: Sequence[Mapping[str, float]], metrics: Sequence[str]
) -> dict[str, Interval]:
    """The mean of each metric over the questions it applies to; metrics without any are absent."""
    present = [metric for metric in metrics if any(metric in row for row in rows)]
    if not present:
        return {}
    values = table(rows, present)
    samples = resampled_means(values)
    counts = numpy.isfinite(values).sum(axis=0)
    means = numpy.nanmean(values, axis=0)
    return {
        metric: Interval.from_samples(float(means[column]), samples[:, column], int(counts[column]))
        for column, metric in enumerate(present)
    }


def paired_differences(
    first: Sequence[Mapping[str, float]],
    second: Sequence[Mapping[str, float]],
    metrics: Sequence[str],
) -> dict[str, Interval]:
    """Mean of `first` minus mean of `second`, drawing the same questions for both.

    A metric that applies to different questions in the two (precision of what was answered) is
    compared as a difference of two means; the count is then the smaller of the two.

    Args:
        first: values per question.
        second: values of the same questions in the same order.
        metrics: what to compare; one that either side never has is absent from the result.
    """
    present = [
        metric
        for metric in metrics
        if any(metric in row for row in first) and any(metric in row for row in second)
    ]
    if not present:
        return {}
    columns = len(present)
    values = numpy.hstack([table(first, present), table(second, present)])
    samples = resampled_means(values)
    means = numpy.nanmean(values, axis=0)
    counts = numpy.isfinite(values).sum(axis=0)
    return {
        metric: Interval.from_samples(
            float(means[column] - means[column + columns]),
            samples[:, column] - samples[:, column + columns],
            int(min(counts[column], counts[column + columns])),
        )
        for column, metric in enumerate(present)
    }
