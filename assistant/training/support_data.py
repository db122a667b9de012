"""What the support checker learns from: claims beside evidence that carries them or does not."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.judge_network import Reading, Span
from assistant.training.corruption import corrupt, names_of
from assistant.training.judge_data import Example, tidy
from assistant.training.question_sets import AskedQuestion, QuestionSet
from assistant.words import split_sentences

ENTAILED = frozenset(("entailment", "SUPPORTS", "Fully attributable", "0"))
# Replies that claim nothing, and pairs that annotators did not agree on.
LEFT_OUT = frozenset(("Generic", "-", ""))
# Near-copies of each sentence that say something else; one true copy stands beside them.
CORRUPTIONS = 2
_MARKERS = re.compile(r"\s*\[(\d+)\]")

Labelled = tuple[str, str, str]
"""A claim, its evidence and the label of the source."""


def public_claims(folder: Path, seed: int) -> dict[str, list[Example]]:
    """Claims with evidence of each public source, shuffled, by the name of its folder.

    A source that is not there is left out.
    """
    readers: dict[str, Callable[[Path], Iterable[Labelled]]] = {
        "snli": _snli,
        "cf_snli": lambda path: _tables(path.glob("*.tsv"), "sentence2", "sentence1", "gold_label"),
        "scitail": _scitail,
        "negation_nli": lambda path: _tables(
            path.glob("*.txt"), "Hypothesis", "Text", "gold_label"
        ),
        "breaking_nli": _breaking_nli,
        "med": _med,
        "fm2": _fm2,
        "begin": lambda path: _tables(
            path.glob("begin_*.tsv"), "response", "knowledge", "begin_label"
        ),
    }
    examples: dict[str, list[Example]] = {}
    for name, read in readers.items():
        if not (folder / name).is_dir():
            continue
        examples[name] = [
            _example(tidy(claim), tidy(evidence), label in ENTAILED)
            for claim, evidence, label in read(folder / name)
            if claim and evidence and label not in LEFT_OUT
        ]
        random.Random(seed).shuffle(examples[name])  # noqa: S311
    return examples


def subject_claims(questions: QuestionSet) -> Iterator[Example]:
    """Sentences of good answers beside what they cite, and wrong answers beside the same.

    The other sentences of the statement cited do not carry the claim: they are judged too, and
    so is the nearest other statement, which often differs in one detail.
    """
    for question in questions.questions:
        evidence = [(identity, q) for identity, qs in question.evidence.items() for q in qs]
        if not evidence:
            continue
        for claim, numbers in marked_sentences(question.answer):
            cited = [question.cited_quotes[number - 1] for number in numbers]
            yield from _beside(questions, question, claim, cited, is_true=True)
        for claim in question.wrong:
            yield from _beside(questions, question, claim, evidence, is_true=False)


def corrupted_claims(questions: QuestionSet, seed: int) -> Iterator[Example]:
    """Every sentence of the statements as a claim, and near-copies that say something else."""
    chance = random.Random(seed)  # noqa: S311
    names = names_in(questions)
    for text in questions.statements.values():
        spans = tuple(split_sentences(text))
        own = [text[start:end] for start, end in spans]
        for place, sentence in enumerate(own):
            carried = tuple(each == place for each in range(len(spans)))
            yield Example(Reading(sentence, text, spans), carried, None)
            for claim in corrupt(sentence, own, names, CORRUPTIONS, chance):
                yield Example(Reading(claim, text, spans), (False,) * len(spans), None)


def names_in(questions: QuestionSet) -> frozenset[str]:
    """The names in the statements."""
    statements = questions.statements.values()
    return names_of(text[start:end] for text in statements for start, end in split_sentences(text))


def _beside(
    questions: QuestionSet,
    question: AskedQuestion,
    claim: str,
    cited: Sequence[tuple[str, str]],
    is_true: bool,
) -> Iterator[Example]:
    statements = dict.fromkeys(identity for identity, _ in cited)
    if len(cited) == 1:
        identity, quote = cited[0]
        text = questions.statements[identity]
        spans = tuple(split_sentences(text))
        start = text.index(quote)
        carries = tuple(is_true and s < start + len(quote) and start < e for s, e in spans)
        yield Example(Reading(claim, text, spans), carries, None)
    elif cited:
        joined = " ".join(quote for _, quote in cited)
        yield _example(claim, joined, is_true)
        if is_true:
            # One half does not carry the whole.
            for _, quote in cited:
                yield _example(claim, quote, False)
    if is_true:
        others = (each for each in questions.nearest(question) if each not in question.answering)
        other = next((each for each in others if each not in statements), None)
        if other is not None:
            spans = tuple(split_sentences(questions.statements[other]))
            reading = Reading(claim, questions.statements[other], spans)
            yield Example(reading, (False,) * len(spans), None)


def marked_sentences(answer: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The sentences of a good answer with the numbers of their markers."""
    for start, end in split_sentences(answer):
        sentence = answer[start:end]
        numbers = tuple(int(number) for number in _MARKERS.findall(sentence))
        if numbers:
            yield _MARKERS.sub("", sentence), numbers


def _example(claim: str, evidence: str, is_carried: bool) -> Example:
    span: Span = (0, len(evidence))
    return Example(Reading(claim, evidence, (span,)), (is_carried,), None)


def _snli(folder: Path) -> Iterator[Labelled]:
    for part in ("dev", "test"):
        premises, claims, labels = (
            (folder / f"{name}.{part}").read_text(encoding="utf-8").splitlines()
            for name in ("s1", "s2", "labels")
        )
        yield from zip(claims, premises, labels, strict=True)


def _scitail(folder: Path) -> Iterator[Labelled]:
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            premise, claim, label = line.split("\t")
            yield claim, premise, label


def _breaking_nli(folder: Path) -> Iterator[Labelled]:
    for row in _json_lines(folder / "dataset.jsonl"):
        yield row["sentence2"], row["sentence1"], row["gold_label"]


def _med(folder: Path) -> Iterator[Labelled]:
    for row in _rows(folder / "MED.tsv"):
        if "crowd" in row["genre"]:
            yield row["sentence2"], row["sentence1"], row["gold_label"]


def _fm2(folder: Path) -> Iterator[Labelled]:
    """The development part only: the other is for measuring."""
    for row in _json_lines(folder / "dev.jsonl"):
        evidence = " ".join(item["text"] for item in row["gold_evidence"])
        yield row["text"], f"{row['wikipedia_page']}: {evidence}", row["label"]


def _tables(paths: Iterable[Path], claim: str, evidence: str, label: str) -> Iterator[Labelled]:
    for path in sorted(paths):
        for row in _rows(path):
            yield row[claim], row[evidence], row[label]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        # The quote signs in these files are text, not CSV quoting.
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def _json_lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())
