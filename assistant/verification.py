"""Verification: what a draft says is tied to exact quotes, or it is not shown.

A sentence passes when one statement says the same words in the same order: its numbers, its names
and its negation agree with a span of one or two sentences, and nearly all of its content words
stand there in that order. That is strict on purpose. Word overlap alone would pass "the US
surpassed China" on the evidence "China surpassed the US".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from assistant.answer import Citation, Hit, Sentence
from assistant.prompts import NOT_ANSWERED
from assistant.statement import Statement
from assistant.words import content_words, sentences_of_stream, split_sentences

# Share of a sentence's content words that its quote has to hold, in order.
SUPPORTED_FROM = 0.8
# The prompt asks for no more, and a small model that goes on rambles: reading on costs seconds.
SENTENCES_READ = 3
# A shorter "sentence" is a fragment ("1.", "Yes.") that claims nothing a quote could carry.
FEWEST_CONTENT_WORDS = 3
NEGATIONS = frozenset(
    """no not never none nor neither nobody nothing cannot without hardly unlike n't""".split()
)
_MARKER = re.compile(r"\s*[\[【(](?:statement\s*)?\d+(?:\s*,\s*\d+)*[\]】)]", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NAME = re.compile(r"(?<=[^.!?\s]\s)[A-Z][\w’'.-]*|\b[A-Z]{2,}\b|\b\w+[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The span of a statement that carries a claim, and how much of the claim it carries."""

    statement: Statement
    start: int
    end: int
    support: float


class Citations:
    """The citations of one answer, numbered from 1 as they are made."""

    def __init__(self) -> None:
        self._made: list[Citation] = []

    def cite(self, statement: Statement, start: int, end: int) -> int:
        """The number of the citation of `statement.text[start:end]`, a new one if need be."""
        for citation in self._made:
            if (citation.statement.id, citation.start, citation.end) == (statement.id, start, end):
                return citation.number
        number = len(self._made) + 1
        self._made.append(Citation(number, statement, statement.text[start:end], start, end))
        return number

    def __iter__(self) -> Iterator[Citation]:
        return iter(self._made)


def support(claim: str, evidence: str) -> float:
    """How much of a claim its evidence carries.

    Args:
        claim: one sentence.
        evidence: the text that should say the same.

    Returns:
        The share of the claim's content words that the evidence holds in the same order (the
        recall of ROUGE-L, Lin 2004), 0..1; 0 where a number, a name or the negation disagrees.
    """
    words = content_words(claim)
    if not words or not _details_agree(claim, evidence):
        return 0.0
    return _common_subsequence(words, content_words(evidence)) / len(words)


def find_evidence(claim: str, hits: Sequence[Hit]) -> Evidence | None:
    """The smallest span among the statements that supports a claim; None where nothing does."""
    best = None
    for hit in hits:
        for start, end in _spans(hit.statement.text):
            carried = support(claim, hit.statement.text[start:end])
            if carried >= SUPPORTED_FROM and (best is None or carried > best.support):
                best = Evidence(hit.statement, start, end, carried)
    return best


def verify(draft: Iterable[str], hits: Sequence[Hit], citations: Citations) -> Iterator[Sentence]:
    """The sentences of a streamed draft that a statement supports, each as soon as it ends.

    Markers the model wrote are dropped; each sentence is cited by what supports it.
    """
    shown = set()
    for raw in islice(sentences_of_stream(draft), SENTENCES_READ):
        text = _LIST_MARK.sub("", _MARKER.sub("", raw)).strip()
        words = tuple(content_words(text))
        if len(words) < FEWEST_CONTENT_WORDS or words in shown:
            continue
        evidence = find_evidence(text, hits)
        if evidence is None:
            continue
        shown.add(words)
        number = citations.cite(evidence.statement, evidence.start, evidence.end)
        is_verbatim = text in evidence.statement.text
        yield Sentence(text, (number,), "quoted" if is_verbatim else "supported", evidence.support)


def quote(statement: Statement, citations: Citations) -> Iterator[Sentence]:
    """A statement's sentences, verbatim, under one citation of the whole."""
    spans = split_sentences(statement.text)
    number = citations.cite(statement, spans[0][0], spans[-1][1])
    for start, end in spans:
        yield Sentence(statement.text[start:end], (number,), "quoted", 1.0)


def declines(draft: str) -> bool:
    """Whether a model's draft says that the statements do not answer."""
    return NOT_ANSWERED.casefold() in draft.casefold()


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Single sentences first, then neighbouring pairs: the smallest that carries a claim wins."""
    sentences = split_sentences(text)
    yield from sentences
    for (start, _), (_, end) in pairwise(sentences):
        yield start, end


def _details_agree(claim: str, evidence: str) -> bool:
    if not _numbers(claim) <= _numbers(evidence):
        return False
    if _is_negated(claim) != _is_negated(evidence):
        return False
    known = set(content_words(evidence))
    return all(set(content_words(name)) <= known for name in _NAME.findall(claim))


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "") for number in _NUMBER.findall(text)}


def _is_negated(text: str) -> bool:
    """Whether the text denies something; two negations cancel."""
    words = text.casefold().replace("’", "'").replace("n't", " n't").split()
    return sum(word.strip('.,;:!?"()') in NEGATIONS for word in words) % 2 == 1


def _common_subsequence(claim: Sequence[str], evidence: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(evidence) + 1)
    for word in claim:
        previous = 0
        for column, other in enumerate(evidence, start=1):
            above = row[column]
            row[column] = previous + 1 if word == other else max(above, row[column - 1])
            previous = above
    return row[-1]
