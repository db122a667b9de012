"""Verification: what a draft says is tied to an exact quote, or it is not shown.

A sentence of a draft passes in one of two ways:

1. Word for word: one sentence of the statements says the same words in the same order, none left
   out. Nothing else has to be asked.
2. In words near those of one quote: it has no word that the statement does not have, most of them
   in the order of the quote, and every detail agrees (numbers, names and their order, no "not" or
   doubt more or less, nobody's view left out: see `details`); and a trained judge finds that the
   quote, in its statement, carries the sentence.

Everything else is dropped, with the reason. The details are looked at first and by rules, because
a small judge is most often wrong about them: "the US surpassed China" is near "China surpassed the
US" in every way but one. No sentence is carried by two quotes together: of near-duplicate
statements that differ in one detail, two carry any blend.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from assistant.answer import Citation, Dropped, Sentence, Verdict
from assistant.details import OPENING, disagreement, overlap, says_the_same
from assistant.prompts import NOT_ANSWERED
from assistant.selection import Candidate, SentenceJudge
from assistant.statement import Statement
from assistant.words import content_words, sentences_of_stream

# How likely the judge must find it that a quote carries a sentence. Chosen on the dev subjects,
# strict, because a quote takes the place of what fails: see models/JUDGE.md for what slips through.
SUPPORTED_FROM = 0.9
# The prompt asks for no more, and a small model that goes on rambles: reading on costs seconds.
SENTENCES_READ = 3
# A shorter "sentence" is a fragment ("1.", "Yes.") that claims nothing a quote could carry.
FEWEST_CONTENT_WORDS = 3
_MARKER = re.compile(r"\s*[\[【(](?:statement\s*)?\d{1,2}(?:\s*,\s*\d{1,2})*[\]】)]", re.IGNORECASE)
_PREAMBLE = re.compile(
    r"^(?:(?:according to|based on) (?:the )?(?:given |provided )?statements?(?: \d+)?,"
    r"|the (?:answer|statements?)(?: to (?:this|the|your) question)? (?:is|says?):)\s*",
    re.IGNORECASE,
)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")


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
        support: how likely a quote carries the claim, 0..1; 1 when one says it word for word.
        carrier: the sentence that carries it; None when it failed.
        reason: why it failed.
    """

    support: float
    carrier: Candidate | None = None
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
    ) -> Iterator[tuple[Sentence, Candidate] | Dropped | None]:
        """What becomes of each sentence of a streamed draft, as soon as it ends.

        Markers the model wrote are dropped, and "according to the statements" before a sentence,
        and "yes" or "no", since no quote carries it: a model would agree with whatever a question
        assumes. A sentence that passes is
        cited by what carries it, which is given with it. Whenever the draft grows without a
        sentence ending, None is given, so that a caller can stop between two words.
        """
        read = 0
        said: list[list[str]] = []
        for complete in sentences_of_stream(draft):
            for raw in complete:
                read += 1
                text = _claim_of(raw)
                checked = self.check(text, evidence)
                if checked.carrier is None:
                    yield Dropped(text, checked.reason, checked.support)
                elif content_words(text) in said:
                    yield Dropped(text, "it repeats what was said before it", checked.support)
                else:
                    said.append(content_words(text))
                    carrier = checked.carrier
                    number = citations.cite(carrier.statement, carrier.start, carrier.end)
                    verdict: Verdict = "quoted" if text == carrier.text else "supported"
                    yield Sentence(text, (number,), verdict, checked.support), carrier
                if read == SENTENCES_READ:
                    return
            yield None

    def check(self, claim: str, evidence: Sequence[Candidate]) -> Checked:
        """Whether a sentence of the evidence carries a claim."""
        if declines(claim):
            return Checked(0.0, reason="it finds no answer in the statements")
        if len(content_words(claim)) < FEWEST_CONTENT_WORDS:
            return Checked(0.0, reason="it is too short to be checked")
        for candidate in evidence:
            if says_the_same(claim, candidate.text):
                return Checked(1.0, candidate)
        if not evidence:
            return Checked(0.0, reason="there is nothing to carry it")
        details = [disagreement(claim, each.text, each.statement.text) for each in evidence]
        overlaps = [overlap(claim, each.text) for each in evidence]
        # Why it fails is told of the quote that it is nearest to.
        reason = details[overlaps.index(max(overlaps))]
        agreeing = [
            each
            for each, detail in zip(evidence, details, strict=True)
            if not (detail and self._looks_at_details)
        ]
        if self._judge is None or not agreeing:
            return Checked(0.0, reason=reason or "no quote says it word for word")
        pairs = [(each.text, each.statement.text) for each in agreeing]
        probabilities = self._judge.probabilities(claim, pairs).tolist()
        support, best = max(zip(probabilities, agreeing, strict=True), key=lambda each: each[0])
        if support >= SUPPORTED_FROM:
            return Checked(support, best)
        missed = f"it does not follow from a quote ({support:.2f}, needed {SUPPORTED_FROM:.2f})"
        return Checked(support, reason=reason or missed)


def _claim_of(raw: str) -> str:
    """What a sentence of a draft claims, without markers and what is said before the claim."""
    text = _LIST_MARK.sub("", _MARKER.sub("", raw)).strip()
    claim = OPENING.sub("", _PREAMBLE.sub("", text))
    return text if claim == text else claim[:1].upper() + claim[1:]


def quote(candidate: Candidate, citations: Citations) -> Sentence:
    """A sentence of a statement, verbatim, under its own citation."""
    number = citations.cite(candidate.statement, candidate.start, candidate.end)
    return Sentence(candidate.text, (number,), "quoted", 1.0)


def declines(draft: str) -> bool:
    """Whether a model's draft says that the statements do not answer."""
    return NOT_ANSWERED.casefold() in draft.casefold()
