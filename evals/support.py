"""Measuring a checker: does it tell supported claims from claims that are not?

The data is `support.jsonl`: `claim`, `evidence`, `label` (`supported` or `not_supported`) and
`split` in each row, as `python -m evals convert` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """The checker, plain word overlap, and the paired difference of balanced accuracy."""

    checker: Checked
    baseline: Checked
    difference: Interval
    count: int

    @property
    def separates(self) -> bool:
        """Is the checker clearly better than chance?"""
        return self.checker.balanced_accuracy.low > 0.5


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


def measure_checker(claims: Iterable[Claim], checker: Checker, threshold: float) -> CheckerResult:
    """Balanced accuracy of a checker and of plain word overlap on the same claims.

    Args:
        claims: with both labels among them.
        checker: what is measured.
        threshold: the support, 0..1, from which the checker counts as accepting a claim. The
            baseline accepts a claim when the evidence has `ENOUGH` of its words.
    """
    rows: list[Mapping[str, float]] = []
    baseline_rows: list[Mapping[str, float]] = []
    for claim in claims:
        rows.append(_judge(claim, checker(claim.claim, claim.evidence) >= threshold))
        overlap = word_overlap(claim.claim, claim.evidence)
        baseline_rows.append(_judge(claim, overlap >= ENOUGH))
    checked, samples = _summary(rows)
    baseline, baseline_samples = _summary(baseline_rows)
    difference = checked.balanced_accuracy.value - baseline.balanced_accuracy.value
    return CheckerResult(
        checked,
        baseline,
        Interval.from_samples(difference, samples - baseline_samples, len(rows)),
        len(rows),
    )


def in_table(result: CheckerResult) -> Table:
    """The result for the terminal."""
    rows = [
        (
            name,
            in_words(checked.balanced_accuracy),
            in_words(checked.accepted),
            in_words(checked.rejected),
        )
        for name, checked in (("checker", result.checker), ("word overlap", result.baseline))
    ]
    rows.append(("difference", in_words(result.difference, signed=True), "", ""))
    return Table(
        f"{result.count} claims, mean [95 % interval]",
        ("", "balanced accuracy", "supported accepted", "others rejected"),
        tuple(rows),
    )


def to_dict(result: CheckerResult) -> dict[str, JsonValue]:
    """The result as plain JSON values."""
    return {
        "count": result.count,
        "difference": result.difference.to_dict(),
        **{
            name: {
                "balanced_accuracy": checked.balanced_accuracy.to_dict(),
                "accepted": checked.accepted.to_dict(),
                "rejected": checked.rejected.to_dict(),
            }
            for name, checked in (("checker", result.checker), ("baseline", result.baseline))
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
