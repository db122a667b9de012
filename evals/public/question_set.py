"""Writing a converted question set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.statement import JsonValue
from evals.rows import write_rows, write_text

SPLITS = ("dev", "test")


@dataclass(frozen=True, slots=True)
class Passage:
    """A statement of the converted corpus."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A converted question.

    Attributes:
        facts: what a right answer contains: facts, each with its wordings; empty where the
            corpus is silent.
        evidence: (statement id, exact quote) pairs; the statements are graded 2.
        wrong: plausible wrong answers.
    """

    id: str
    text: str
    kind: str
    split: str
    facts: tuple[tuple[str, ...], ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()


def split_by_name(names: Iterable[str]) -> dict[str, str]:
    """Name -> `dev` or `test`, in turn over the sorted names, so that it never changes."""
    return {name: SPLITS[place % 2] for place, name in enumerate(sorted(set(names)))}


def write_question_set(folder: Path, passages: Iterable[Passage], asked: Sequence[Asked]) -> str:
    """Write the set and say what was written."""
    statements: list[dict[str, JsonValue]] = [
        {"_id": passage.id, "title": passage.title, "text": passage.text} for passage in passages
    ]
    write_rows(folder / "corpus.jsonl", statements)
    write_rows(
        folder / "queries.jsonl",
        ({"_id": one.id, "text": one.text, "metadata": {"kind": one.kind}} for one in asked),
    )
    write_rows(folder / "answers.jsonl", map(_answer, asked))
    for split in SPLITS:
        rows = [
            f"{one.id}\t{statement}\t2\n"
            for one in asked
            if one.split == split
            for statement in dict.fromkeys(statement for statement, _ in one.evidence)
        ]
        if rows:
            write_text(
                folder / "qrels" / f"{split}.tsv", "query-id\tcorpus-id\tscore\n" + "".join(rows)
            )
    silent = sum(not one.evidence for one in asked)
    return (
        f"{folder}: {len(statements)} statements, {len(asked) - silent} answerable questions, "
        f"{silent} that the corpus does not answer"
    )


def _answer(one: Asked) -> dict[str, JsonValue]:
    """The row of `answers.jsonl`; the evidence pieces are alternatives, so one has to be cited."""
    statements = list(dict.fromkeys(statement for statement, _ in one.evidence))
    return {
        "_id": one.id,
        "split": one.split,
        "answerable": bool(one.evidence),
        "facts": [list(alternatives) for alternatives in one.facts],
        "evidence": [{"statement": statement, "quote": quote} for statement, quote in one.evidence],
        "cite": [list(statements)] if statements else [],
        "answer": f"{one.evidence[0][1]} [1]" if one.evidence else "",
        "wrong": list(one.wrong),
    }
