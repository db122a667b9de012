"""Measuring checkers: do they tell supported claims from claims that are not?

The data is `support.jsonl`: `claim`, `evidence`, `label` (`supported` or `not_supported`) and
`split` in each row, as `python -m evals convert` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.statement import JsonValue
from evals.bootstrap import FloatArray, Interval, resampled_means, table
from evals.errors import EvalsError
from evals.overlap import ENOUGH, word_overlap
from evals.report import Table, in_words
from evals.rows import read_rows

# Support of a claim by its evidence, 0..1.
Checker = Callable[[str, str], float]

LABELS = ("supported", "not_supported")
_ACCEPTED, _REJECTED = "supported_accepted", "not_supported_rejected"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, the evidence beside it, and whether people found that it supports the claim."""

    claim: str
    evidence: str
    supported: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """How well a checker judges.

    Attributes:
        balanced_accuracy: mean of the two shares below; 0.5 is chance.
        accepted: share of the supported claims that it accepts.
        rejected: share of the others that it rejects.
    """

    balanced_accuracy: Interval
    accepted: Interval
    rejected: Interval


@dataclass(frozen=True, slots=True)
class CheckerResult:
    """Several checkers on the same claims; the first is the one in question.

    Attributes:
        checkers: by name.
        differences: balanced accuracy of the first minus each other's, paired by claim.
    """

    checkers: Mapping[str, Checked]
    differences: Mapping[str, Interval]
    count: int

    @property
    def separates(self) -> bool:
        """Is the first checker clearly better than chance?"""
        return next(iter(self.checkers.values())).balanced_accuracy.low > 0.5


def read_claims(path: Path, split: str | None = None) -> tuple[Claim, ...]:
    """The claims of a file, all or those of one split.

    Raises:
        EvalsError: a row is malformed, or one of the two labels is missing.
    """
    claims: list[Claim] = []
    for row in read_rows(path):
        label = row.text("label")
        if label not in LABELS:
            raise row.error(f'expected "supported" or "not_supported" under "label", found {label}')
        if split is None or row.values.get("split") == split:
            claims.append(Claim(row.text("claim"), row.text("evidence"), label == LABELS[0]))
    if len({claim.supported for claim in claims}) < 2:
        where = f' in the split "{split}"' if split else ""
        raise EvalsError(f"{path}: needs claims with both labels{where}: {' and '.join(LABELS)}")
    return tuple(claims)


def measure_checkers(
    claims: Iterable[Claim], checkers: Mapping[str, tuple[Checker, float]]
) -> CheckerResult:
    """Balanced accuracy of checkers and of plain word overlap on the same claims.

    Args:
        claims: with both labels among them.
        checkers: by name, each with the support, 0..1, from which it accepts a claim. Word overlap
            accepts a claim when the evidence has `ENOUGH` of its words.
    """
    measured = {**checkers, "word overlap": (word_overlap, ENOUGH)}
    rows: dict[str, list[Mapping[str, float]]] = {name: [] for name in measured}
    for claim in claims:
        for name, (checker, threshold) in measured.items():
            rows[name].append(_judge(claim, checker(claim.claim, claim.evidence) >= threshold))
    summaries = {name: _summary(judged) for name, judged in rows.items()}
    (first, samples), *others = summaries.values()
    count = len(next(iter(rows.values())))
    differences = [
        Interval.from_samples(
            first.balanced_accuracy.value - other.balanced_accuracy.value,
            samples - other_samples,
            count,
        )
        for other, other_samples in others
    ]
    return CheckerResult(
        {name: checked for name, (checked, _) in summaries.items()},
        dict(zip([*summaries][1:], differences, strict=True)),
        count,
    )


def best_threshold(claims: Sequence[Claim], checker: Checker) -> float:
    """The threshold with the highest balanced accuracy on these very claims.

    For a baseline: it flatters it, so that what beats it does so whatever the threshold.
    """
    scores = np.array([checker(claim.claim, claim.evidence) for claim in claims])
    supported = np.array([claim.supported for claim in claims])
    return max(
        map(float, np.unique(scores)),
        key=lambda threshold: float(
            (scores[supported] >= threshold).mean() + (scores[~supported] < threshold).mean()
        ),
    )


def in_table(result: CheckerResult, title: str) -> Table:
    """The result for the terminal and the report."""
    return Table(
        f"{title}: {result.count} claims, mean [95 % interval]",
        ("", "balanced accuracy", "supported accepted", "others rejected", "first ahead by"),
        tuple(
            (
                name,
                in_words(checked.balanced_accuracy),
                in_words(checked.accepted),
                in_words(checked.rejected),
                in_words(result.differences.get(name), signed=True),
            )
            for name, checked in result.checkers.items()
        ),
    )


def to_dict(result: CheckerResult) -> dict[str, JsonValue]:
    """The result as plain JSON values."""
    return {
        "count": result.count,
        "differences": {name: each.to_dict() for name, each in result.differences.items()},
        "checkers": {
            name: {
                "balanced_accuracy": checked.balanced_accuracy.to_dict(),
                "accepted": checked.accepted.to_dict(),
                "rejected": checked.rejected.to_dict(),
            }
            for name, checked in result.checkers.items()
        },
    }


def _judge(claim: Claim, accepted: bool) -> Mapping[str, float]:
    if claim.supported:
        return {_ACCEPTED: float(accepted)}
    return {_REJECTED: float(not accepted)}


def _summary(rows: list[Mapping[str, float]]) -> tuple[Checked, FloatArray]:
    """The three intervals, and the resampled balanced accuracies for a paired difference."""
    samples = resampled_means(table(rows, (_ACCEPTED, _REJECTED)))
    accepted = [row[_ACCEPTED] for row in rows if _ACCEPTED in row]
    rejected = [row[_REJECTED] for row in rows if _REJECTED in row]
    shares = [math.fsum(values) / len(values) for values in (accepted, rejected)]
    balanced: FloatArray = samples.mean(axis=1)
    return (
        Checked(
            Interval.from_samples(sum(shares) / 2, balanced, len(rows)),
            Interval.from_samples(shares[0], samples[:, 0], len(accepted)),
            Interval.from_samples(shares[1], samples[:, 1], len(rejected)),
        ),
        balanced,
    )
