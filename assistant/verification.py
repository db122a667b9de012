"""Verification: what a draft says is tied to exact quotes, or it is not shown.

A sentence of a draft passes in one of two ways:

1. Word for word: one sentence of the statements says the same words in the same order, none left
   out. Nothing else has to be asked.
2. By its meaning: the details agree with the quote (numbers, names, negations, doubts, whose view
   it is), and a trained judge finds that the quote, read in its statement, carries the sentence.

Everything else is dropped, with the reason. The details are looked at first and by rules, because
a small judge is most often wrong about them: "the US surpassed China" is near "China surpassed the
US" in every way but one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import combinations

from assistant.answer import Citation, Dropped, Sentence, Verdict
from assistant.prompts import NOT_ANSWERED
from assistant.selection import Candidate, SentenceJudge
from assistant.statement import Statement
from assistant.words import content_words, sentences_of_stream

# How likely the judge must find it that a quote carries a sentence. Chosen on the dev subjects:
# see models/JUDGE.md for what passes and what slips through.
SUPPORTED_FROM = 0.9
# The prompt asks for no more, and a small model that goes on rambles: reading on costs seconds.
SENTENCES_READ = 3
# A shorter "sentence" is a fragment ("1.", "Yes.") that claims nothing a quote could carry.
FEWEST_CONTENT_WORDS = 3
# Quotes that two of are tried together, for a sentence that one alone does not carry.
JOINED = 3
MODALS = frozenset("may might could would should can must".split())
NEGATIONS = "no not never none nor neither nobody nothing cannot without hardly unlike"
# A quote with one of these carries only a claim with the same ones.
QUALIFIERS = frozenset(
    """if unless rarely seldom almost nearly few fewer little only fail fails failed barely least
    most""".split()
)
# A quote that gives somebody's view carries only a sentence that says whose view it is.
REPORTING = """say said tell told think thought believe argue claim insist warn hold call suggest
    hope fear expect doubt maintain according opinion view admit deny report consider feel
    propose predict estimate recommend worry complain contend critic"""
_CONTRACTED_NOT = re.compile(r"n['’]t\b")
_MARKER = re.compile(r"\s*[\[【(](?:statement\s*)?\d{1,2}(?:\s*,\s*\d{1,2})*[\]】)]", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_NUMBER = re.compile(r"(?<![\w.])[-−+]?[$€£]?\d+(?:[.,:]\d+)*%?")
_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w’'-]*|\b[A-Z][a-z]*[A-Z]\w*")
_NUMBER_WORDS = frozenset(
    """two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty
    hundred thousand million billion dozen half twice third quarter first second""".split()
)


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


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one claim found.

    Attributes:
        support: how likely the quotes carry the claim, 0..1; 1 when they say it word for word.
        carriers: the sentences that carry it; empty when it failed.
        reason: why it failed.
    """

    support: float
    carriers: tuple[Candidate, ...] = ()
    reason: str = ""


class Verifier:
    """Checks drafts sentence by sentence."""

    def __init__(self, judge: SentenceJudge | None = None, looks_at_details: bool = True) -> None:
        """Make a verifier.

        Args:
            judge: of support; without one only what is word for word in a quote passes.
            looks_at_details: False to measure what the judge does alone.
        """
        self._judge = judge
        self._looks_at_details = looks_at_details

    def verify(
        self, draft: Iterable[str], evidence: Sequence[Candidate], citations: Citations
    ) -> Iterator[tuple[Sentence, tuple[Candidate, ...]] | Dropped | None]:
        """What becomes of each sentence of a streamed draft, as soon as it ends.

        Markers the model wrote are dropped; a sentence that passes is cited by what carries it,
        which is given with it. Whenever the draft grows without a sentence ending, None is given,
        so that a caller can stop between two words.
        """
        read = 0
        said: list[list[str]] = []
        for complete in sentences_of_stream(draft):
            for raw in complete:
                read += 1
                text = _LIST_MARK.sub("", _MARKER.sub("", raw)).strip()
                checked = self.check(text, evidence)
                if not checked.carriers:
                    yield Dropped(text, checked.reason, checked.support)
                elif content_words(text) in said:
                    yield Dropped(text, "it repeats what was said before it", checked.support)
                else:
                    said.append(content_words(text))
                    numbers = tuple(
                        citations.cite(each.statement, each.start, each.end)
                        for each in checked.carriers
                    )
                    is_quote = text == checked.carriers[0].text
                    verdict: Verdict = "quoted" if is_quote else "supported"
                    yield Sentence(text, numbers, verdict, checked.support), checked.carriers
                if read == SENTENCES_READ:
                    return
            yield None

    def check(self, claim: str, evidence: Sequence[Candidate]) -> Checked:
        """Whether one sentence, or two together, of the evidence carry a claim."""
        if len(content_words(claim)) < FEWEST_CONTENT_WORDS:
            return Checked(0.0, reason="it is too short to be checked")
        for candidate in evidence:
            if says_the_same(claim, candidate.text):
                return Checked(1.0, (candidate,))
        singles = [(candidate,) for candidate in evidence]
        checked = self._best(claim, singles)
        if checked.carriers or self._judge is None:
            return checked
        nearest = sorted(evidence, key=lambda each: -_overlap(claim, each.text))[:JOINED]
        together = self._best(claim, list(combinations(nearest, 2)))
        return together if together.carriers else checked

    def _best(self, claim: str, groups: Sequence[tuple[Candidate, ...]]) -> Checked:
        """The first group that carries the claim best, or why none does."""
        if not groups:
            return Checked(0.0, reason="there is nothing to carry it")
        details = [
            (self._looks_at_details and disagreement(claim, group)) or "" for group in groups
        ]
        overlaps = [_overlap(claim, _joined(group)) for group in groups]
        # Why it fails is told of the quote that it is nearest to.
        reason = details[overlaps.index(max(overlaps))]
        agreeing = [group for group, detail in zip(groups, details, strict=True) if not detail]
        if not agreeing or self._judge is None:
            return Checked(0.0, reason=reason or "no quote says it word for word")
        pairs = [
            (group[0].text, group[0].statement.text) if len(group) == 1 else (_joined(group),) * 2
            for group in agreeing
        ]
        support, group = max(
            zip(self._judge.probabilities(claim, pairs).tolist(), agreeing, strict=True),
            key=lambda each: each[0],
        )
        if support >= SUPPORTED_FROM:
            return Checked(support, group)
        return Checked(
            support,
            reason=reason
            or f"it does not follow from a quote ({support:.2f}, needed {SUPPORTED_FROM:.2f})",
        )


def says_the_same(claim: str, quoted: str) -> bool:
    """Whether a quote says a claim word for word: all its content words in order, none left out.

    What is left out may be a doubt or a condition ("the fear was that", "rarely"), and no list of
    those is complete.
    """
    words, there = _words(claim), _words(quoted)
    return bool(words) and words == there and not _detail_that_differs(claim, quoted, quoted)


def disagreement(claim: str, group: Sequence[Candidate]) -> str:
    """The detail in which a claim differs from quotes, as a reason; empty when all agree."""
    quoted = _joined(group)
    return _detail_that_differs(claim, quoted, " ".join(each.statement.text for each in group))


def quote(candidate: Candidate, citations: Citations) -> Sentence:
    """A sentence of a statement, verbatim, under its own citation."""
    number = citations.cite(candidate.statement, candidate.start, candidate.end)
    return Sentence(candidate.text, (number,), "quoted", 1.0)


def declines(draft: str) -> bool:
    """Whether a model's draft says that the statements do not answer."""
    return NOT_ANSWERED.casefold() in draft.casefold()


def _detail_that_differs(claim: str, quoted: str, statement: str) -> str:
    numbers = sorted(_numbers(claim) - _numbers(quoted))
    if numbers:
        return f"the quote does not have the number {numbers[0]}"
    names = sorted(_names(claim) - {word.casefold() for word in re.findall(r"[\w’'-]+", statement)})
    if names:
        return f"the statement does not name {names[0]}"
    if _negations(claim) != _negations(quoted):
        return "it denies what the quote does not, or the other way round"
    if _modals(claim) != _modals(quoted):
        return "it is more or less certain than the quote"
    if _plain_words(claim) & QUALIFIERS != _plain_words(quoted) & QUALIFIERS:
        return "it leaves out or adds a condition"
    if _reports(quoted) and not _reports(claim):
        return "it does not say whose view it is"
    words, there = _words(claim), _words(quoted)
    if sorted(words) == sorted(there) and words != there:
        return "it has the quote's words in another order"
    return ""


def _joined(group: Sequence[Candidate]) -> str:
    return " ".join(candidate.text for candidate in group)


def _overlap(claim: str, quoted: str) -> float:
    """Share of a claim's content words that a quote holds in the same order."""
    words = _words(claim)
    matcher = SequenceMatcher(None, words, _words(quoted), autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / max(1, len(words))


def _words(text: str) -> list[str]:
    """The content words, with every "n't" as a word of its own."""
    return content_words(_CONTRACTED_NOT.sub(" not", text))


def _numbers(text: str) -> set[str]:
    figures = {number.replace(",", "") for number in _NUMBER.findall(text)}
    return figures | (_NUMBER_WORDS & _plain_words(text))


def _names(text: str) -> set[str]:
    """Words with a capital that do not open the sentence."""
    return {name.casefold() for name in _NAME.findall(text)}


def _negations(text: str) -> int:
    negations = set(content_words(NEGATIONS))
    return sum(word in negations for word in _words(text))


def _modals(text: str) -> list[str]:
    return [word for word in text.casefold().split() if word in MODALS]


def _reports(text: str) -> bool:
    return not _reporting_stems().isdisjoint(content_words(text))


@cache
def _reporting_stems() -> frozenset[str]:
    return frozenset(content_words(REPORTING))


def _plain_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.casefold()))
