"""Answer sentence selection: are the sentences that answer a question ranked before the others?

The data is `selection.jsonl`: `question`, `sentence`, `answers` (true or false) and `split` in each
row, as `python -m evals convert trec_qa` writes it. Questions all of whose sentences answer, or
none, are left out, as is usual for this task (Rao, He & Lin, 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.errors import EvalsError
from evals.results import Record
from evals.rows import read_rows

METRICS = ("AP", "RR")

Ranker = Callable[[str, Sequence[str]], Sequence[float]]
"""From a question and sentences to a score for each."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """A question with sentences, some of which answer it."""

    question: str
    sentences: tuple[str, ...]
    answers: tuple[bool, ...]


def read_candidates(path: Path, split: str | None) -> tuple[Candidates, ...]:
    """The questions of a file, or of one split, that have sentences of both kinds.

    Raises:
        EvalsError: a row is malformed, or no question is left.
    """
    found: dict[str, dict[str, bool]] = {}
    for row in read_rows(path):
        if split in (None, row.values.get("split")):
            sentences = found.setdefault(row.text("question"), {})
            sentences[row.text("sentence")] = row.flag("answers")
    questions = tuple(
        Candidates(question, tuple(sentences), tuple(sentences.values()))
        for question, sentences in found.items()
        if len(set(sentences.values())) == 2
    )
    if not questions:
        raise EvalsError(
            f"{path}: no question has sentences that answer and sentences that do not"
            + (f' in the split "{split}"' if split else "")
        )
    return questions


def records(questions: Iterable[Candidates], rankers: Mapping[str, Ranker]) -> tuple[Record, ...]:
    """Average precision and reciprocal rank of every ranker on every question."""
    import ir_measures

    measures = [ir_measures.parse_measure(metric) for metric in METRICS]
    found: list[Record] = []
    for number, each in enumerate(questions, start=1):
        qrels = [
            ir_measures.Qrel("q", str(place), int(answers))
            for place, answers in enumerate(each.answers)
        ]
        values: dict[str, dict[str, float]] = {}
        shown: dict[str, str] = {}
        for name, rank in rankers.items():
            scores = rank(each.question, each.sentences)
            run = [
                ir_measures.ScoredDoc("q", str(place), float(score))
                for place, score in enumerate(scores)
            ]
            values[name] = {
                str(measure): float(value)
                for measure, value in ir_measures.calc_aggregate(measures, qrels, run).items()
            }
            shown[name] = each.sentences[max(range(len(scores)), key=scores.__getitem__)]
        found.append(Record(str(number), "question", each.question, values, shown))
    return tuple(found)


def own_rankers() -> Mapping[str, Ranker]:
    """The judge of answers, and the similarity of question and sentence beside it."""
    from assistant.embedder import load_embedder
    from assistant.judge import ANSWER_WEIGHTS, Judge

    judge, embedder = Judge(ANSWER_WEIGHTS), load_embedder()

    def by_judge(question: str, sentences: Sequence[str]) -> Sequence[float]:
        pairs = [(sentence, sentence) for sentence in sentences]
        return [float(each) for each in judge.probabilities(question, pairs)]

    def by_similarity(question: str, sentences: Sequence[str]) -> Sequence[float]:
        similarities = embedder.embed_statements(sentences) @ embedder.embed_question(question)
        return [float(each) for each in similarities]

    return {"judge": by_judge, "similarity": by_similarity}
