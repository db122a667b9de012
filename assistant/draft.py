"""An answer in the making: what was asked and found, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from langchain_core.messages import BaseMessage

from assistant.answer import Dropped, Hit, Sentence, confidence
from assistant.conversation import Turn
from assistant.judge import passage_around
from assistant.receipt import ReadSentence, ReadStatement, at_least
from assistant.selection import (
    READ_WITHIN,
    Candidate,
    Ranked,
    rank_by_answer,
    rank_statements,
)
from assistant.verification import Citations


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question with what was searched for, what was found, and when that began and ended."""

    question: str
    history: tuple[Turn, ...]
    searched_for: str
    hits: tuple[Hit, ...]
    started: float
    found: float


@dataclass(slots=True)
class Draft:
    """An answer in the making."""

    inquiry: Inquiry
    candidates: tuple[Candidate, ...] = ()
    judged: float = 0.0
    doubts: dict[str, float] = field(default_factory=dict)
    silence: float | None = None
    read: float = 0.0
    evidence: tuple[Candidate, ...] = ()
    prompt: Sequence[BaseMessage] = ()
    text: str = ""
    sentences: list[Sentence] = field(default_factory=list)
    carried: list[Candidate] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    citations: Citations = field(default_factory=Citations)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """What was found, ranked by what likely answers."""
        return rank_by_answer(self.inquiry.hits, self.candidates)

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The statements found, likeliest to answer first by all that is known so far."""
        return rank_statements(self.inquiry.hits, self.candidates, self.doubts)

    @property
    def doubt(self) -> float | None:
        """The least doubt that the corpus answers; None where nobody told any."""
        return min(self._doubts, default=None)

    @property
    def confidence(self) -> float:
        """How likely it is, by all that is known so far, that the corpus answers, 0..1."""
        return confidence(self.hits, self._doubts)

    @property
    def _doubts(self) -> tuple[float, ...]:
        """The reader's; what the silence of the model that writes counts for, each is at least."""
        told = self.doubts.values()
        return tuple(told) if self.silence is None else at_least(self.silence, told)

    @property
    def is_in_own_words(self) -> bool:
        """Whether the model put it in other words and all of them passed: it chose what to say."""
        # What a quote says word for word has a support of 1.
        return not self.dropped and any(sentence.support < 1 for sentence in self.sentences)

    def add(self, sentence: Sentence) -> str:
        """Take a sentence in; returns it as it continues the text."""
        self.sentences.append(sentence)
        return f" {sentence.marked_text}" if len(self.sentences) > 1 else sentence.marked_text

    def read_of(self, hit: Hit) -> ReadStatement:
        """What the receipt tells of a statement found."""
        own = sorted(
            (each for each in self.candidates if each.statement.id == hit.statement.id),
            key=lambda candidate: candidate.start,
        )
        sentences = (
            ReadSentence(each.start, each.end, each.probability, each in self.evidence)
            for each in own
        )
        return ReadStatement(
            hit.statement,
            hit.dense_rank,
            hit.lexical_rank,
            hit.rank,
            hit.score,
            tuple(sentences),
            self.doubts.get(hit.statement.id),
        )


def passages_to_read(hits: Sequence[Hit], candidates: Sequence[Candidate]) -> dict[str, str]:
    """Statement id -> what a language model is to read of it, likeliest first.

    Statements that are far less likely than the likeliest are left out; of a long one it is what
    stands around its likeliest sentence.

    Args:
        hits: as retrieval ranked them.
        candidates: their sentences, judged, likeliest first.
    """
    ranked = rank_statements(hits, candidates, {})
    least = ranked[0].log_odds - READ_WITHIN
    worth_reading = [each.statement for each in ranked if each.log_odds >= least]
    likeliest = {each.statement.id: each.text for each in reversed(candidates)}
    return {
        statement.id: passage_around(likeliest[statement.id], statement.text)[0]
        for statement in worth_reading
    }
