"""Words and sentences of a text: one definition for search and for checking."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

# What questions are made of and statements are not about: articles, pronouns, auxiliaries,
# question words. Counting them would make every question look half unanswered.
STOPWORDS = frozenset(
    """a about all also am an and any are as at be been being both but by can could did do does
    doing done for from had has have having he her hers him his how i if in into is it its
    just me my of on or our ours she should so some such than that the their theirs them then there
    these they this those to too very was we were what when where which while who whom whose
    why will with would you your yours s t d ll m re ve don doesn didn isn aren wasn
    weren""".split()
)
ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof sr jr st vs etc approx no fig inc ltd co corp dept est gen gov sen rep
    e.g i.e cf al ca p pp vol ed eds""".split()
)
# Words that open a sentence rather than follow an initialism ("in the U.S. They ...").
OPENERS = frozenset(
    """a an and as at because but by each even for he her his however if in it its many most no
    not one our she since so some still that the their then there these they this those though to we
    what when where while who why with yet you""".split()
)
# The look behind makes a long row of dots, as in a table, no slower than a short one.
_SENTENCE_END = re.compile(r"""(?<![.!?])[.!?]+["'”’)]*(?:\s*\[\d+\])*(?=\s+[^\s\[])|\n+""")
_NEXT_WORD = re.compile(r"\W*(\w*)")
LONGEST_ABBREVIATION = 40
_LIST_NUMBER = re.compile(r"(?:^|\n)\s*\d+$")
_LAST_WORD = re.compile(r"([\w.]+)$")


@cache
def word_analyzer() -> tantivy.TextAnalyzer:
    """What makes content words, for the lexical index to do the same."""
    import tantivy

    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.custom_stopword(sorted(STOPWORDS)))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order: lower case, without accents, stemmed."""
    words: list[str] = word_analyzer().analyze(text)
    return words


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text start and end, without the white space between them.

    A full stop after an abbreviation, an initial or inside a number ends nothing; markers such
    as `[2]` belong to the sentence before them.
    """
    spans = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if end.group().startswith("\n") or _ends_sentence(text, end):
            spans.append(_trim(text, start, end.end()))
            start = end.end()
    spans.append(_trim(text, start, len(text)))
    return [(first, last) for first, last in spans if first < last]


def sentences_of_stream(pieces: Iterable[str]) -> Iterator[list[str]]:
    """For each piece of streamed text, the sentences that it completed; the rest at the end."""
    text = ""
    for piece in pieces:
        text += piece
        # The last word may go on in the next piece, and it decides where a sentence ends.
        settled = max(text.rfind(mark) for mark in " \n\t") + 1
        complete = split_sentences(text[:settled])[:-1]
        yield [text[start:end] for start, end in complete]
        if complete:
            text = text[complete[-1][1] :].lstrip()
    yield [text[start:end] for start, end in split_sentences(text)]


def _ends_sentence(text: str, end: re.Match[str]) -> bool:
    if not end.group().startswith("."):
        return True
    # Only what is near is looked at: slicing the rest would make long texts quadratic.
    next_word = _NEXT_WORD.match(text, end.end())
    following = next_word.group(1) if next_word else ""
    if following[:1].islower():
        return False
    leading = text[max(0, end.start() - LONGEST_ABBREVIATION) : end.start()]
    if len(leading) < LONGEST_ABBREVIATION and _LIST_NUMBER.search(leading):
        return False
    word = _LAST_WORD.search(leading)
    before = word.group(1) if word else ""
    if before.casefold() in ABBREVIATIONS and end.group() == ".":
        return False
    if (len(before) == 1 and before.isupper()) or "." in before:
        return following.casefold() in OPENERS
    return True


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
