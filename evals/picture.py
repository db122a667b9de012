"""One picture of a result: quality by kind, error against coverage, and latency."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.language_model import NO_MODEL
from evals.answers import ASSISTANT, QUOTES_ONLY, TUTORIAL_CHAIN, curve
from evals.bootstrap import Interval
from evals.errors import EvalsError
from evals.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), told apart by colour-blind readers;
# the markers and line styles differ too, so that a grey print still reads.
_STYLES = (("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "^", ":"))
# Characters of the title in a line.
_TITLE_WIDTH = 150
# The line is drawn down to this many answers: the error among fewer jumps about.
_STEADY = 10
_TIMES = (
    ("seconds_to_evidence", "evidence\nshown"),
    ("seconds_to_first_piece", "first\nwords"),
    ("seconds", "whole\nanswer"),
)


def draw(result: Result, path: Path) -> None:
    """Write the picture of a result of `answers` as a PNG.

    It shows the assistant and the baselines; what else was measured stands in the tables.

    Raises:
        EvalsError: the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawn = (ASSISTANT, TUTORIAL_CHAIN, QUOTES_ONLY)
    result = replace(result, systems=tuple(name for name in result.systems if name in drawn))
    with rc_context({"font.size": 14, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(20, 9.5), layout="constrained")
        quality, error, latency = figure.subplots(1, 3, width_ratios=(1.35, 1, 1))
        _draw_quality(quality, result)
        _draw_curve(error, result)
        _draw_latency(latency, result)
        title = (
            f"{len(result.records)} questions over {result.dataset} ({result.split}), "
            f"with {_models(result)}"
        )
        figure.suptitle(textwrap.fill(title, _TITLE_WIDTH), fontsize=18)
        handles, labels = quality.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), frameon=False,
            fontsize=16,
        )  # fmt: skip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, format="png")
        except OSError as problem:
            raise EvalsError(
                f"{path}: cannot be written ({problem.strerror}); choose another place"
            ) from problem


def _draw_quality(axes: Axes, result: Result) -> None:
    """The share of right answers by kind, all questions first, with error bars."""
    groups: dict[str, Mapping[str, Mapping[str, Interval]]] = {"all": result.overall}
    groups.update(result.kinds)
    counts = {
        kind: sum(kind in ("all", record.kind) for record in result.records) for kind in groups
    }
    for place, system in enumerate(result.systems):
        colour, marker, _ = _STYLES[place]
        intervals = [groups[kind][system]["right"] for kind in groups]
        offset = _offset(place, result)
        axes.errorbar(
            [interval.value for interval in intervals],
            [row + offset for row in range(len(groups))],
            xerr=[
                [max(0.0, interval.value - interval.low) for interval in intervals],
                [max(0.0, interval.high - interval.value) for interval in intervals],
            ],
            fmt=marker, color=colour, label=system, markersize=9, elinewidth=2.5, capsize=4,
            clip_on=False, zorder=3,
        )  # fmt: skip
    for row in range(1, len(groups)):
        axes.axhline(row - 0.5, color="0.75" if row > 1 else "0.3", linewidth=0.8)
    axes.set_yticks(
        range(len(groups)),
        [f"{kind.replace('_', ' ')} ({counts[kind]})" for kind in groups],
        fontsize=15,
    )
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.xaxis.grid(True, color="0.9")
    axes.set_xlabel("share of the questions that are right\n(95 % interval)")
    axes.set_title("Right, by kind of question (count)", fontsize=17)


def _draw_curve(axes: Axes, result: Result) -> None:
    """Error among the answered as a higher threshold answers fewer questions."""
    for place, system in enumerate(result.systems):
        colour, marker, line = _STYLES[place]
        points = curve(result.records, system)
        if not points:
            continue
        coverage = [point.coverage for point in points]
        errors = [point.error for point in points]
        steady = [round(share * len(result.records)) >= _STEADY for share in coverage].count(True)
        axes.plot(coverage[:steady], errors[:steady], line, color=colour, linewidth=3)
        axes.plot(
            coverage[:1], errors[:1], marker, color=colour, markersize=13, clip_on=False, zorder=3
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.04)
    axes.grid(True, color="0.9")
    axes.set_xlabel("coverage: share of all questions answered\n(mark: the threshold as it is set)")
    axes.set_ylabel("error: share of the answers not right")
    axes.set_title("Error as the threshold rises (lower is better)", fontsize=17)


def _draw_latency(axes: Axes, result: Result) -> None:
    """Median, 5th and 95th percentile of the three times, on a logarithmic scale."""
    import numpy
    from matplotlib.ticker import LogLocator, NullFormatter

    for row, (metric, _) in enumerate(_TIMES):
        for place, system in enumerate(result.systems):
            values = [record.values[system].get(metric) for record in result.records]
            seconds = [value for value in values if value is not None]
            if not seconds:
                continue
            colour, marker, _ = _STYLES[place]
            height = row + _offset(place, result)
            # A clock step of zero has no place on a logarithmic scale.
            low, middle, high = (
                max(float(value), 1e-4) for value in numpy.percentile(seconds, [5, 50, 95])
            )
            axes.errorbar(
                [middle], [height], xerr=[[middle - low], [high - middle]],
                fmt=marker, color=colour, markersize=11, elinewidth=2.5, capsize=5,
            )  # fmt: skip
            axes.annotate(
                _in_seconds(middle), (middle, height), xytext=(0, 10),
                textcoords="offset points", ha="center", color=colour, fontsize=14,
            )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.12)
    fastest, slowest = axes.get_xlim()
    steps = (1, 3) if slowest < 300 * fastest else (1,)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_major_formatter(lambda value, _: _in_seconds(value))
    axes.xaxis.set_minor_formatter(NullFormatter())
    for row in range(1, len(_TIMES)):
        axes.axhline(row - 0.5, color="0.75", linewidth=0.8)
    axes.set_yticks(range(len(_TIMES)), [label for _, label in _TIMES], fontsize=15)
    axes.set_ylim(len(_TIMES) - 0.5, -0.5)
    axes.xaxis.grid(True, color="0.9")
    axes.set_xlabel("time since the question\n(median, 5th to 95th percentile)")
    axes.set_title("Latency (lower is better)", fontsize=17)


def _offset(place: int, result: Result) -> float:
    """Where a system stands within its row, so that the systems do not hide each other."""
    return (place - (len(result.systems) - 1) / 2) * 0.26


def _in_seconds(seconds: float) -> str:
    """`0.2 ms`, `35 ms` or `1.2 s`."""
    if seconds >= 0.995:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.2g} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"


def _models(result: Result) -> str:
    """The names of the models, for the title."""
    names = ("no language model" if name == NO_MODEL else name for name in result.models.values())
    return " and ".join(names) or "no named model"
