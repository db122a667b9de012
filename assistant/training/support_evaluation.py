"""Measuring the support judge: good sentences pass, wrong ones do not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.selection import Candidate, SentenceJudge
from assistant.statement import Statement
from assistant.training.judge_data import Example
from assistant.training.judge_evaluation import interval, platt
from assistant.training.question_sets import AskedQuestion, QuestionSet
from assistant.training.support_data import marked_sentences
from assistant.verification import Verifier
from assistant.words import split_sentences

THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
# Statements whose sentences are evidence beside those that answer.
READ = 3


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim as the assistant would check it.

    Attributes:
        is_good: whether it is a sentence of a good answer.
        is_verbatim: whether a quote says it word for word, so that no judge is asked.
        support: what the judge gives its best quotes; 0 where a detail disagrees.
        by_judge: the same without looking at details.
    """

    claim: str
    is_good: bool
    is_verbatim: bool
    support: float
    by_judge: float


def check_claims(questions: QuestionSet, judge: SentenceJudge) -> Iterator[CheckedClaim]:
    """Sentences of good answers and wrong answers, each checked against what was found."""
    with_details, without = Verifier(judge), Verifier(judge, looks_at_details=False)
    for question in questions.questions:
        evidence = _evidence(questions, question)
        good = [claim for claim, _ in marked_sentences(question.answer)]
        claims = [*((claim, True) for claim in good), *((claim, False) for claim in question.wrong)]
        for claim, is_good in claims if question.evidence else ():
            checked = with_details.check(claim, evidence)
            yield CheckedClaim(
                claim,
                is_good,
                is_verbatim=checked.support == 1.0,
                support=checked.support,
                by_judge=without.check(claim, evidence).support,
            )


def summary(claims: Sequence[CheckedClaim]) -> str:
    """What passes at each threshold, with 95 % intervals, as lines of text."""
    asked = [claim for claim in claims if not claim.is_verbatim]
    lines = [
        f"{len(claims)} claims; {len(claims) - len(asked)} word for word in a quote, "
        f"{sum(not claim.is_good for claim in claims if claim.is_verbatim)} of them wrong"
    ]
    for name in ("support", "by_judge"):
        values = np.array([getattr(claim, name) for claim in asked])
        good = np.array([claim.is_good for claim in asked])
        for threshold in THRESHOLDS:
            shares = []
            for passed in (values[good] >= threshold, values[~good] >= threshold):
                low, high = interval(len(passed), lambda drawn, p=passed: float(p[drawn].mean()))  # type: ignore[misc]
                shares.append(f"{passed.mean():.3f} [{low:.3f}, {high:.3f}]")
            what = "judge and details" if name == "support" else "judge alone"
            lines.append(
                f"{what}, from {threshold:.2f}: good passed {shares[0]}, wrong passed {shares[1]}"
            )
    return "\n".join(lines)


def calibrate_support(examples: Sequence[Example], judge: SentenceJudge) -> tuple[float, float]:
    """Slope and offset that turn the logits of an uncalibrated judge into those of probabilities.

    Args:
        examples: claims not trained on.
        judge: as trained.
    """
    scores: list[float] = []
    truth: list[bool] = []
    for example in examples:
        text = example.reading.passage
        pairs = [(text[start:end], text) for start, end in example.reading.spans]
        scores += judge.probabilities(example.reading.question, pairs).tolist()
        truth += example.answers
    return platt(scores, truth)


def _evidence(questions: QuestionSet, question: AskedQuestion) -> list[Candidate]:
    nearest = [each for each in questions.nearest(question) if each not in question.evidence]
    found = [*question.evidence, *nearest][: max(READ, len(question.evidence))]
    return [
        Candidate(Statement(identity, text, questions.name, 1), start, end, 1.0)
        for identity in found
        for text in [questions.statements[identity]]
        for start, end in split_sentences(text)
    ]
