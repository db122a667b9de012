"""What the judge learns from: questions beside passages, each sentence marked answering or not."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zlib import crc32

from assistant.judge_network import Reading, Span
from assistant.training.question_sets import AskedQuestion, QuestionSet
from assistant.words import content_words, split_sentences

# A passage in the size of a statement: what the judge will read.
PASSAGE_CHARACTERS = 420
QAMR_QUESTIONS_A_SENTENCE = 2
SHORTEST_MISSPELT = 5
# Statements a question is compared with, beside the nearest; more where a set is one dispute, whose
# statements overlap.
NEIGHBOURS = 3
FOUND_OF_A_DISPUTE = 6
HELD_OUT_EVERY = 4


@dataclass(frozen=True, slots=True)
class Example:
    """A reading with the truth about each of its spans.

    Attributes:
        answers: whether each span answers the question.
        answer: the characters of the answer in the passage; (0, 0) where it is not in it, None
            where the source does not say.
        weight: how much it counts.
    """

    reading: Reading
    answers: tuple[bool, ...]
    answer: Span | None
    weight: float = 1.0


def public_examples(folder: Path, seed: int) -> dict[str, list[Example]]:
    """Examples of each public source, shuffled, by the name of its folder.

    A source that is not there is left out; the card of the judges says what each one is.
    """
    readers: dict[str, Callable[[Path, random.Random], Iterator[Example]]] = {
        "squad2_dev/dev-v2.0.json": _squad,
        "xquad_en/xquad.en.json": _squad,
        "nqg_squad/src-test.txt": _sentences_and_questions,
        "selqa/selqa-ass-dev.json": _selected_sentences,
        "selqa/selqa-ass-test.json": _selected_sentences,
        "qamr/dev.tsv": _questions_on_sentences,
        "qamr/test.tsv": _questions_on_sentences,
    }
    examples: dict[str, list[Example]] = {}
    for name, read in readers.items():
        if (folder / name).is_file():
            found = list(read(folder / name, random.Random(seed)))  # noqa: S311
            examples.setdefault(Path(name).parent.name, []).extend(found)
    for found in examples.values():
        random.Random(seed).shuffle(found)  # noqa: S311
    return examples


def subject_examples(sets: Iterable[QuestionSet], seed: int, share: float = 1.0) -> list[Example]:
    """Examples from question sets: the evidence and the statements found beside it.

    Near-misses count double: they are what similarity cannot tell apart.

    Args:
        sets: statements and questions.
        seed: draws the questions.
        share: of the questions, 0..1; of a set that is one dispute all are taken.
    """
    chance = random.Random(seed)  # noqa: S311
    return [
        example
        for questions in sets
        for question in questions.questions
        if questions.is_dispute or chance.random() < share
        for example in _question_examples(question, questions)
    ]


def misspelt(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """The examples, some with a slip of the fingers or two in the question."""
    chance = random.Random(seed)  # noqa: S311
    return [
        replace(example, reading=replace(example.reading, question=_slip(question, chance)))
        if chance.random() < share
        else example
        for example in examples
        for question in [example.reading.question]
    ]


def _slip(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= SHORTEST_MISSPELT]
    for place in chance.sample(long, min(len(long), chance.randint(1, 2))):
        word = words[place]
        at = chance.randrange(1, len(word) - 2)
        # Two letters change places, or one is left out.
        middle = word[at + 1] + word[at] if chance.random() < 0.5 else word[at + 1]
        words[place] = word[:at] + middle + word[at + 2 :]
    return " ".join(words)


def _question_examples(question: AskedQuestion, questions: QuestionSet) -> Iterator[Example]:
    """A question beside each statement that answers it and those found that say nothing of it."""
    most = FOUND_OF_A_DISPUTE if questions.is_dispute else NEIGHBOURS + 1
    found = questions.found(question)[:most]
    near = [identity for identity, _ in found if not question.grades.get(identity)]
    weight = 2.0 if question.kind == "near_miss" else 1.0
    for identity in [*question.evidence, *near]:
        text = questions.statements[identity]
        quotes = question.evidence.get(identity, ())
        evidence = [(text.index(quote), text.index(quote) + len(quote)) for quote in quotes]
        spans = tuple(split_sentences(text))
        answers = tuple(any(s < end and start < e for s, e in evidence) for start, end in spans)
        answer = _find_fact(text, evidence, question.facts) if evidence else (0, 0)
        yield Example(Reading(question.asked, text, spans), answers, answer, weight)


def _find_fact(text: str, evidence: Sequence[Span], facts: Sequence[Sequence[str]]) -> Span | None:
    """Where the one fact that is asked for stands; None where several are."""
    if len(facts) != 1:
        return None
    for alternative in facts[0]:
        for start, end in evidence:
            place = text.casefold().find(alternative.casefold(), start, end)
            if place >= 0:
                return place, place + len(alternative)
    return None


def _squad(path: Path, chance: random.Random) -> Iterator[Example]:
    """The answer in its passage; the nearest passage elsewhere; an impossible question's nearest.

    A paragraph is cut into passages of whole sentences, at a random place.
    """
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        if is_held_out(article["title"]):
            continue
        paragraphs = [
            [paragraph["context"][start:end] for start, end in spans]
            for paragraph in article["paragraphs"]
            for spans in [cut_passages(paragraph["context"], chance)]
        ]
        words = [[set(content_words(text)) for text in texts] for texts in paragraphs]
        for number, paragraph in enumerate(article["paragraphs"]):
            for item in paragraph["qas"]:
                asked = set(content_words(item["question"]))
                own = most_alike(asked, words[number])
                if item.get("is_impossible"):
                    yield _without_answer(item["question"], paragraphs[number][own])
                    continue
                yield from _with_answer(item, paragraph["context"], paragraphs[number])
                elsewhere = [
                    (place, passage)
                    for place in range(len(paragraphs))
                    for passage in range(len(paragraphs[place]))
                    if place != number
                ]
                nearest = most_alike(asked, [words[p][q] for p, q in elsewhere])
                place, passage = elsewhere[nearest]
                yield _without_answer(item["question"], paragraphs[place][passage])


def is_held_out(title: str) -> bool:
    """Whether an article of SQuAD is never trained on: a quarter of them, for measuring."""
    return crc32(title.encode()) % HELD_OUT_EVERY == 0


def _with_answer(item: Any, context: str, passages: Sequence[str]) -> Iterator[Example]:
    start = item["answers"][0]["answer_start"]
    end = start + len(item["answers"][0]["text"])
    for text in passages:
        first = context.index(text)
        if first <= start and end <= first + len(text):
            spans = tuple(split_sentences(text))
            answer = (start - first, end - first)
            answers = tuple(s < answer[1] and answer[0] < e for s, e in spans)
            yield Example(Reading(item["question"], text, spans), answers, answer)


def _without_answer(question: str, text: str) -> Example:
    spans = tuple(split_sentences(text))
    return Example(Reading(question, text, spans), (False,) * len(spans), (0, 0))


def _sentences_and_questions(path: Path, chance: random.Random) -> Iterator[Example]:
    """Sentences of SQuAD's training set, with the sentences that stand beside them there."""
    sources = [tidy(line) for line in path.read_text(encoding="utf-8").splitlines()]
    asked = path.with_name("tgt-test.txt").read_text(encoding="utf-8").splitlines()
    sentences = list(dict.fromkeys(sources))
    place = {sentence: number for number, sentence in enumerate(sentences)}
    for source, question in zip(sources, asked, strict=True):
        first = max(0, place[source] - chance.randrange(3))
        shown = sentences[first : first + 3]
        yield _of_sentences(tidy(question), shown, [sentence == source for sentence in shown])


def _selected_sentences(path: Path, chance: random.Random) -> Iterator[Example]:
    """A section of Wikipedia, three sentences at a time: one that answers and one that is near."""
    for item in json.loads(path.read_text(encoding="utf-8")):
        candidates = item["candidates"]
        asked = set(content_words(item["question"]))
        groups = [
            list(range(first, min(first + 3, len(candidates))))
            for first in range(-chance.randrange(3), len(candidates), 3)
        ]
        groups = [[n for n in group if n >= 0] for group in groups]
        answering = [g for g in groups if g and set(g) & set(item["answers"])]
        others = [g for g in groups if g and not set(g) & set(item["answers"])]
        if others:
            texts = [" ".join(candidates[n] for n in group) for group in others]
            nearest = most_alike(asked, [set(content_words(text)) for text in texts])
            answering.append(others[nearest])
        for group in answering:
            shown = [candidates[n] for n in group]
            yield _of_sentences(item["question"], shown, [n in item["answers"] for n in group])


def _questions_on_sentences(path: Path, chance: random.Random) -> Iterator[Example]:
    """Questions about one sentence, beside other sentences of its article where there are any."""
    lines = path.with_name("wiki-sentences.tsv").read_text(encoding="utf-8").splitlines()
    texts = {key: tidy(text) for key, text in (line.split("\t", 1) for line in lines)}
    questions: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        questions.setdefault(fields[0], []).append(fields[5])
    articles: dict[str, list[str]] = {}
    for key in questions:
        articles.setdefault(key.rsplit(":", 2)[0], []).append(key)
    for key, asked in questions.items():
        article = articles[key.rsplit(":", 2)[0]]
        for question in chance.sample(asked, min(QAMR_QUESTIONS_A_SENTENCE, len(asked))):
            others = [other for other in article if other != key]
            shown = [key, *chance.sample(others, min(2, len(others)))]
            chance.shuffle(shown)
            spoken = [_text_of(texts, other) for other in shown]
            yield _of_sentences(question, spoken, [other == key for other in shown])


def _text_of(texts: dict[str, str], key: str) -> str:
    return texts.get(key) or texts[key.removeprefix("Wiki1k:")]


def _of_sentences(question: str, sentences: Sequence[str], answers: Sequence[bool]) -> Example:
    """An example of a passage made of the sentences, in order."""
    spans: list[Span] = []
    text = ""
    for sentence in sentences:
        start = len(text) + bool(text)
        text = f"{text} {sentence}".strip()
        spans.append((start, len(text)))
    answer = None if any(answers) else (0, 0)
    return Example(Reading(question, text, tuple(spans)), tuple(answers), answer)


def cut_passages(text: str, chance: random.Random) -> list[Span]:
    """Runs of whole sentences about as long as a statement; the first one is cut at random."""
    room = chance.randint(PASSAGE_CHARACTERS // 3, PASSAGE_CHARACTERS)
    passages: list[Span] = []
    for start, end in split_sentences(text):
        if passages and end - passages[-1][0] <= room:
            passages[-1] = (passages[-1][0], end)
        else:
            room = PASSAGE_CHARACTERS if passages else room
            passages.append((start, end))
    return passages


def most_alike(asked: set[str], texts: Sequence[set[str]]) -> int:
    """The text that shares most words, rare ones counting more."""
    known = {word: sum(word in text for text in texts) for word in asked}
    scores = [sum(1 / known[word] for word in asked & text) for text in texts]
    return max(range(len(texts)), key=scores.__getitem__)


def tidy(text: str) -> str:
    """Tokenized text as it would be written."""
    text = re.sub(r"``|''", '"', text)
    text = re.sub(r"-lrb-\s*", "(", text, flags=re.IGNORECASE)
    text = re.sub(r"\s*-rrb-", ")", text, flags=re.IGNORECASE)
    text = re.sub(r"\s+([.,;:!?%)]|n't|'s|'re|'ll|'ve)", r"\1", text)
    return re.sub(r"([($])\s+", r"\1", text).strip()
