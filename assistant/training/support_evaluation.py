"""Measuring the support judge: good sentences pass, wrong ones and slips do not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from assistant.selection import Candidate, SentenceJudge
from assistant.statement import Statement
from assistant.training.corruption import corrupt
from assistant.training.figures import interval, platt
from assistant.training.judge_data import Example
from assistant.training.question_sets import AskedQuestion, QuestionSet
from assistant.training.support_data import marked_sentences, names_in
from assistant.verification import Verifier
from assistant.words import split_sentences

ClaimKind = Literal["good", "wrong", "slip"]
KINDS: tuple[ClaimKind, ...] = get_args(ClaimKind)
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
# Statements whose sentences are evidence beside those that answer.
READ = 3


@dataclass(frozen=True, slots=True)
class CheckedClaim:
    """A claim as the assistant would check it.

    Attributes:
        kind: a sentence of a good answer, a wrong answer as it was written, or a good sentence
            with one slip (see `corruption`).
        is_verbatim: whether a quote says it word for word, so that no judge is asked.
        support: what the judge gives its best quotes; 0 where a detail disagrees.
        by_judge: the same without looking at details.
    """

    claim: str
    kind: ClaimKind
    is_verbatim: bool
    support: float
    by_judge: float


def check_claims(questions: QuestionSet, judge: SentenceJudge, seed: int) -> Iterator[CheckedClaim]:
    """Claims about each answerable question, checked against what was found for it.

    Args:
        questions: with good and wrong answers.
        judge: of support.
        seed: of the slips.
    """
    with_details, without = Verifier(judge), Verifier(judge, looks_at_details=False)
    chance = random.Random(seed)  # noqa: S311
    names = names_in(questions)
    for question in questions.questions:
        if not question.evidence:
            continue
        evidence = _evidence(questions, question)
        good = [claim for claim, _ in marked_sentences(question.answer)]
        slips = [slip for claim in good for slip in corrupt(claim, (), names, 1, chance)]
        claims: dict[ClaimKind, Sequence[str]] = {
            "good": good,
            "wrong": question.wrong,
            "slip": slips,
        }
        for kind, texts in claims.items():
            for claim in texts:
                found = with_details.check(claim, evidence)
                by_judge = without.check(claim, evidence).support
                is_verbatim = found.support == 1.0
                yield CheckedClaim(claim, kind, is_verbatim, found.support, by_judge)


def summary(claims: Sequence[CheckedClaim]) -> str:
    """What passes at each threshold, with 95 % intervals, as lines of text."""
    asked = [claim for claim in claims if not claim.is_verbatim]
    verbatim = Counter(claim.kind for claim in claims if claim.is_verbatim)
    lines = [f"{len(asked)} claims, and word for word in a quote: {dict(verbatim)}"]
    for name in ("support", "by_judge"):
        for threshold in THRESHOLDS:
            shares = []
            for kind in KINDS:
                passed = np.array(
                    [getattr(each, name) >= threshold for each in asked if each.kind == kind]
                )
                low, high = interval(len(passed), lambda drawn, p=passed: float(p[drawn].mean()))  # type: ignore[misc]
                shares.append(f"{kind} {passed.mean():.3f} [{low:.3f}, {high:.3f}]")
            what = "judge and details" if name == "support" else "judge alone"
            lines.append(f"{what}, from {threshold:.2f}, passed: {', '.join(shares)}")
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
