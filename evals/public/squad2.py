"""SQuAD 2.0's dev set (Rajpurkar et al., 2018; CC BY-SA 4.0) as a question set.

Paragraphs are cut into statements of whole sentences; those of the same article are each other's
distractors. Its impossible questions were written to look answerable by their own paragraph, so
they are near misses; a few of them may be answered by another paragraph.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict
from zlib import crc32

from evals.errors import EvalsError
from evals.matching import says, sentence_spans
from evals.public.question_set import Asked, Passage, write_question_set
from evals.rows import read_text

# About the length of a shipped statement, in characters.
STATEMENT_LENGTH = 300
# As in assistant/training/judge_data.py, which leaves out the same articles.
HELD_OUT_EVERY = 4


class _Answer(TypedDict):
    text: str
    answer_start: int


class _Question(TypedDict):
    id: str
    question: str
    answers: list[_Answer]
    is_impossible: bool


class _Paragraph(TypedDict):
    context: str
    qas: list[_Question]


class _Article(TypedDict):
    title: str
    paragraphs: list[_Paragraph]


def convert(source: Path, folder: Path) -> str:
    """Write all articles as one corpus; the test split is of articles never trained on.

    Raises:
        EvalsError: the data is not SQuAD's.
    """
    path = source / "dev-v2.0.json"
    try:
        articles: list[_Article] = json.loads(read_text(path))["data"]
        passages: list[Passage] = []
        asked: list[Asked] = []
        for article in articles:
            for number, paragraph in enumerate(article["paragraphs"], start=1):
                name = f"{article['title']}-{number:02}"
                spans = statement_spans(paragraph["context"])
                title = article["title"].replace("_", " ")
                passages += [
                    Passage(f"{name}-{place}", title, paragraph["context"][start:end])
                    for place, (start, end) in enumerate(spans, start=1)
                ]
                asked += _questions(paragraph, name, spans, split_of(article["title"]))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise EvalsError(f"{path}: is not SQuAD's JSON ({error!r})") from error
    return write_question_set(folder, passages, asked)


def split_of(title: str) -> str:
    """`test` for the articles that no model of the assistant was trained on, `dev` for the rest."""
    return "dev" if crc32(title.encode()) % HELD_OUT_EVERY else "test"


def statement_spans(paragraph: str) -> list[tuple[int, int]]:
    """(start, end) of statements: neighbouring sentences up to `STATEMENT_LENGTH` together."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(paragraph):
        if spans and end - spans[-1][0] <= STATEMENT_LENGTH:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _questions(
    paragraph: _Paragraph, name: str, spans: Sequence[tuple[int, int]], split: str
) -> Iterator[Asked]:
    """The questions of a paragraph; one whose answers all cross statements is left out."""
    for question in paragraph["qas"]:
        text = " ".join(question["question"].split())
        if question["is_impossible"]:
            yield Asked(question["id"], text, "near_miss", split)
            continue
        evidence: dict[tuple[str, str], None] = {}
        wordings: dict[str, None] = {}
        for answer in question["answers"]:
            found = _evidence(paragraph["context"], spans, answer)
            # A span can end within a word; such a wording would fail its own sentence.
            if found and says(found[1], [answer["text"]]):
                place, quote = found
                evidence[f"{name}-{place}", quote] = None
                wordings[answer["text"]] = None
        if evidence:
            facts = (tuple(wordings),)
            yield Asked(question["id"], text, "direct", split, facts, tuple(evidence))


def _evidence(
    context: str, spans: Sequence[tuple[int, int]], answer: _Answer
) -> tuple[int, str] | None:
    """The statement's place, from 1, and the sentence that holds an answer; None across two."""
    first = answer["answer_start"]
    last = first + len(answer["text"])
    for place, (start, end) in enumerate(spans, start=1):
        if not start <= first <= last <= end:
            continue
        for opening, closing in sentence_spans(context[start:end]):
            if start + opening <= first and last <= start + closing:
                return place, context[start + opening : start + closing]
    return None
