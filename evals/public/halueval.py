"""HaluEval (Li et al., 2023; MIT): questions with knowledge, a right and a hallucinated answer.

Both files share the 500 questions and differ in the hallucinated answers.
"""

from __future__ import annotations

from pathlib import Path

from evals.matching import says
from evals.public.question_set import SPLITS, Asked, Passage, write_question_set
from evals.public.support_sets import write_claims
from evals.rows import Row, read_rows

_FILES = ("qa_one-turn_data.json", "qa_multi-turn_data.json")


def convert(source: Path, folder: Path) -> str:
    """Write each knowledge text as a statement, with its question and both wrong answers.

    A question whose right answer is not a wording of its knowledge (yes, no, a count) is left
    out: matching words could not judge it. Its knowledge stays as a distractor.
    """
    wrong: dict[str, list[str]] = {}
    for row in _rows(source):
        wrong.setdefault(row.text("question"), []).append(row.text("hallucinated_answer"))
    passages: dict[str, Passage] = {}
    asked: list[Asked] = []
    for number, row in enumerate(read_rows(source / _FILES[0]), start=1):
        knowledge, answer = row.text("knowledge").strip(), row.text("right_answer")
        passage = passages.setdefault(knowledge, Passage(f"knowledge-{number:03}", "", knowledge))
        if not says(knowledge, [answer]):
            continue
        question = row.text("question")
        asked.append(
            Asked(
                id=f"halueval-{number:03}",
                text=question,
                kind="direct",
                split=SPLITS[number % 2],
                facts=((answer,),),
                evidence=((passage.id, knowledge),),
                wrong=tuple(one for one in wrong[question] if not says(one, [answer])),
            )
        )
    return write_question_set(folder, passages.values(), asked)


def convert_support(source: Path, folder: Path) -> str:
    """Write `support.jsonl`: a question with an answer is the claim, its knowledge the evidence."""
    claims: dict[tuple[str, str, str], str] = {}
    places: dict[str, int] = {}
    for row in _rows(source):
        question, knowledge = row.text("question").strip(), row.text("knowledge").strip()
        split = SPLITS[places.setdefault(question, len(places) + 1) % 2]
        right, wrong = row.text("right_answer"), row.text("hallucinated_answer")
        claims[f"{question} {right}", knowledge, "supported"] = split
        claims[f"{question} {wrong}", knowledge, "not_supported"] = split
    return write_claims(
        folder, [(*claim, split) for claim, split in claims.items()], name="halueval"
    )


def _rows(source: Path) -> list[Row]:
    return [row for name in _FILES for row in read_rows(source / name)]
