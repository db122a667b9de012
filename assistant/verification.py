"""Verification: what a draft says is tied to exact quotes, or it is not shown.

A sentence passes when one sentence of the statements says the same words in the same order: all
its content words stand there and none is left out, its numbers and negations are the same.
That is strict on purpose. Word overlap alone would pass "the US surpassed China" on the evidence
"China surpassed the US", and a span of two sentences would pass a blend of both ("it sails twice
a day because its captain is Ida Falk").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

from assistant.answer import Citation, Sentence, Verdict
from assistant.prompts import NOT_ANSWERED
from assistant.selection import Candidate
from assistant.statement import Statement
from assistant.words import content_words, sentences_of_stream

# Share of a claim's content words that its quote has to hold, in order: one other word is enough
# to turn a meaning round ("effective" for "ineffective").
SUPPORTED_FROM = 1.0
# Share of the quote's content words that the claim has to hold: what is left out may be a doubt or
# a condition ("the fear was that", "rarely", "critics claim"), and no list of those is complete.
KEPT_FROM = 1.0
MODALS = frozenset("may might could would should can must".split())
# The prompt asks for no more, and a small model that goes on rambles: reading on costs seconds.
SENTENCES_READ = 3
# A shorter "sentence" is a fragment ("1.", "Yes.") that claims nothing a quote could carry.
FEWEST_CONTENT_WORDS = 3
NEGATIONS = "no not never none nor neither nobody nothing cannot without hardly unlike"
_CONTRACTED_NOT = re.compile(r"n['’]t\b")
_MARKER = re.compile(r"\s*[\[【(](?:statement\s*)?\d{1,2}(?:\s*,\s*\d{1,2})*[\]】)]", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_NUMBER = re.compile(r"(?<![\w.])[-−+]?[$€£]?\d+(?:[.,:]\d+)*%?")


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
        The share of the claim's content words that the evidence holds in the same order, 0..1;
        0 where a number or a negation disagrees or the claim leaves out too much.
    """
    words, there = _words(claim), _words(evidence)
    if not words or not _details_agree(claim, evidence):
        return 0.0
    matcher = SequenceMatcher(None, words, there, autojunk=False)
    matched = sum(block.size for block in matcher.get_matching_blocks())
    return matched / len(words) if matched >= KEPT_FROM * len(there) else 0.0


def verify(
    draft: Iterable[str], evidence: Sequence[Candidate], citations: Citations
) -> Iterator[tuple[Sentence, Candidate] | None]:
    """The sentences of a streamed draft that the evidence supports, each as soon as it ends.

    Markers the model wrote are dropped; each sentence is cited by the one that supports it, which
    is given with it. Whenever the draft grows without that, None is given, so that a caller can
    stop between two words.
    """
    read = 0
    used: list[Candidate] = []
    for complete in sentences_of_stream(draft):
        for raw in complete:
            read += 1
            text = _LIST_MARK.sub("", _MARKER.sub("", raw)).strip()
            carried, best = max(
                ((support(text, candidate.text), candidate) for candidate in evidence),
                key=lambda each: each[0],
            )
            if (
                carried >= SUPPORTED_FROM
                and best not in used
                and len(content_words(text)) >= FEWEST_CONTENT_WORDS
            ):
                used.append(best)
                number = citations.cite(best.statement, best.start, best.end)
                verdict: Verdict = "quoted" if text == best.text else "supported"
                yield Sentence(text, (number,), verdict, carried), best
            if read == SENTENCES_READ:
                return
        yield None


def quote(candidate: Candidate, citations: Citations) -> Sentence:
    """A sentence of a statement, verbatim, under its own citation."""
    number = citations.cite(candidate.statement, candidate.start, candidate.end)
    return Sentence(candidate.text, (number,), "quoted", 1.0)


def declines(draft: str) -> bool:
    """Whether a model's draft says that the statements do not answer."""
    return NOT_ANSWERED.casefold() in draft.casefold()


def _details_agree(claim: str, evidence: str) -> bool:
    return (
        _numbers(claim) <= _numbers(evidence)
        and _negations(claim) == _negations(evidence)
        and _modals(claim) == _modals(evidence)
    )


def _words(text: str) -> list[str]:
    """The content words, with every "n't" as a word of its own."""
    return content_words(_CONTRACTED_NOT.sub(" not", text))


def _numbers(text: str) -> set[str]:
    return {number.replace(",", "") for number in _NUMBER.findall(text)}


def _negations(text: str) -> int:
    negations = set(content_words(NEGATIONS))
    return sum(word in negations for word in _words(text))


def _modals(text: str) -> list[str]:
    return [word for word in text.casefold().split() if word in MODALS]
