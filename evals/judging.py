"""One reply against what was expected: the metrics of answering, per question.

A metric is absent for a question it does not apply to (there is nothing to cite where the corpus
is silent); its mean is over the questions it applies to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from assistant.answer import Answer
from assistant.statement import JsonValue
from evals.dataset import Expected, Question
from evals.matching import says, without_markers
from evals.overlap import carries

# "In about the length of a statement", in characters without the markers; the second where two
# or more statements have to be cited.
LONGEST_ANSWER = 420
LONGEST_ANSWER_OVER_SEVERAL = 640
NEAR_MISS = "near_miss"


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the tables.

    Attributes:
        meaning: what it is, in a phrase; the unit is a share 0..1 unless it says otherwise.
    """

    name: str
    meaning: str
    lower_is_better: bool = False


METRICS = (
    Metric(
        "right",
        "correct, in about the length of a statement (420 characters; 640 where two are needed), "
        "at least half of what it cites relevant; or abstained where the corpus is silent",
    ),
    Metric("correct", "of the answerable: every required fact is in the shown text"),
    Metric("cited", "of the answerable: a statement of every required group is cited"),
    Metric("correct_and_cited", "of the answerable: both of the above"),
    Metric(
        "citation_precision", "of the answerable that were answered: share cited that is graded"
    ),
    Metric("citation_recall", "of the answerable that were answered: share of the groups cited"),
    Metric(
        "supported",
        "of what was answered: share of shown sentences whose quotes are exact slices and hold "
        "their words, numbers and negation (plain word check, independent of the assistant's)",
    ),
    Metric("answered", "of the answerable: answered at all"),
    Metric("abstention_precision", "of the abstentions: the corpus is silent"),
    Metric("abstention_recall", "of the unanswerable: abstained"),
    Metric("near_miss_abstained", "of the near misses: abstained"),
    Metric("seconds_to_evidence", "seconds until the statements are found", True),
    Metric("seconds_to_first_piece", "seconds until the first words, where there are any", True),
    Metric("seconds", "seconds until the answer is complete", True),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A sentence as it was shown.

    Attributes:
        quotes: what it cites, as text.
        exact: every quote is the slice of its statement that its citation claims.
    """

    text: str
    quotes: tuple[str, ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """What a system replied to a question, in the shape that all systems share.

    Attributes:
        answered: False when it abstained.
        cited: ids of the cited statements, each once, in reading order.
        confidence: what abstention looks at, 0..1.
        seconds_to_evidence: None for a system that shows no evidence first.
        seconds_to_first_piece: None when nothing was streamed.
        model: what wrote it.
    """

    answered: bool
    text: str
    cited: tuple[str, ...]
    sentences: tuple[Shown, ...]
    confidence: float
    seconds_to_evidence: float | None
    seconds_to_first_piece: float | None
    seconds: float
    model: str

    def to_dict(self) -> dict[str, JsonValue]:
        """The reply as plain JSON values."""
        return asdict(self)


def reply_from_answer(
    answer: Answer,
    texts: Mapping[str, str],
    seconds_to_evidence: float,
    seconds_to_first_piece: float | None,
    seconds: float,
) -> Reply:
    """The assistant's answer as a reply.

    Args:
        answer: what the assistant's stream ended with.
        texts: statement id -> text of the question set; quotes are checked against these, not
            against what the answer carries.
        seconds_to_evidence: wall time of the search alone.
        seconds_to_first_piece: wall time until the first piece of text, if any was streamed.
        seconds: wall time until the answer was complete.
    """
    citations = {citation.number: citation for citation in answer.citations}
    exact = {
        number: bool(citation.quote)
        and texts.get(citation.statement.id, "")[citation.start : citation.end] == citation.quote
        for number, citation in citations.items()
    }
    sentences = tuple(
        Shown(
            sentence.text,
            tuple(citations[number].quote for number in sentence.citations if number in citations),
            all(exact.get(number, False) for number in sentence.citations),
        )
        for sentence in answer.sentences
    )
    return Reply(
        answered=answer.answered,
        text=answer.text,
        cited=tuple(dict.fromkeys(citation.statement.id for citation in answer.citations)),
        sentences=sentences,
        confidence=answer.confidence,
        seconds_to_evidence=seconds_to_evidence,
        seconds_to_first_piece=seconds_to_first_piece,
        seconds=seconds,
        model=answer.model,
    )


def judge(question: Question, expected: Expected, reply: Reply) -> dict[str, float]:
    """The value of every metric of `METRICS` that applies to this question and reply."""
    values = _judge_answer(question, expected, reply)
    values["right"] = float(is_right(question, expected, reply))
    if reply.answered:
        shown = [
            sentence.exact and carries(" ".join(sentence.quotes), sentence.text)
            for sentence in reply.sentences
        ]
        values["supported"] = sum(shown) / len(shown) if shown else 0.0
    else:
        values["abstention_precision"] = float(not expected.answerable)
    if not expected.answerable:
        values["abstention_recall"] = float(not reply.answered)
        if question.kind == NEAR_MISS:
            values["near_miss_abstained"] = float(not reply.answered)
    values["seconds"] = reply.seconds
    if reply.seconds_to_evidence is not None:
        values["seconds_to_evidence"] = reply.seconds_to_evidence
    if reply.seconds_to_first_piece is not None:
        values["seconds_to_first_piece"] = reply.seconds_to_first_piece
    return values


def is_right(question: Question, expected: Expected, reply: Reply) -> bool:
    """Whether a reply is a right one, which is the goal of the whole assistant.

    An answer is right when it is correct, at most 420 characters long without markers (640 where
    two or more statements have to be cited), and at least half of the statements it cites are
    graded 1 or more; one that cites nothing is not. Abstaining is right where the corpus is
    silent, and only there.
    """
    if not expected.answerable or not reply.answered:
        return not expected.answerable and not reply.answered
    longest = LONGEST_ANSWER_OVER_SEVERAL if len(expected.cite) >= 2 else LONGEST_ANSWER
    return (
        is_correct(expected, reply)
        and len(without_markers(reply.text)) <= longest
        and citation_precision(question, reply) >= 0.5
    )


def is_correct(expected: Expected, reply: Reply) -> bool:
    """Every required fact is in the shown text, in one of its wordings."""
    text = without_markers(reply.text)
    return reply.answered and all(says(text, alternatives) for alternatives in expected.facts)


def citation_precision(question: Question, reply: Reply) -> float:
    """Share of the cited statements that are graded 1 or more; 0 when nothing is cited."""
    relevant = [question.relevant.get(identifier, 0) >= 1 for identifier in reply.cited]
    return sum(relevant) / len(relevant) if relevant else 0.0


def citation_recall(expected: Expected, reply: Reply) -> float:
    """Share of the required groups of statements of which one is cited."""
    met = [bool(set(group) & set(reply.cited)) for group in expected.cite]
    return sum(met) / len(met) if met else 0.0


def _judge_answer(question: Question, expected: Expected, reply: Reply) -> dict[str, float]:
    """The metrics of answerable questions; none where the corpus is silent."""
    if not expected.answerable:
        return {}
    correct = is_correct(expected, reply)
    cited = reply.answered and citation_recall(expected, reply) == 1.0
    values = {
        "answered": float(reply.answered),
        "correct": float(correct),
        "cited": float(cited),
        "correct_and_cited": float(correct and cited),
    }
    if reply.answered:
        values["citation_precision"] = citation_precision(question, reply)
        values["citation_recall"] = citation_recall(expected, reply)
    return values
