"""Two results over the same questions: what differs, and which questions flipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evals.bootstrap import Interval, paired_differences
from evals.errors import EvalsError
from evals.judging import METRICS
from evals.report import Table, in_words
from evals.results import Result

_LOWER_IS_BETTER = frozenset(metric.name for metric in METRICS if metric.lower_is_better)
# The metric, 0 or 1 for each question, that says whether a question flipped.
_FLIPPING = {"answers": "right", "retrieval": "Success@1"}


@dataclass(frozen=True, slots=True)
class Flip:
    """A question that one result gets right and the other does not, with what both showed."""

    id: str
    question: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second result against the first, on the questions that are in both.

    Attributes:
        count: how many questions are in both.
        differences: metric -> second minus first, with its interval.
        gained: wrong before, right after.
        lost: right before, wrong after.
    """

    system: str
    count: int
    differences: Mapping[str, Interval]
    gained: tuple[Flip, ...]
    lost: tuple[Flip, ...]


def compare(before: Result, after: Result) -> Comparison:
    """Pair two results by question id and compare their first systems.

    Raises:
        EvalsError: they measure different tasks, or one that has no flips, or share no question.
    """
    if before.task != after.task:
        raise EvalsError(
            f"cannot compare {before.task} with {after.task}; give two results of one task"
        )
    if before.task not in _FLIPPING:
        raise EvalsError(f"cannot compare two of {before.task}; give two of answers or retrieval")
    earlier = {record.id: record for record in before.records}
    pairs = [(earlier[record.id], record) for record in after.records if record.id in earlier]
    if not pairs:
        raise EvalsError(
            f"the results over {before.dataset} ({before.split}) and {after.dataset} "
            f"({after.split}) share no question; give two results over one set"
        )
    old, new = before.systems[0], after.systems[0]
    flipping = _FLIPPING[before.task]
    moves = [
        (
            second.values[new].get(flipping, 0.0) - first.values[old].get(flipping, 0.0),
            Flip(second.id, second.question, first.shown[old], second.shown[new]),
        )
        for first, second in pairs
    ]
    return Comparison(
        system=new,
        count=len(pairs),
        differences=paired_differences(
            [second.values[new] for _, second in pairs],
            [first.values[old] for first, _ in pairs],
            after.metrics,
        ),
        gained=tuple(flip for move, flip in moves if move > 0),
        lost=tuple(flip for move, flip in moves if move < 0),
    )


def verdict(metric: str, difference: Interval) -> str:
    """`better`, `worse`, or `no clear difference` where the interval holds zero."""
    sign = -difference.sign if metric in _LOWER_IS_BETTER else difference.sign
    return {1: "better", -1: "worse", 0: "no clear difference"}[sign]


def in_text(comparison: Comparison) -> str:
    """The comparison for the terminal: a table, then the flips with both answers."""
    table = Table(
        f"{comparison.system}: second minus first on {comparison.count} shared questions, "
        "difference [95 % interval]",
        ("metric", "difference", "verdict"),
        tuple(
            (metric, in_words(difference, signed=True), verdict(metric, difference))
            for metric, difference in comparison.differences.items()
        ),
    )
    lines = [table.to_text()]
    for title, flips in (
        ("wrong -> right", comparison.gained),
        ("right -> wrong", comparison.lost),
    ):
        lines += ["", f"{title}: {len(flips)}"]
        for flip in flips:
            lines += [
                f"  {flip.id}  {flip.question}",
                f"    before: {' '.join(flip.before.split())}",
                f"    after:  {' '.join(flip.after.split())}",
            ]
    return "\n".join(lines)
