"""Near-copies of a sentence that say something else, as a small language model's slips do.

A model that writes close to its source errs by a word: it takes one name for another, leaves out
the subject of a clause, turns a comparison round, loses a "not". Wrong answers written by people
hold few of these, so that a judge trained on those alone takes almost any near-copy for true.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence

from assistant.details import OPPOSITES
from assistant.words import STOPWORDS

_WORD = re.compile(r"[\w’'-]+")
_TO_BE = re.compile(r"\b(is|are|was|were|has|have|had|can|could|will|would)\b")
_NOT = re.compile(r"\b(?:not|never) |n['’]t\b")
# A cut of fewer words between two names leaves little of another clause out.
FEWEST_CUT = 3


def names_of(sentences: Iterable[str]) -> frozenset[str]:
    """The words that stand with a capital within some sentence."""
    return frozenset(
        word
        for sentence in sentences
        for word in _WORD.findall(sentence)[1:]
        if word[0].isupper() and word.isalpha() and word.casefold() not in STOPWORDS
    )


def corrupt(
    sentence: str, others: Sequence[str], names: frozenset[str], count: int, chance: random.Random
) -> list[str]:
    """At most `count` corruptions of a sentence, each of another kind.

    Args:
        sentence: is true.
        others: sentences of which one may be added as its cause.
        names: of the corpus that the sentence stands in; see `names_of`.
        count: how many.
        chance: chooses among the kinds and within them.
    """
    kinds: list[Callable[[], str]] = [
        lambda: _swap_names(sentence, names, chance),
        lambda: _replace_name(sentence, names, chance),
        lambda: _cut_between_names(sentence, names, chance),
        lambda: _turn_round(sentence, chance),
        lambda: _deny(sentence, chance),
        lambda: _give_a_cause(sentence, others, chance),
    ]
    chance.shuffle(kinds)
    made = (kind() for kind in kinds)
    return [text for text in made if text and text != sentence][:count]


def _named(sentence: str, names: frozenset[str]) -> list[re.Match[str]]:
    return [found for found in _WORD.finditer(sentence) if found[0] in names]


def _swap_names(sentence: str, names: frozenset[str], chance: random.Random) -> str:
    found = _named(sentence, names)
    if len({each[0] for each in found}) < 2:
        return ""
    first, second = sorted(chance.sample(found, 2), key=lambda each: each.start())
    return (
        sentence[: first.start()]
        + second[0]
        + sentence[first.end() : second.start()]
        + first[0]
        + sentence[second.end() :]
    )


def _replace_name(sentence: str, names: frozenset[str], chance: random.Random) -> str:
    found = _named(sentence, names)
    others = sorted(names - {each[0] for each in found})
    if not found or not others:
        return ""
    name = chance.choice(found)
    return sentence[: name.start()] + chance.choice(others) + sentence[name.end() :]


def _cut_between_names(sentence: str, names: frozenset[str], chance: random.Random) -> str:
    """The first name before what was said of the second: "The US [leads, but China] dominates"."""
    found = _named(sentence, names)
    pairs = [
        (first, second)
        for place, first in enumerate(found)
        for second in found[place + 1 :]
        if len(_WORD.findall(sentence[first.end() : second.start()])) >= FEWEST_CUT
    ]
    if not pairs:
        return ""
    first, second = chance.choice(pairs)
    return sentence[: first.end()] + sentence[second.end() :]


def _turn_round(sentence: str, chance: random.Random) -> str:
    found = [each for each in _WORD.finditer(sentence) if each[0] in OPPOSITES]
    if not found:
        return ""
    word = chance.choice(found)
    return sentence[: word.start()] + OPPOSITES[word[0]] + sentence[word.end() :]


def _deny(sentence: str, chance: random.Random) -> str:
    if _NOT.search(sentence):
        return _NOT.sub("", sentence, count=1)
    found = list(_TO_BE.finditer(sentence))
    if not found:
        return ""
    verb = chance.choice(found)
    return f"{sentence[: verb.end()]} not{sentence[verb.end() :]}"


def _give_a_cause(sentence: str, others: Sequence[str], chance: random.Random) -> str:
    others = [other for other in others if other != sentence]
    if not others:
        return ""
    cause = chance.choice(others)
    return f"{sentence.rstrip('.')} because {cause[0].lower()}{cause[1:]}"
