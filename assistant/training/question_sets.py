"""Question sets in BEIR layout with answers, as the judge is taught and measured on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.conversation import Turn, search_text
from assistant.embedder import Embedder
from assistant.lexical import LexicalIndex
from assistant.retrieval import DENSE_WEIGHT
from assistant.statement import Statement

# Statements of a set that is one dispute; the other sets have 20 and more.
OF_A_DISPUTE = 12
# Kinds of questions that look answerable and are not.
NEAR_MISSES = ("near_miss", "impossible")
_PUNCTUATION = re.compile(r"[^\w%$€£.]+")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question and what a right answer to it holds.

    Attributes:
        question: as it is asked.
        history: earlier questions and answers, of a follow-up.
        asked: what is searched for; a follow-up is led by what the conversation is about.
        evidence: statement id -> the quotes that answer; empty where nothing does.
        grades: statement id -> 2 answers, 1 is fair background.
        facts: what the answer has to say, each as a tuple of alternatives.
        answer: a good answer; its `[n]` marks the n-th of `cited_quotes`.
        cited_quotes: (statement id, quote) pairs.
        wrong: plausible wrong answers.
    """

    id: str
    kind: str
    question: str
    history: tuple[Turn, ...]
    asked: str
    evidence: Mapping[str, tuple[str, ...]]
    grades: Mapping[str, int]
    facts: tuple[tuple[str, ...], ...]
    several_cited: bool
    answer: str
    cited_quotes: tuple[tuple[str, str], ...]
    wrong: tuple[str, ...]

    @property
    def is_answerable(self) -> bool:
        """Whether the statements answer it."""
        return bool(self.evidence)

    @property
    def answering(self) -> frozenset[str]:
        """The statements that answer, wholly or in part."""
        graded = {identity for identity, grade in self.grades.items() if grade > 1}
        return frozenset(graded | set(self.evidence))


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Statements and questions of one split, with how similar each two are."""

    name: str
    statements: Mapping[str, str]
    questions: tuple[AskedQuestion, ...]
    similarity: Mapping[str, NDArray[np.float32]] = field(repr=False)
    lexical: LexicalIndex = field(repr=False)

    @property
    def is_dispute(self) -> bool:
        """Whether it is one of the small sets whose statements overlap."""
        return len(self.statements) <= OF_A_DISPUTE

    def nearest(self, question: AskedQuestion) -> list[str]:
        """All statement ids, the most similar first."""
        order = np.argsort(-self.similarity[question.id], kind="stable")
        identities = list(self.statements)
        return [identities[place] for place in order]

    def found(self, question: AskedQuestion) -> list[tuple[str, float]]:
        """All statements with their fused scores, as the assistant's retrieval ranks them."""
        lexical = self.lexical.search(question.asked, len(self.statements))
        scores = {
            identity: DENSE_WEIGHT * float(similarity)
            + (1 - DENSE_WEIGHT) * lexical.get(identity, 0.0)
            for identity, similarity in zip(
                self.statements, self.similarity[question.id], strict=True
            )
        }
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def fold(text: str) -> str:
    """Words without case and punctuation; the evals, which compare facts too, know more forms."""
    text = _PUNCTUATION.sub(" ", text.casefold().replace("’", "'").replace(",", ""))
    return f" {text.replace('. ', ' ').strip(' .')} "


def says_all(text: str, facts: Iterable[Iterable[str]]) -> bool:
    """Whether a text says every fact, each in one of its wordings."""
    said = fold(text)
    return all(any(fold(wording) in said for wording in fact) for fact in facts)


def read_question_set(folder: Path, split: str, embedder: Embedder) -> QuestionSet:
    """Read one split and compare its questions with all statements."""
    statements = {row["_id"]: row["text"] for row in _rows(folder / "corpus.jsonl")}
    answers = {row["_id"]: row for row in _rows(folder / "answers.jsonl")}
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, statement, grade = line.split("\t")
        grades.setdefault(question, {})[statement] = int(grade)
    questions = tuple(
        _question(row, answers[row["_id"]], grades.get(row["_id"], {}))
        for row in _rows(folder / "queries.jsonl")
        if answers[row["_id"]]["split"] == split
    )
    return compare_all(folder.name, statements, questions, embedder)


def compare_all(
    name: str,
    statements: Mapping[str, str],
    questions: tuple[AskedQuestion, ...],
    embedder: Embedder,
) -> QuestionSet:
    """A set of these questions, each compared with all statements."""
    vectors = embedder.embed_statements(list(statements.values()))
    asked = embedder.embed_statements([question.asked for question in questions])
    similarity = {
        question.id: vectors @ vector for question, vector in zip(questions, asked, strict=True)
    }
    lexical = LexicalIndex(None)
    lexical.rebuild((Statement(key, text, name, 1) for key, text in statements.items()), name)
    return QuestionSet(name, statements, questions, similarity, lexical)


def _question(row: Any, answer: Any, grades: Mapping[str, int]) -> AskedQuestion:
    evidence: dict[str, tuple[str, ...]] = {}
    for item in answer["evidence"]:
        evidence[item["statement"]] = (*evidence.get(item["statement"], ()), item["quote"])
    history = tuple((asked, said) for asked, said in row["metadata"].get("history", ()))
    return AskedQuestion(
        id=row["_id"],
        kind=row["metadata"]["kind"],
        question=row["text"],
        history=history,
        asked=search_text(row["text"], history),
        evidence=evidence,
        grades=grades,
        facts=tuple(tuple(alternatives) for alternatives in answer["facts"]),
        several_cited=len(answer["cite"]) > 1,
        answer=answer["answer"],
        cited_quotes=tuple((item["statement"], item["quote"]) for item in answer["evidence"]),
        wrong=tuple(answer["wrong"]),
    )


def _rows(path: Path) -> list[Any]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.strip()]
