"""Scripted stand-ins for the assistant, and a small question set on disk."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from assistant.answer import Answer, Citation, Hit, Sentence
from assistant.statement import Statement
from evals.product import History, Opening, Subject

STATEMENTS = {
    "s1": "Bees dance to point at flowers. They do not dance at night.",
    "s2": "Honey keeps for 3,000 years in a sealed jar.",
    "s3": "A queen bee lives five years; a worker lives six weeks.",
}


@dataclass
class ScriptedAssistant:
    """Finds statements by shared words; answers from a script of quotes, and abstains without."""

    statements: Mapping[str, str] = field(default_factory=lambda: STATEMENTS)
    script: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    histories: list[History] = field(default_factory=list)

    def search(self, question: str, limit: int = 5, history: History = ()) -> list[Hit]:
        self.histories.append(history)
        asked = _words(question)
        scored = sorted(
            (
                (len(asked & _words(text)) / max(1, len(asked)), name)
                for name, text in self.statements.items()
            ),
            key=lambda item: (-item[0], item[1]),
        )
        return [
            Hit(Statement(name, self.statements[name]), rank, share, share / 2, share / 4)
            for rank, (share, name) in enumerate(scored[:limit], start=1)
        ]

    def stream(self, question: str, history: History = ()) -> Iterator[str | Answer]:
        answer = self.answer(question)
        yield answer.text
        yield answer

    def answer(self, question: str) -> Answer:
        quotes = self.script.get(question, ())
        citations = tuple(
            citation(number, name, quote, self.statements)
            for number, (name, quote) in enumerate(quotes, start=1)
        )
        sentences = tuple(
            Sentence(cited.quote, (cited.number,), "quoted", 1.0) for cited in citations
        )
        return Answer(
            question=question,
            answered=bool(quotes),
            text=" ".join(sentence.marked_text for sentence in sentences)
            or "The corpus is silent.",
            reason=None if quotes else "nothing near",
            sentences=sentences,
            citations=citations,
            hits=tuple(self.search(question)),
            model="scripted",
            seconds=0.0,
        )


def citation(number: int, name: str, quote: str, statements: Mapping[str, str]) -> Citation:
    start = statements[name].index(quote)
    return Citation(number, Statement(name, statements[name]), quote, start, start + len(quote))


def opening_of(assistant: ScriptedAssistant) -> Opening:
    @contextmanager
    def opening(corpus: Path, model: str | None) -> Iterator[Subject]:
        yield Subject(assistant, None, {"model": model or "scripted", "embedder": "words"})

    return opening


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def answer_row(name: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "_id": name,
        "split": "test",
        "answerable": True,
        "facts": [["five years", "5 years"]],
        "evidence": [{"statement": "s3", "quote": "A queen bee lives five years"}],
        "cite": [["s3"]],
    }
    return row | changes


SILENT = {"answerable": False, "facts": [], "evidence": [], "cite": []}


def write_set(folder: Path, prefix: str = "") -> Path:
    """Five questions over three statements: two direct, a follow-up, a near miss, off topic.

    Their ids are q1 to q5, after the prefix.
    """
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": name, "title": "", "text": text} for name, text in STATEMENTS.items()],
    )
    questions = {
        "q1": ("How long does a queen bee live?", {"kind": "direct"}),
        "q2": ("How long does honey keep?", {"kind": "direct"}),
        "q3": (
            "And at night?",
            {
                "kind": "follow_up",
                "history": [["Do bees dance?", "They dance to point at flowers."]],
            },
        ),
        "q4": ("Who dances with the queen?", {"kind": "near_miss"}),
        "q5": ("What is a tax?", {"kind": "off_topic"}),
    }
    write_lines(
        folder / "queries.jsonl",
        [
            {"_id": prefix + name, "text": text, "metadata": metadata}
            for name, (text, metadata) in questions.items()
        ],
    )
    night = {"statement": "s1", "quote": "They do not dance at night."}
    honey = {"statement": "s2", "quote": STATEMENTS["s2"]}
    write_lines(
        folder / "answers.jsonl",
        [
            answer_row(f"{prefix}q1"),
            answer_row(f"{prefix}q2", facts=[["3000 years"]], evidence=[honey], cite=[["s2"]]),
            answer_row(f"{prefix}q3", facts=[["not dance"]], evidence=[night], cite=[["s1"]]),
            answer_row(f"{prefix}q4", **SILENT),
            answer_row(f"{prefix}q5", **SILENT),
        ],
    )
    qrels = folder / "qrels" / "test.tsv"
    qrels.parent.mkdir()
    rows = ["q1\ts3\t2", "q1\ts1\t1", "q2\ts2\t2", "q3\ts1\t2"]
    lines = ["query-id\tcorpus-id\tscore", *(prefix + row for row in rows), ""]
    qrels.write_text("\n".join(lines), encoding="utf-8")
    return folder


# Right on all five.
RIGHT = {
    "How long does a queen bee live?": [("s3", "A queen bee lives five years")],
    "How long does honey keep?": [("s2", STATEMENTS["s2"])],
    "And at night?": [("s1", "They do not dance at night.")],
}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
