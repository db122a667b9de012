"""The receipt of an answer: what was searched, read, asked and dropped on the way to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from assistant.statement import JsonValue, Statement


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence of a statement found, `statement.text[start:end]`.

    Attributes:
        probability: that it answers the question, 0..1, as the judge sees it.
        selected: whether it was evidence: given to the language model, and quoted where that
            did not say it.
    """

    start: int
    end: int
    probability: float
    selected: bool


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement that was found and read, with its place in each ranking, from 1.

    Attributes:
        dense_rank: by similarity alone.
        lexical_rank: by words alone; None where it shares none with the question.
        fused_rank: by both, as retrieval ranked it.
        fused_score: what it was ranked by, 0..1.
        doubt: how likely the reader, reading it alone, found it that it does not answer, 0..1;
            None where it was not asked.
    """

    statement: Statement
    dense_rank: int | None
    lexical_rank: int | None
    fused_rank: int
    fused_score: float
    sentences: tuple[ReadSentence, ...]
    doubt: float | None = None

    def to_dict(self) -> dict[str, JsonValue]:
        """The statement's part of the receipt as plain JSON values."""
        return {
            "id": self.statement.id,
            "dense_rank": self.dense_rank,
            "lexical_rank": self.lexical_rank,
            "fused_rank": self.fused_rank,
            "fused_score": round(self.fused_score, 4),
            "doubt": _rounded(self.doubt),
            "sentences": [
                {
                    "start": each.start,
                    "end": each.end,
                    "probability": round(each.probability, 4),
                    "selected": each.selected,
                }
                for each in self.sentences
            ],
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """How an answer came about, to the last word.

    Attributes:
        read: the statements found, in the order of retrieval.
        needed: the confidence it had to reach.
        prompt: (role, text) of each message the language model was sent; empty where none was.
        draft: what it wrote, as far as it was read.
        doubt: the least of the reader's doubts, 0..1, or where the language model was silent at
            least what that counts for; None where neither told any.
        timings: seconds by stage: `search`, `judge`, `read` (statements alone), `write` (and
            check).
        fingerprints: of the `index`, the `embedder`, the `judge`, the `reader` and the `model`.
    """

    read: tuple[ReadStatement, ...] = ()
    needed: float = 0.0
    prompt: tuple[tuple[str, str], ...] = ()
    draft: str = ""
    doubt: float | None = None
    timings: Mapping[str, float] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def doubts(self) -> tuple[float, ...]:
        """What was doubted, statement by statement or at all, each at least the least of all."""
        if self.doubt is None:
            return ()
        told = (each.doubt for each in self.read if each.doubt is not None)
        return at_least(self.doubt, told)

    def to_dict(self) -> dict[str, JsonValue]:
        """The receipt as plain JSON values."""
        return {
            "read": [each.to_dict() for each in self.read],
            "needed": self.needed,
            "prompt": [{"role": role, "content": text} for role, text in self.prompt],
            "draft": self.draft,
            "doubt": _rounded(self.doubt),
            "timings": {stage: round(seconds, 4) for stage, seconds in self.timings.items()},
            "fingerprints": dict(self.fingerprints),
        }


def at_least(least: float, doubts: Iterable[float]) -> tuple[float, ...]:
    """Doubts, each raised to the least; of none, that alone."""
    return tuple(max(doubt, least) for doubt in doubts) or (least,)


def _rounded(doubt: float | None) -> float | None:
    return None if doubt is None else round(doubt, 4)
