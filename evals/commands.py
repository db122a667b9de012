"""What each command does, from parsed options to an exit status."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from assistant.corpus import read_corpus
from evals import answers, compare, draft, follow_ups, fusion, gate, retrieval, support
from evals.dataset import Dataset, load_dataset, load_datasets
from evals.judging import METRICS
from evals.picture import draw
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
    dataset = load_dataset(options.dataset, options.split)
    _tell(*dataset.notes)
    questions = retrieval.judged_questions(dataset)
    # No language model takes part in retrieval, so none is loaded.
    with options.opening(dataset.corpus, "none") as subject:
        found = retrieval.find(subject.assistant, _progress(questions, "searching"))
        models = {"embedder": subject.names.get("embedder", "")}
    result = Result(
        task="retrieval",
        dataset=dataset.name,
        split=dataset.split,
        systems=tuple(retrieval.SYSTEMS),
        metrics=tuple(metric.name for metric in retrieval.METRICS),
        records=retrieval.records(questions, found),
        made=provenance(models),
    )
    _print_tables(result)
    if options.run:
        retrieval.write_run(options.run, retrieval.runs(found)["fused"])
    if options.json:
        write_result(options.json, result)
    return 0


def run_fusion(options: Namespace) -> int:
    """Search every judged question and compare ways to fuse the two rankings."""
    records: list[Record] = []
    models: dict[str, str] = {}
    datasets = load_datasets(options.datasets, options.split)
    for dataset in datasets:
        _tell(*dataset.notes)
        questions = retrieval.judged_questions(dataset)
        with options.opening(dataset.corpus, "none") as subject:
            found = retrieval.find(subject.assistant, _progress(questions, dataset.name))
            models = {"embedder": subject.names.get("embedder", "")}
        records += fusion.records(questions, found)
    result = Result(
        task="fusion",
        dataset=_names(datasets),
        split=options.split,
        systems=(fusion.OWN, *fusion.FUSIONS),
        metrics=fusion.METRICS,
        records=tuple(records),
        made=provenance(models),
    )
    print(systems_table(result).to_text())
    if options.json:
        write_result(options.json, result)
    if options.report:
        write_text(options.report, fusion_report(result, _command_line(options)))
    return 0


def run_answers(options: Namespace) -> int:
    """Ask every question and print the metrics of the assistant and the baselines."""
    datasets = load_datasets(options.datasets, options.split)
    result = _measure_answers(options, datasets, options.limit, options.model, options.ablations)
    _print_tables(result)
    if options.json:
        write_result(options.json, result)
    report: Path | None = options.report
    picture: Path | None = options.picture or (report and report.with_suffix(".png"))
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
    """Measure a checker; it fails when it is no better than chance."""
    claims = support.read_claims(options.file, options.split)
    checker, threshold = options.checker or _own_checker()
    result = support.measure_checker(_progress(claims, "checking"), checker, threshold)
    print(support.in_table(result).to_text())
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
    embedder = load_embedder()
    result = Result(
        task="follow-ups",
        dataset=options.file.resolve().parent.name,
        split=options.split or "all",
        systems=(follow_ups.OWN, follow_ups.ALONE, follow_ups.BOTH),
        metrics=follow_ups.METRICS,
        records=follow_ups.records(asked, embedder),
        made=provenance({"embedder": embedder.name}),
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
        result = _measure_answers(options, shipped, limit=None, model=None, ablations=False)
        _print_tables(result)
    found = gate.check(result, committed)
    if found.passed:
        print(found.in_words())
        return 0
    _tell(found.in_words())
    return 1


def _measure_answers(
    options: Namespace,
    datasets: Sequence[Dataset],
    limit: int | None,
    model: str | None,
    ablations: bool,
) -> Result:
    records: list[Record] = []
    models: Mapping[str, str] = {}
    for dataset in datasets:
        _tell(*dataset.notes)
        asked = answers.questions_with_answers(dataset, limit)
        with options.opening(dataset.corpus, model) as subject:
            if subject.chat_model is None and not models:
                _tell("no language model: the tutorial chain is left out")
            others = subject.ablations() if ablations else {}
            records += answers.measure(subject, dataset, asked, others, _progress)
            models = subject.names
    return Result(
        task="answers",
        dataset=_names(datasets),
        split=datasets[0].split,
        systems=tuple(records[0].values),
        metrics=tuple(metric.name for metric in METRICS),
        records=tuple(records),
        made=provenance(models),
    )


def _names(datasets: Sequence[Dataset]) -> str:
    return ", ".join(dataset.name for dataset in datasets)


def _own_checker() -> tuple[support.Checker, float]:
    """The assistant's checker: 1 for what it would show, 0 for what it would drop."""
    from assistant.judge import SUPPORT_WEIGHTS, Judge
    from assistant.selection import Candidate
    from assistant.statement import Statement
    from assistant.verification import Verifier

    verifier = Verifier(Judge(SUPPORT_WEIGHTS))

    def is_shown(claim: str, evidence: str) -> float:
        statement = Statement("evidence", evidence, "evidence", 1)
        checked = verifier.check(claim, [Candidate(statement, 0, len(evidence), 1.0)])
        return float(checked.carrier is not None)

    return is_shown, 0.5


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
    words += ["--ablations"] if getattr(options, "ablations", False) else []
    return " ".join(words)
