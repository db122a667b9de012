"""Measuring retrieval: the three rankings of the assistant's hits against the judgments.

All metrics are `ir_measures`' (https://ir-measur.es), which computes them as trec_eval does.
A statement graded 1 or more counts as relevant; nDCG also uses the grade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from assistant.answer import Hit
from evals.dataset import Dataset, Question
from evals.errors import EvalsError
from evals.judging import Metric
from evals.product import DEPTH, Searching
from evals.results import Record
from evals.rows import write_text

Run = Mapping[str, Sequence[tuple[str, float]]]

METRICS = (
    Metric("nDCG@10", "gain of the first ten by grade and rank, against the best possible order"),
    Metric("R@1", "share of the relevant statements that are found, in the first one"),
    Metric("R@3", "the same in the first three"),
    Metric("R@5", "the same in the first five"),
    Metric("R@10", "the same in the first ten"),
    Metric("RR@10", "one over the rank of the first relevant statement; its mean is the MRR"),
    Metric("Success@1", "hit rate: the first statement is relevant"),
    Metric("Success@5", "hit rate: one of the first five is relevant"),
)
SYSTEMS: Mapping[str, Callable[[Hit], float]] = {
    "fused": attrgetter("score"),
    "dense": attrgetter("dense_score"),
    "lexical": attrgetter("lexical_score"),
}
TAG = "assistant"
# Two scores closer than this would tie in a run file written with this precision.
_STEP = 1e-6


def judged_questions(dataset: Dataset) -> tuple[Question, ...]:
    """The questions that have a relevant statement; the others cannot be scored.

    Raises:
        EvalsError: there is none.
    """
    judged = tuple(
        question for question in dataset.questions if max(question.relevant.values(), default=0) > 0
    )
    if not judged:
        raise EvalsError(
            f'{dataset.folder}: no question of the split "{dataset.split}" has a relevant '
            f"statement; add rows to qrels/{dataset.split}.tsv"
        )
    return judged


def find(assistant: Searching, questions: Iterable[Question]) -> dict[str, list[Hit]]:
    """Question id -> hits, as deep as `DEPTH`; a follow-up is searched with its history."""
    return {
        question.id: assistant.search(question.text, DEPTH, question.history)
        for question in questions
    }


def runs(found: Mapping[str, Sequence[Hit]]) -> dict[str, Run]:
    """One ranking per system, from the same hits.

    The fused run is the assistant's own order. The component runs sort the same hits by one
    score and leave out what that component did not find (a score of 0), so a statement that only
    fusion ranks beyond `DEPTH` is missing from them.
    """
    return {
        system: {
            identifier: _strictly_falling(hits, score, by_score=system != "fused")
            for identifier, hits in found.items()
        }
        for system, score in SYSTEMS.items()
    }


def score(questions: Sequence[Question], run: Run) -> dict[str, dict[str, float]]:
    """Question id -> metric -> value, of one run."""
    import ir_measures

    qrels = [
        ir_measures.Qrel(question.id, statement, grade)
        for question in questions
        for statement, grade in question.relevant.items()
    ]
    ranking = [
        ir_measures.ScoredDoc(identifier, statement, value)
        for identifier, ranked in run.items()
        for statement, value in ranked
    ]
    values: dict[str, dict[str, float]] = {
        question.id: {metric.name: 0.0 for metric in METRICS} for question in questions
    }
    measures = [ir_measures.parse_measure(metric.name) for metric in METRICS]
    for result in ir_measures.iter_calc(measures, qrels, ranking):
        values[result.query_id][str(result.measure)] = float(result.value)
    return values


def records(
    questions: Sequence[Question], found: Mapping[str, Sequence[Hit]]
) -> tuple[Record, ...]:
    """Every question with the metrics of every system and the statements it ranked first."""
    rankings = runs(found)
    scores = {system: score(questions, run) for system, run in rankings.items()}
    return tuple(
        Record(
            id=question.id,
            kind=question.kind,
            question=question.text,
            values={system: scores[system][question.id] for system in SYSTEMS},
            shown={
                system: ", ".join(name for name, _ in rankings[system][question.id][:3])
                for system in SYSTEMS
            },
        )
        for question in questions
    )


def write_run(path: Path, run: Run) -> None:
    """Write a TREC run file: `qid Q0 docid rank score tag`, rank from 1."""
    lines = [
        f"{identifier} Q0 {statement} {rank} {value:.6f} {TAG}\n"
        for identifier, ranked in run.items()
        for rank, (statement, value) in enumerate(ranked, start=1)
    ]
    write_text(path, "".join(lines))


def _strictly_falling(
    hits: Sequence[Hit], score: Callable[[Hit], float], by_score: bool
) -> list[tuple[str, float]]:
    """Statement ids with scores in which no two are equal.

    trec_eval ignores the order and the rank in a run and breaks ties by id, so a tie would be
    scored in an order that no user ever saw.
    """
    if by_score:
        hits = sorted((hit for hit in hits if score(hit) > 0), key=score, reverse=True)
    ranked: list[tuple[str, float]] = []
    for hit in hits:
        value = round(score(hit), 6)
        if ranked:
            value = min(value, ranked[-1][1] - _STEP)
        ranked.append((hit.statement.id, value))
    return ranked
