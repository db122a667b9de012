"""SQuAD 2.0 (Rajpurkar et al., 2018) as the adapter learns from it and is measured on it.

Passages of its articles stand for statements. Its impossible questions were written to look
answerable, which no other source has so many of.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from assistant.training.adapter_data import (
    MOST_ASKED,
    MOST_ASKED_ALONE,
    SILENCE,
    Pack,
    marked,
)
from assistant.training.judge_data import cut_passages, is_held_out, most_alike
from assistant.words import content_words, split_sentences

SNIPPETS = 4


def squad_packs(path: Path, chance: random.Random, held_out: bool = False) -> Iterator[Pack]:
    """Passages of an article of SQuAD 2.0 and the questions about one of its paragraphs.

    A reply is the sentence that holds the answer. Impossible questions are answered with silence.

    Args:
        path: a file in the form of SQuAD.
        chance: draws the passages and their order.
        held_out: the articles that are never trained on, instead of the others.
    """
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        if is_held_out(article["title"]) != held_out:
            continue
        paragraphs = [
            [paragraph["context"][start:end] for start, end in spans]
            for paragraph in article["paragraphs"]
            for spans in [cut_passages(paragraph["context"], chance)]
        ]
        for number, paragraph in enumerate(article["paragraphs"]):
            asked = list(paragraph["qas"])
            chance.shuffle(asked)
            own = list(paragraphs[number])
            chance.shuffle(own)
            shown = own[: chance.randint(1, 2)]
            words = {word for text in shown for word in content_words(text)}
            others = [t for place, texts in enumerate(paragraphs) if place != number for t in texts]
            while others and len(shown) < SNIPPETS:
                nearest = most_alike(words, [set(content_words(text)) for text in others])
                shown.append(others.pop(nearest))
            chance.shuffle(shown)
            context = paragraph["context"]
            replies = [(each, _squad_reply(each, context, shown)) for each in asked]
            answered = [each for each in replies if each[1] not in ("", SILENCE)]
            silent = [each for each in replies if each[1] == SILENCE]
            # No more impossible ones than others, or silence is all that is learned.
            kept = (answered + silent[: max(1, len(answered))])[:MOST_ASKED]
            chance.shuffle(kept)
            yield Pack(
                tuple(shown),
                tuple((item["question"].strip(), reply) for item, reply in kept),
                answers=tuple(
                    item["answers"][0]["text"] if item["answers"] else "" for item, _ in kept
                ),
            )


def _squad_reply(item: Any, context: str, shown: Sequence[str]) -> str:
    """The sentence that holds the answer, marked; empty where it is not shown."""
    if item.get("is_impossible"):
        return SILENCE
    start = item["answers"][0]["answer_start"]
    for number, passage in enumerate(shown, start=1):
        place = start - context.find(passage) if passage in context else -1
        for first, last in split_sentences(passage):
            if first <= place < last:
                return marked(passage[first:last], [number])
    return ""


def lone_squad_packs(path: Path, chance: random.Random) -> Iterator[Pack]:
    """A passage of each paragraph alone, asked what the paragraph is asked.

    Where another passage of the paragraph answers, the reply is silence.

    Args:
        path: a file in the form of SQuAD; the articles that are held out are passed over.
        chance: draws the passage and the questions.
    """
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        if is_held_out(article["title"]):
            continue
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            start, end = chance.choice(cut_passages(context, chance))
            shown = [context[start:end]]
            asked = list(paragraph["qas"])
            chance.shuffle(asked)
            replies = tuple(
                (item["question"].strip(), _squad_reply(item, context, shown) or SILENCE)
                for item in asked[:MOST_ASKED_ALONE]
            )
            yield Pack(tuple(shown), replies, only_starts=True)
