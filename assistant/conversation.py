"""What a question in a conversation is about: what to search for, and to judge by.

"And what does that mean for the US?" says too little by itself. Rewriting it with a language
model takes seconds and a small one invents; the words of the conversation are there already.
`python -m evals follow-ups` compares this with rewriting by hand.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.answer import ABSTENTION
from assistant.words import STOPWORDS

Turn = tuple[str, str]
"""An earlier question and its answer."""

REMEMBERED_TURNS = 2
"""How many of them a language model is told."""

CONTINUATIONS = frozenset(
    ("and", "but", "so", "then", "also", "no", "ok", "okay", "yes", "what about", "how about")
)
PRONOUNS = frozenset("it they them he she her".split())
POSSESSIVES = frozenset("its their theirs his".split())
POINTERS = frozenset("this these hers others other same then".split())
AT_END = frozenset("one ones there".split())
# After one of these a pronoun is what the question is about: "How many checks has it made?"
AUXILIARIES = frozenset(
    """is are was were be been has have had do does did would could can will should may might
    must""".split()
)
# After one of these "that" is a thing: "before that", not "the book that".
PREPOSITIONS = frozenset(
    """to of for about with on in after before by against from at into than like""".split()
)
ARTICLES = frozenset("a an the each every some any no many most of".split())
SHORT_QUESTION = 3
# Words of an earlier question that do not say what it was about.
GENERAL = frozenset(
    """best come different does first get give good happen happened kind know like make many mean
    means more most much need other others say says said thing things think type want way
    work""".split()
)
# How much of the last answer is taken along: its first words name what it is about. Of 0, 4 and 8
# words, 4 ranked the right statement highest on the train and dev subjects' follow-ups.
WORDS_OF_ANSWER = 4
_WORD = re.compile(r"[^\W\d_][\w'’-]{2,}")
_TOKEN = re.compile(r"[\w'’]+|[,:;.?!–-]")


def search_text(question: str, history: Sequence[Turn]) -> str:
    """The question, led by what the conversation is about where it leans on what was said.

    It leans on it when it is short, starts as a continuation or points back with a pronoun. Then
    the topic words of the question before it lead it, of the one that this one leaned on in turn,
    and the first of the answer; `academia behind AI: And what does that mean for the US?`.

    Args:
        question: as it was asked.
        history: earlier questions and answers of the conversation, oldest first.
    """
    if not history or not leans(question):
        return question
    before, said = history[-1]
    stand_alone = [asked for asked, _ in history if not leans(asked)] or [history[0][0]]
    words = topic_words(stand_alone[-1]) + topic_words(before)
    if said != ABSTENTION:
        words += topic_words(said)[:WORDS_OF_ANSWER]
    unsaid = dict.fromkeys(word for word in words if word not in question.split())
    return f"{' '.join(unsaid)}: {question}" if unsaid else question


def leaned_on(question: str, history: Sequence[Turn]) -> tuple[Turn, ...]:
    """What a question leans on of the conversation: nothing where it stands alone.

    What was said before such a question would only lead a model astray.
    """
    return tuple(history) if leans(question) else ()


def leans(question: str) -> bool:
    """Whether a question says too little without those before it.

    A pronoun counts only where the question does not itself say what it stands for: "Why does
    Vogt defend her study?" stands alone. The rules were chosen on the train subjects and TREC CAsT.
    """
    tokens = _TOKEN.findall(question)
    words = [token.casefold() for token in tokens if token[0].isalnum()]
    if not words:
        return False
    return (
        len(words) <= SHORT_QUESTION
        or words[0] in CONTINUATIONS
        or " ".join(words[:2]) in CONTINUATIONS
        or any(_points_back(tokens, place) for place in range(len(tokens)))
    )


def _points_back(tokens: Sequence[str], place: int) -> bool:
    """Whether the word at a place stands for something that was said before the question."""
    word = tokens[place].casefold()
    before = tokens[place - 1].casefold() if place else ""
    after = [token.casefold() for token in tokens[place + 1 :] if token[0].isalnum()]
    if word in PRONOUNS:
        if word == "it" and before in AUXILIARIES and {"to", "that"} & {*after}:
            return False  # "Is it cheaper to walk?"
        is_subject = before in AUXILIARIES and all(each[0].isalnum() for each in tokens[:place])
        return is_subject or not after or not _names_something(tokens[:place])
    if word in POSSESSIVES:
        return not _names_something(tokens[:place])
    if word == "that":
        return not before or before in AUXILIARIES | PREPOSITIONS or not after
    if word == "those":
        return not {*after[:1]} & {"who", "whose", "which", "that", "of", "in", "with"}
    return word in POINTERS or (word in AT_END and not after)


def _says_something(token: str) -> bool:
    word = token.casefold()
    return word[0].isalnum() and word not in STOPWORDS and word not in GENERAL


def _names_something(tokens: Sequence[str]) -> bool:
    """Whether there is a name, or a noun after an article, that a pronoun can stand for."""
    return any(
        _says_something(token)
        and (
            (place > 0 and token[0].isupper())
            or any(each.casefold() in ARTICLES for each in tokens[max(0, place - 2) : place])
        )
        for place, token in enumerate(tokens)
    )


def topic_words(text: str) -> list[str]:
    """The words that say what a text is about, in its order and spelling."""
    return [word for word in _WORD.findall(text) if _says_something(word)]
