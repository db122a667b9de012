"""QED (Lamm et al., 2020; text CC BY-SA 3.0): real search questions and the answering sentence.

Each sentence of each paragraph is a statement. Questions without a single answering sentence are
left out; their paragraphs stay as distractors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, cast

from evals.matching import says
from evals.public.question_set import Asked, Passage, split_by_name, write_question_set
from evals.rows import Row, read_rows


class _Text(TypedDict):
    string: str


class _Span(_Text):
    start: int
    end: int


class _Answer(TypedDict):
    paragraph_reference: _Text


class _Annotation(TypedDict, total=False):
    explanation_type: str
    selected_sentence: _Span
    answer: list[_Answer]


class _Example(TypedDict):
    example_id: int
    title_text: str
    question_text: str
    paragraph_text: str
    sentence_starts: list[int]
    original_nq_answers: list[list[_Text]]
    annotation: _Annotation


def convert(source: Path, folder: Path) -> str:
    """Write the paragraphs as one corpus of sentences, split into dev and test by page.

    Raises:
        EvalsError: the data is not QED's.
    """
    examples = [(row, _example(row)) for row in read_rows(source / "qed-dev.jsonlines")]
    splits = split_by_name(example["title_text"] for _, example in examples)
    names: dict[str, str] = {}
    passages: list[Passage] = []
    asked: list[Asked] = []
    for row, example in examples:
        paragraph = example["paragraph_text"]
        if paragraph not in names:
            names[paragraph] = f"paragraph-{len(names) + 1:04}"
            passages += _sentences(example, names[paragraph])
        try:
            question = _question(example, names[paragraph], splits[example["title_text"]])
        except (KeyError, TypeError, ValueError) as error:
            raise row.error(f"is not QED's annotation ({error!r})") from error
        if question:
            asked.append(question)
    return write_question_set(folder, passages, asked)


def _example(row: Row) -> _Example:
    missing = _Example.__required_keys__ - row.values.keys()
    if missing:
        raise row.error(f'expected QED\'s keys, "{min(missing)}" is missing')
    return cast(_Example, row.values)


def _sentences(example: _Example, name: str) -> list[Passage]:
    """The sentences of a paragraph as statements; empty ones are left out."""
    starts = example["sentence_starts"]
    ends = [*starts[1:], len(example["paragraph_text"])]
    sentences = [
        example["paragraph_text"][start:end].strip()
        for start, end in zip(starts, ends, strict=True)
    ]
    return [
        Passage(f"{name}-{place}", example["title_text"], sentence)
        for place, sentence in enumerate(sentences, start=1)
        if sentence
    ]


def _question(example: _Example, name: str, split: str) -> Asked | None:
    """The question with its sentence and facts; None where no single sentence answers it."""
    annotation = example["annotation"]
    if annotation["explanation_type"] != "single_sentence":
        return None
    selected = annotation["selected_sentence"]
    if selected["start"] not in example["sentence_starts"]:
        return None
    place = example["sentence_starts"].index(selected["start"]) + 1
    sentence = selected["string"].strip()
    # Annotators of the source data gave other wordings of the answers; what overlaps is one fact.
    wordings = [span["string"] for spans in example["original_nq_answers"] for span in spans]
    facts: list[tuple[str, ...]] = []
    for answer in annotation["answer"]:
        stated = answer["paragraph_reference"]["string"]
        others = [
            wording for wording in wordings if says(stated, [wording]) or says(wording, [stated])
        ]
        said = tuple(
            wording for wording in dict.fromkeys([stated, *others]) if says(sentence, [wording])
        )
        if said:
            facts.append(said)
    if not facts:
        return None
    # Only a sentence that is wholly the statement's is evidence; some annotations reach further.
    starts = [*example["sentence_starts"], len(example["paragraph_text"])]
    if sentence != example["paragraph_text"][starts[place - 1] : starts[place]].strip():
        return None
    question = f"{example['question_text'].strip()}?"
    evidence = ((f"{name}-{place}", sentence),)
    identifier = f"qed-{example['example_id']}"
    return Asked(identifier, question, "direct", split, tuple(facts), evidence)
