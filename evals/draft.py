"""A starter question set from a corpus, so that nobody begins with a blank page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from assistant.statement import JsonValue, Statement
from evals.errors import EvalsError
from evals.matching import fold, sentence_spans
from evals.overlap import is_content_word
from evals.rows import write_rows, write_text

_NAME = re.compile(r"(?:[A-Z][\w-]*[a-z0-9A-Z]|\d[\d.,%]*)(?:\s+(?:[A-Z][\w-]+|\d+))*")
_UNANSWERABLE = "What is the boiling point of tungsten?"

NEXT_STEPS = """\
Wrote {count} questions to {folder}. They are a start, not a measurement yet:
  1. queries.jsonl: rewrite each question as a reader would ask it, without the source's words.
  2. answers.jsonl: "facts" is what a right answer has to contain: a list of facts, each a list
     of wordings of which one is enough. Check "evidence" and "cite".
  3. qrels/test.tsv: grade 2 answers the question, 1 is fair background; add what is missing.
  4. Add questions that the corpus does not answer ("answerable": false), also close ones.
Then: python -m evals retrieval {folder} && python -m evals answers {folder}"""


def write_draft(statements: Sequence[Statement], folder: Path) -> int:
    """Write one question per statement, and one that the corpus surely does not answer.

    The question asks for the statement's first name or number; the fact to be found is its
    rarest other word. Both are there to be edited.

    Returns:
        How many questions were written.

    Raises:
        EvalsError: the folder is there already and holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EvalsError(f"{folder}: is there already; choose another --output or remove it")
    commonness = Counter(
        word for statement in statements for word in set(fold(statement.text).split())
    )
    queries: list[dict[str, JsonValue]] = []
    answers: list[dict[str, JsonValue]] = []
    for number, statement in enumerate(statements, start=1):
        identifier = f"q{number:03}"
        start, end = (sentence_spans(statement.text) or [(0, len(statement.text))])[0]
        sentence = statement.text[start:end]
        subject, fact = _subject_and_fact(sentence, commonness)
        queries.append(_query(identifier, f"What does the corpus say about {subject}?", "direct"))
        answers.append(
            {
                "_id": identifier,
                "split": "test",
                "answerable": True,
                "facts": [[fact]],
                "evidence": [{"statement": statement.id, "quote": sentence}],
                "cite": [[statement.id]],
                "answer": f"{sentence} [1]",
                "wrong": [],
            }
        )
    silent = f"q{len(statements) + 1:03}"
    queries.append(_query(silent, _UNANSWERABLE, "off_topic"))
    answers.append(
        {
            "_id": silent,
            "split": "test",
            "answerable": False,
            "facts": [],
            "evidence": [],
            "cite": [],
            "answer": "",
            "wrong": [],
        }
    )
    qrels = [
        f"{query['_id']}\t{statement.id}\t2\n"
        for query, statement in zip(queries, statements, strict=False)
    ]
    write_rows(folder / "corpus.jsonl", map(_corpus_row, statements))
    write_rows(folder / "queries.jsonl", queries)
    write_rows(folder / "answers.jsonl", answers)
    write_text(folder / "qrels" / "test.tsv", "query-id\tcorpus-id\tscore\n" + "".join(qrels))
    return len(queries)


def _query(identifier: str, text: str, kind: str) -> dict[str, JsonValue]:
    return {"_id": identifier, "text": text, "metadata": {"kind": kind}}


def _corpus_row(statement: Statement) -> dict[str, JsonValue]:
    return {"title": "", **statement.metadata, "_id": statement.id, "text": statement.text}


def _subject_and_fact(sentence: str, commonness: Counter[str]) -> tuple[str, str]:
    """What to ask about, and a rare word of the sentence that an answer should contain."""
    words = [word for word in fold(sentence).split() if is_content_word(word)]
    words = words or fold(sentence).split() or [sentence]
    names = [match[0] for match in _NAME.finditer(sentence)]
    named = [name for name in names if any(map(is_content_word, fold(name).split()))]
    subject = named[0] if named else max(words, key=len)
    asked = set(fold(subject).split())
    rest = [word for word in words if word not in asked] or words
    return subject, min(rest, key=lambda word: (commonness[word], -len(word)))
