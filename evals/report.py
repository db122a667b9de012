"""Results as tables: aligned text for the terminal, Markdown for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.bootstrap import Interval
from evals.judging import Metric
from evals.results import Result

MAIN_METRIC = {"answers": "right", "retrieval": "nDCG@10"}


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; the first column names the row, the others hold numbers."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_text(self) -> str:
        """The table in aligned columns under its title."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        aligned = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            )
            for line in lines
        ]
        rule = "  ".join("-" * width for width in widths)
        return "\n".join([self.title, aligned[0], rule, *aligned[1:]])

    def to_markdown(self) -> str:
        """The table in Markdown under a heading."""
        alignment = ["---"] + ["---:"] * (len(self.header) - 1)
        lines = [self.header, tuple(alignment), *self.rows]
        return "\n".join(
            [f"## {self.title}", ""] + ["| " + " | ".join(line) + " |" for line in lines]
        )


def in_words(interval: Interval | None, signed: bool = False) -> str:
    """`0.904 [0.831, 0.962]`, or a dash where there is nothing to measure."""
    if interval is None:
        return "-"
    form = "+.3f" if signed else ".3f"
    value, low, high = (
        format(number, form) for number in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]"


def tables(result: Result) -> tuple[Table, ...]:
    """All metrics by system, the main metric by kind, and the paired differences."""
    questions = f"{len(result.records)} questions, mean [95 % interval]"
    overall = Table(
        f"{result.dataset} ({result.split}): {questions}",
        ("metric", *result.systems),
        tuple(
            (metric, *(in_words(result.overall[name].get(metric)) for name in result.systems))
            for metric in result.metrics
        ),
    )
    return tuple(table for table in (overall, _by_kind(result), _differences(result)) if table.rows)


def systems_table(result: Result) -> Table:
    """One row per system: each metric, and what the first system's first metric is ahead by."""
    first, *_ = result.systems
    main, *_ = result.metrics
    questions = f"{len(result.records)} questions, mean [95 % interval]"
    return Table(
        f"{result.dataset} ({result.split}): {questions}",
        (result.task, *result.metrics, f"{main}, {first} ahead by"),
        tuple(
            (
                system,
                *(in_words(result.overall[system].get(metric)) for metric in result.metrics),
                in_words(result.differences.get(system, {}).get(main), signed=True),
            )
            for system in result.systems
        ),
    )


def fusion_report(result: Result, command: str) -> str:
    """The table of fusions and how it was made."""
    return (
        f"# Ways to fuse dense and lexical search\n\nMade by `{command}` at commit "
        f"`{result.made.get('commit')}`.\n\n{systems_table(result).to_markdown()}\n"
    )


def _by_kind(result: Result) -> Table:
    metric = MAIN_METRIC[result.task]
    counts = {kind: sum(record.kind == kind for record in result.records) for kind in result.kinds}
    return Table(
        f"{metric} by kind of question",
        ("kind", "questions", *result.systems),
        tuple(
            (
                kind,
                str(counts[kind]),
                *(in_words(summary[name].get(metric)) for name in result.systems),
            )
            for kind, summary in result.kinds.items()
        ),
    )


def _differences(result: Result) -> Table:
    first, *others = result.systems
    return Table(
        f"{first} minus each other, paired by question",
        ("metric", *others),
        tuple(
            (
                metric,
                *(in_words(result.differences[name].get(metric), signed=True) for name in others),
            )
            for metric in result.metrics
        )
        if others
        else (),
    )


def markdown_report(
    result: Result, metrics: Sequence[Metric], command: str, picture: str | None
) -> str:
    """The whole report: how it was made, the picture, the tables, what each metric means.

    Args:
        result: what was measured.
        metrics: its columns, to be explained.
        command: what makes it again.
        picture: link to the picture, relative to the report.
    """
    made = result.made
    named = ", ".join(f"{part} `{name}`" for part, name in result.models.items())
    packages = ", ".join(f"{name} {number}" for name, number in _items(made.get("packages")))
    lines = [
        f"# Evals: {result.task} over {result.dataset} ({result.split})",
        "",
        f"Made by `{command}` at commit `{made.get('commit')}` with {named}. "
        f"Seed {made.get('seed')}, {made.get('resamples')} resamples; Python "
        f"{made.get('python')} on {made.get('machine')}; {packages}.",
        "",
    ]
    if picture:
        alternative = "Quality by kind of question, error against coverage, and latency"
        lines += [f"![{alternative}]({picture})", ""]
    for table in tables(result):
        lines += [table.to_markdown(), ""]
    lines += ["## What the metrics mean", ""]
    lines += [f"- `{metric.name}`: {metric.meaning}." for metric in metrics]
    lines += [
        "",
        "Intervals are 95 % bootstrap intervals over questions (percentile method). A share of "
        "exactly 0 or 1 never varies under resampling, so its interval has no width: mind the "
        "number of questions.",
    ]
    return "\n".join(lines) + "\n"


def _items(values: object) -> list[tuple[str, str]]:
    """The entries of a mapping of names that have a value."""
    if not isinstance(values, Mapping):
        return []
    return [(str(name), str(value)) for name, value in values.items() if value is not None]
