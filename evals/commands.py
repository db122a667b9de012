"""What each command does, from parsed options to an exit status."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from assistant.answer import Hit
from assistant.corpus import read_corpus
from assistant.settings import DEFAULT_EMBEDDER
from evals import answers, compare, draft, follow_ups, fusion, gate, retrieval, selection, support
from evals.checkers import own_checkers
from evals.dataset import Dataset, Question, after_another, load_datasets
from evals.errors import need_package
from evals.judging import METRICS
from evals.picture import draw
from evals.product import Opening
from evals.public import convert
from evals.report import fusion_report, markdown_report, systems_table, tables
from evals.results import Record, Result, provenance, read_result, write_result
from evals.rows import write_text

HERE = Path(__file__).parent
SHIPPED_SET = HERE / "statements"
BASELINE = HERE / "results" / "quotes.json"

Item = TypeVar("Item")


def run_retrieval(options: Namespace) -> int:
    """Search every judged question and print the metrics of the three rankings."""
    need_package("ir_measures")
    searched = _search(options)
    result = _search_result(
        options,
        searched,
        tuple(retrieval.SYSTEMS),
        tuple(metric.name for metric in retrieval.METRICS),
        retrieval.records,
    )
    _print_tables(result)
    if options.run:
        found = {identifier: hits for each in searched for identifier, hits in each.found.items()}
        retrieval.write_run(options.run, retrieval.runs(found)["fused"])
    if options.json:
        write_result(options.json, result)
    if options.report:
        report = markdown_report(result, retrieval.METRICS, _command_line(options), None)
        write_text(options.report, report)
    return 0


def run_fusion(options: Namespace) -> int:
    """Search every judged question and compare ways to fuse the two rankings."""
    need_package("ir_measures")
    systems = (fusion.OWN, *fusion.FUSIONS)
    result = _search_result(options, _search(options), systems, fusion.METRICS, fusion.records)
    print(systems_table(result).to_text())
    if options.json:
        write_result(options.json, result)
    if options.report:
        write_text(options.report, fusion_report(result, _command_line(options)))
    return 0


@dataclass(frozen=True, slots=True)
class Searched:
    """The judged questions of a set with what was found for each, and by which embedder."""

    dataset: Dataset
    questions: Sequence[Question]
    found: Mapping[str, Sequence[Hit]]
    embedder: str


def _datasets(options: Namespace) -> tuple[Dataset, ...]:
    datasets = load_datasets(options.datasets, options.split)
    return tuple(map(after_another, datasets)) if options.after_another else datasets


def _search(options: Namespace) -> list[Searched]:
    datasets = _datasets(options)
    judged = [retrieval.judged_questions(dataset) for dataset in datasets]
    searched = []
    for dataset, questions in zip(datasets, judged, strict=True):
        _tell(*dataset.notes)
        # No language model takes part in retrieval, so none is loaded.
        with options.opening(dataset.corpus, "none") as subject:
            asked = _progress(questions, f"searching {dataset.name}")
            found = retrieval.find(subject.assistant, asked)
            embedder = subject.names.get("embedder", "")
        searched.append(Searched(dataset, questions, found, embedder))
    return searched


def _search_result(
    options: Namespace,
    searched: Sequence[Searched],
    systems: tuple[str, ...],
    metrics: tuple[str, ...],
    records: Callable[[Sequence[Question], Mapping[str, Sequence[Hit]]], Iterable[Record]],
) -> Result:
    return Result(
        task=options.name,
        dataset=_names([each.dataset for each in searched]),
        split=options.split,
        systems=systems,
        metrics=metrics,
        records=tuple(row for each in searched for row in records(each.questions, each.found)),
        made=provenance({"embedder": searched[0].embedder}),
    )


def run_answers(options: Namespace) -> int:
    """Ask every question and print the metrics of the assistant and the baselines."""
    report: Path | None = options.report
    picture: Path | None = options.picture or (report and report.with_suffix(".png"))
    if picture:
        need_package("matplotlib")
    datasets = _datasets(options)
    result = _measure_answers(options.opening, datasets, options)
    _print_tables(result)
    if options.json:
        write_result(options.json, result)
    if picture:
        draw(result, picture)
    if report and picture:
        link = Path(os.path.relpath(picture.resolve(), report.resolve().parent)).as_posix()
        write_text(report, markdown_report(result, METRICS, _command_line(options), link))
    return 0


def run_compare(options: Namespace) -> int:
    """Print what differs between two results."""
    comparison = compare.compare(read_result(options.before), read_result(options.after))
    print(compare.in_text(comparison))
    return 0


def run_draft(options: Namespace) -> int:
    """Write a starter question set and say what to do with it."""
    folder = options.output or Path(f"{options.corpus.resolve().stem}-evals")
    count = draft.write_draft(read_corpus(options.corpus).statements, folder)
    print(draft.NEXT_STEPS.format(count=count, folder=folder))
    return 0


def run_convert(options: Namespace) -> int:
    """Convert a public set and say what was written."""
    for line in convert(options.name, options.data_folder, options.output_folder):
        print(line)
    return 0


def run_support(options: Namespace) -> int:
    """Measure the checker beside baselines; it fails when it is no better than chance."""
    claims = support.read_claims(options.file, options.split)
    checkers = options.checkers or own_checkers(claims)
    result = support.measure_checkers(_progress(claims, "checking"), checkers)
    name = options.file.resolve().parent.name
    table = support.in_table(result, f"{name} ({options.split})" if options.split else name)
    print(table.to_text())
    if options.json:
        write_text(options.json, json.dumps(support.to_dict(result), indent=1) + "\n")
    if not result.separates:
        _tell("the checker is no better than chance at telling supported claims from the others")
        return 1
    return 0


def run_follow_ups(options: Namespace) -> int:
    """Compare what is searched for at each follow-up with its rewrite by hand."""
    from assistant.embedder import load_embedder

    asked = follow_ups.read_follow_ups(options.file, options.split)
    rows = follow_ups.records(asked, load_embedder())
    return _report_file(options, follow_ups.METRICS, rows)


def run_selection(options: Namespace) -> int:
    """Rank the sentences beside each question by the judge of answers, and by similarity."""
    need_package("ir_measures")
    asked = selection.read_candidates(options.file, options.split)
    rankers = options.rankers or selection.own_rankers()
    rows = selection.records(_progress(asked, "ranking"), rankers)
    return _report_file(options, selection.METRICS, rows)


def _report_file(options: Namespace, metrics: Sequence[str], records: Sequence[Record]) -> int:
    """Print a row per system of what was measured over a file, and write the result."""
    result = Result(
        task=options.name,
        dataset=options.file.resolve().parent.name,
        split=options.split or "all",
        systems=tuple(records[0].values),
        metrics=tuple(metrics),
        records=tuple(records),
        made=provenance({"embedder": DEFAULT_EMBEDDER}),
    )
    print(systems_table(result).to_text())
    if options.json:
        write_result(options.json, result)
    return 0


def run_gate(options: Namespace) -> int:
    """Fail when the share of right answers has fallen below the committed result."""
    committed = read_result(options.baseline)
    if options.result:
        result = read_result(options.result)
    else:
        shipped = load_datasets([SHIPPED_SET], "test")
        plain = Namespace(
            limit=None,
            model=committed.models.get("model"),
            ablations=False,
            found=[],
            without_tutorial=False,
        )
        result = _measure_answers(options.opening, shipped, plain)
        _print_tables(result)
    found = gate.check(result, committed)
    if found.passed:
        print(found.in_words())
        return 0
    _tell(found.in_words())
    return 1


def _measure_answers(opening: Opening, datasets: Sequence[Dataset], options: Namespace) -> Result:
    made = provenance({})  # of what is loaded now, whatever is committed meanwhile
    asked_of = [answers.questions_with_answers(dataset, options.limit) for dataset in datasets]
    records: list[Record] = []
    models: Mapping[str, str] = {}
    for dataset, asked in zip(datasets, asked_of, strict=True):
        _tell(*dataset.notes)
        with opening(dataset.corpus, options.model) as subject:
            if options.without_tutorial:
                subject = replace(subject, chat_model=None)
            elif subject.chat_model is None and not models:
                _tell("no language model: the tutorial chain is left out")
            others = dict(subject.depths(options.found))
            if options.ablations:
                others |= subject.ablations()
            records += answers.measure(subject, dataset, asked, others, _progress)
            models = subject.names
    return Result(
        task="answers",
        dataset=_names(datasets),
        split=datasets[0].split,
        systems=tuple(records[0].values),
        metrics=tuple(metric.name for metric in METRICS),
        records=tuple(records),
        made={**made, "models": dict(models)},
    )


def _names(datasets: Sequence[Dataset]) -> str:
    return ", ".join(dataset.name for dataset in datasets)


def _print_tables(result: Result) -> None:
    print("\n\n".join(table.to_text() for table in tables(result)))


def _progress(items: Sequence[Item], doing: str) -> Iterable[Item]:
    from tqdm import tqdm

    progress: Iterable[Item] = tqdm(items, desc=doing, file=sys.stderr, leave=False)
    return progress


def _tell(*lines: str) -> None:
    for line in lines:
        print(f"evals: {line}", file=sys.stderr)


def _command_line(options: Namespace) -> str:
    """What makes this result again, as far as its numbers go."""
    words = [f"python -m evals {options.name}"]
    words += [] if options.datasets == [SHIPPED_SET] else map(str, options.datasets)
    words += [f"--split {options.split}"] if options.split != "test" else []
    for name in ("limit", "model"):
        value = getattr(options, name, None)
        words += [f"--{name} {value}"] if value else []
    words += ["--after-another"] if options.after_another else []
    words += ["--ablations"] if getattr(options, "ablations", False) else []
    words += ["--without-tutorial"] if getattr(options, "without_tutorial", False) else []
    found: Sequence[int] = getattr(options, "found", [])
    words += [f"--found {' '.join(map(str, found))}"] if found else []
    return " ".join(words)
