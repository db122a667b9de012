"""What retrieval and answering return: hits, citations, sentences and the answer itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from math import exp, log, prod
from typing import Literal

from assistant.receipt import Receipt
from assistant.statement import JsonValue, Statement

ABSTENTION = "The corpus does not say."
Verdict = Literal["supported", "quoted"]


@dataclass(frozen=True, slots=True)
class Hit:
    """A statement found for a question.

    Attributes:
        statement: the statement.
        rank: its place in the result, from 1.
        score: 0..1, comparable between questions. From `search`, the fused relevance; in an
            answer, the probability that the statement answers, which abstention looks at.
        dense_score: cosine similarity of question and statement, clipped to 0..1.
        lexical_score: share of the question's term weight (BM25) that the statement holds, 0..1.
        dense_rank: its place by similarity alone, from 1, of the statements looked at.
        lexical_rank: its place by words alone; None where it shares none with the question.
    """

    statement: Statement
    rank: int
    score: float
    dense_score: float
    lexical_score: float
    dense_rank: int | None = None
    lexical_rank: int | None = None

    def to_dict(self) -> dict[str, JsonValue]:
        """The hit as plain JSON values."""
        return {
            "rank": self.rank,
            "score": round(self.score, 4),
            "dense_score": round(self.dense_score, 4),
            "lexical_score": round(self.lexical_score, 4),
            "dense_rank": self.dense_rank,
            "lexical_rank": self.lexical_rank,
            "statement": self.statement.to_dict(),
        }


# Logistic regressions of whether the corpus answers, on the dev questions: on the judge, and on
# the judge and the doubts of the language model that ships (found again by
# `python -m assistant.training measure-reading --fit`). By the judge alone the constant is 0.11
# less than the fit's, so that the default threshold answers 0.90 of the answerable questions; with
# the doubts it answers 0.91 and abstains from 0.85 of the near-misses.
CONSTANT, WEIGHT_OF_JUDGE = 1.14, 1.2
CONSTANT_WITH_DOUBT, WEIGHT_BESIDE_DOUBT = 2.46, 0.63
WEIGHT_OF_LEAST_DOUBT, WEIGHT_OF_NEXT_DOUBT = 0.38, 0.41
SUREST = 0.9999
LEAST_DOUBT = 0.005
"""What is less is not told apart."""


def confidence(hits: Iterable[Hit], doubts: Collection[float] = ()) -> float:
    """How likely it is that the corpus answers a question, 0..1.

    The judge says how likely some hit answers, were each independent of the others; put on the
    scale of the dev questions, with the doubts of the language model where it tells any.

    Args:
        hits: scored by the judge.
        doubts: how likely the language model found it of each statement that it read alone that
            it does not answer, 0..1. The two least count; of one, twice.
    """
    hits = tuple(hits)
    if not hits:
        return 0.0
    some = logit(1 - prod(1 - hit.score for hit in hits), 1 - SUREST)
    if doubts:
        least, following = least_two(doubts)
        log_odds = (
            CONSTANT_WITH_DOUBT
            + WEIGHT_BESIDE_DOUBT * some
            - WEIGHT_OF_LEAST_DOUBT * logit(least)
            - WEIGHT_OF_NEXT_DOUBT * logit(following)
        )
    else:
        log_odds = CONSTANT + WEIGHT_OF_JUDGE * some
    return 1 / (1 + exp(-log_odds))


def least_two(doubts: Collection[float]) -> tuple[float, float]:
    """The two least of some doubts; of one, it twice."""
    least, following = sorted([*doubts, *doubts] if len(doubts) == 1 else doubts)[:2]
    return least, following


def logit(probability: float, least: float = LEAST_DOUBT) -> float:
    """The logarithm of the odds; what is nearer to 0 or 1 than `least` counts as that."""
    probability = min(max(probability, least), 1 - least)
    return log(probability / (1 - probability))


@dataclass(frozen=True, slots=True)
class Citation:
    """An exact quote from a statement: `statement.text[start:end] == quote`, always.

    Attributes:
        number: the `[n]` that marks it in the answer's text, from 1 in reading order.
        start: first character of the quote in the statement's text.
        end: one past its last character.
    """

    number: int
    statement: Statement
    quote: str
    start: int
    end: int

    def to_dict(self) -> dict[str, JsonValue]:
        """The citation as plain JSON values."""
        return {
            "number": self.number,
            "quote": self.quote,
            "start": self.start,
            "end": self.end,
            "statement": self.statement.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer and what backs it.

    Attributes:
        text: the sentence without its markers.
        citations: numbers of the citations that support it; never empty when shown.
        verdict: `supported` (the model's words, checked), `quoted` (the corpus's own words).
        support: how much of the sentence its quotes carry, 0..1.
    """

    text: str
    citations: tuple[int, ...]
    verdict: Verdict
    support: float

    @property
    def marked_text(self) -> str:
        """The sentence followed by its `[n]` markers."""
        return self.text + "".join(f" [{number}]" for number in self.citations)

    def to_dict(self) -> dict[str, JsonValue]:
        """The sentence as plain JSON values."""
        return {
            "text": self.text,
            "citations": list(self.citations),
            "verdict": self.verdict,
            "support": round(self.support, 4),
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence the model wrote that is not shown.

    Attributes:
        text: the sentence without its markers.
        reason: why it was dropped.
        support: how likely a quote carries it, 0..1; 0 where that was not asked any more.
    """

    text: str
    reason: str
    support: float

    def to_dict(self) -> dict[str, JsonValue]:
        """The sentence as plain JSON values."""
        return {"text": self.text, "reason": self.reason, "support": round(self.support, 4)}


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer, or the statement that the corpus does not answer.

    Attributes:
        question: the question as it was asked.
        answered: False when the assistant abstains.
        text: the sentences with their `[n]` markers, or the words of the abstention.
        reason: why the assistant abstained; None when it answered.
        sentences: what is shown, in order, each with its citations.
        citations: numbered from 1 in reading order.
        hits: the statements that were found, best first, also when abstaining.
        model: the model that wrote the answer, or `quotes` when no model's words are shown.
        seconds: wall time from question to answer.
        searched_for: what was searched for: the question, or in a conversation what it is about.
        dropped: what the model wrote and is not shown, with the reasons.
        receipt: how the answer came about.
    """

    question: str
    answered: bool
    text: str
    reason: str | None
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    model: str
    seconds: float
    searched_for: str = ""
    dropped: tuple[Dropped, ...] = ()
    receipt: Receipt = field(default_factory=Receipt)

    @property
    def confidence(self) -> float:
        """How likely it is that some statement answers, 0..1: what abstention looks at."""
        return confidence(self.hits, self.receipt.doubts)

    def to_dict(self) -> dict[str, JsonValue]:
        """The answer as plain JSON values: what `assistant ask --json` prints."""
        return {
            "question": self.question,
            "answered": self.answered,
            "confidence": round(self.confidence, 4),
            "text": self.text,
            "reason": self.reason,
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "citations": [citation.to_dict() for citation in self.citations],
            "hits": [hit.to_dict() for hit in self.hits],
            "model": self.model,
            "seconds": round(self.seconds, 3),
            "searched_for": self.searched_for,
            "dropped": [sentence.to_dict() for sentence in self.dropped],
            "receipt": self.receipt.to_dict(),
        }

    def to_markdown(self) -> str:
        """The answer with its quotes, ids and verdicts, for export."""
        lines = [f"**{_escape(self.question)}**", "", _escape(self.text)]
        if self.citations:
            lines.append("")
        for citation in self.citations:
            statement = citation.statement
            verdicts = dict.fromkeys(
                sentence.verdict
                for sentence in self.sentences
                if citation.number in sentence.citations
            )
            lines.append(
                f"{citation.number}. > {_escape(citation.quote)}\n"
                f"   — {_escape(statement.source)}, line {statement.line} "
                f"({_escape(statement.id)}), {', '.join(verdicts)}"
            )
        if not self.answered and self.hits:
            lines += ["", "Nearest statements:", ""]
            lines += [f"- {_escape(hit.statement.text)}" for hit in self.hits[:3]]
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Text as one line of Markdown that shows it and does nothing else."""
    line = re.sub(r"[\\`*_<>\[\]#|!~&]", r"\\\g<0>", " ".join(text.split()))
    # What would open a list or underline a heading, at the start of a line only.
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", line)
