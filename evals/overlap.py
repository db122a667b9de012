"""A plain check whether evidence carries a claim: shared words, numbers and negation.

It shares nothing with the assistant's own checker, so it can judge what the assistant shows,
and it is the baseline that the assistant's checker has to beat.
"""

from __future__ import annotations

from evals.matching import fold

# Chosen on the dev rows of begin and wice among 0.3 to 0.9: the best mean balanced accuracy
# (0.82 and 0.68; at 0.5 it is 0.77 and 0.67, at 0.7 it is 0.84 and 0.61).
ENOUGH = 0.6

_NEGATIONS = frozenset(
    "not no never none nor neither nobody nothing without cannot dont doesnt didnt isnt arent "
    "wasnt werent wont wouldnt cant couldnt shouldnt hasnt havent hadnt".split()
)
_STOPWORDS = frozenset(
    "a about after all also am an and any are as at be because been before being both but by can "
    "could did do does doing during each few for from further had has have having he her here "
    "hers him his how i if in into is it its just may me might more most must my now of off on "
    "once only or other our out over own per said same say says she should so some such than that "
    "the their them then there these they this those through to too under until up very was we "
    "were what when where which while who whom whose why will with would you your".split()
)
_SUFFIXES = ("edly", "ing", "ies", "ed", "es", "ly", "s", "y", "e")
# A negation reaches this many words: "not a simple two-horse race" denies the race.
_REACH = 5


def word_overlap(claim: str, evidence: str) -> float:
    """Share of the claim's content words that the evidence has too, 0..1; 0 without any."""
    words = {word for word, _ in _content(claim)}
    there = {word for word, _ in _content(evidence)}
    return len(words & there) / len(words) if words else 0.0


def carries(evidence: str, claim: str) -> bool:
    """Does the evidence hold most of the claim's words, all its numbers, and no contradiction?

    A contradiction is a word that the claim denies and the evidence only affirms, or the other
    way round.
    """
    said = _content(claim)
    there = _content(evidence)
    words = {word for word, _ in there}
    if any(word[0].isdigit() and word not in words for word, _ in said):
        return False
    if any(word in words and (word, denied) not in there for word, denied in said):
        return False
    return word_overlap(claim, evidence) >= ENOUGH


def is_content_word(word: str) -> bool:
    """Does a folded word carry meaning of its own?"""
    return word not in _STOPWORDS and word not in _NEGATIONS


def _content(text: str) -> set[tuple[str, bool]]:
    """The content words without their endings, each with whether it is denied there."""
    content: set[tuple[str, bool]] = set()
    reach = 0
    for word in fold(text).split():
        if word in _NEGATIONS:
            reach = _REACH
            continue
        if word not in _STOPWORDS:
            content.add((_stem(word), reach > 0))
        reach -= 1
    return content


def _stem(word: str) -> str:
    """The word without a common English ending, where three letters remain."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word.removesuffix(suffix)
    return word
