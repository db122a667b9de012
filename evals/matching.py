"""Comparing wordings: is a fact in a text, whatever its case, accents, hyphens or spacing?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_MARKERS = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_INITIALS = re.compile(r"\b(?:[a-z]\.)+[a-z]\b\.?")
_POSSESSIVE = re.compile(r"(?<=\w)'s\b")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_PERCENT = re.compile(r"\bper ?cent\b")
_TOKEN = re.compile(r"[$€£%]|\d+(?:\.\d+)+|\w+")
_SIGNS = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "×": "x", "&": " and ", "_": " "})

# A full stop after these ends no sentence. Single letters are initials: "J. Huang".
_ABBREVIATIONS = frozenset(
    "dr mr mrs ms st no vs etc prof gen col jr sr approx ca cf e.g i.e".split()
)
_SENTENCE_END = re.compile(r"[.!?]+[\"”’')\]]*(?:\s*\[\d+(?:\s*,\s*\d+)*\])*\s+(?=[^\sa-z])")


def fold(text: str) -> str:
    """The words of a text, comparable, with one space around each.

    Case, accents, punctuation and spacing are dropped; "open-source" is two words; "China's"
    is "china", "U.S." is "us", "1,000" is "1000", "5 percent" and "5%" are "5 %", "$5" is "$ 5".
    """
    text = unicodedata.normalize("NFKD", text.translate(_SIGNS)).casefold()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = _INITIALS.sub(lambda match: match[0].replace(".", ""), text)
    text = _APOSTROPHE.sub("", _POSSESSIVE.sub("", text))
    text = _PERCENT.sub("%", _THOUSANDS.sub("", text))
    return f" {' '.join(_TOKEN.findall(text))} "


def says(text: str, alternatives: Sequence[str]) -> bool:
    """Does the text hold one of the alternatives, as whole words?"""
    folded = fold(text)
    return any(
        alternative.strip() and alternative in folded for alternative in map(fold, alternatives)
    )


def without_markers(text: str) -> str:
    """The text without its `[1]` or `[1, 2]` citation markers."""
    return _MARKERS.sub("", text).strip()


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence; markers after its full stop belong to the sentence.

    A simple rule, good enough to cut public data and baseline answers: it ends a sentence at
    `.`, `!` or `?` before a capital, a digit or a sign, except after common abbreviations.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        word = text[start : match.start()].rsplit(maxsplit=1)[-1:] or [""]
        last = word[0].strip("(\"“'").casefold()
        if match[0].startswith(".") and (last in _ABBREVIATIONS or len(last) == 1):
            continue
        spans.append((start, match.start() + len(match[0].rstrip())))
        start = match.end()
    end = len(text.rstrip())
    if start < end:
        spans.append((start, end))
    return spans
