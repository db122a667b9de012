"""Follow-ups: is what the assistant searches for closer to what a person would have asked?

The data is `follow_ups.jsonl`: `question`, `history` (pairs of a question and an answer) and
`rewrite`, the question as a person rewrote it to stand alone, as `python -m evals convert
trec_cast` writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.conversation import search_text, topic_words
from assistant.embedder import Embedder
from assistant.words import content_words
from evals.dataset import read_history
from evals.errors import EvalsError
from evals.results import Record
from evals.rows import read_rows

OWN, ALONE, BOTH = "assistant", "question alone", "led by the one before"
METRICS = ("similarity", "words recovered")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question in a conversation, and as it would be asked outside of it."""

    id: str
    question: str
    history: tuple[tuple[str, str], ...]
    rewrite: str


def read_follow_ups(path: Path, split: str | None) -> tuple[FollowUp, ...]:
    """The follow-ups of a file, all or those of one split.

    Raises:
        EvalsError: a row is malformed, or there is none in the split.
    """
    found: list[FollowUp] = []
    for row in read_rows(path):
        history = read_history(row, row.values)
        if not history:
            raise row.error('expected at least one [question, answer] pair under "history"')
        if split in (None, row.values.get("split")):
            found.append(
                FollowUp(str(row.line), row.text("question"), history, row.text("rewrite"))
            )
    if not found:
        raise EvalsError(f'{path}: no follow-up in the split "{split}"')
    return tuple(found)


def records(follow_ups: Sequence[FollowUp], embedder: Embedder) -> tuple[Record, ...]:
    """Each follow-up searched for in three ways, against its rewrite.

    `similarity` is the cosine of the two texts; `words recovered` the share of the content words
    that the rewriter added.
    """
    searched = {
        OWN: [search_text(each.question, each.history) for each in follow_ups],
        ALONE: [each.question for each in follow_ups],
        BOTH: [f"{each.history[-1][0]} {each.question}" for each in follow_ups],
    }
    rewrites = embedder.embed_statements([each.rewrite for each in follow_ups])
    similarities = {
        way: (embedder.embed_statements(texts) * rewrites).sum(axis=1)
        for way, texts in searched.items()
    }
    found: list[Record] = []
    for place, each in enumerate(follow_ups):
        values = {}
        for way, texts in searched.items():
            values[way] = {"similarity": float(similarities[way][place])}
            added = set(content_words(" ".join(topic_words(each.rewrite))))
            added -= set(content_words(each.question))
            if added:
                recovered = added & set(content_words(texts[place]))
                values[way]["words recovered"] = len(recovered) / len(added)
        shown = {way: texts[place] for way, texts in searched.items()}
        found.append(Record(each.id, "follow_up", each.question, values, shown))
    return tuple(found)
