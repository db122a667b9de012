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

CONTINUATIONS = frozenset(("and", "but", "so", "then", "also", "what about", "how about", "why"))
POINTERS = frozenset(
    """it its they them their theirs that this those these he she his her hers one ones there
    other others same then""".split()
)
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


def leans(question: str) -> bool:
    """Whether a question says too little without those before it."""
    words = re.findall(r"[\w'’]+", question.casefold())
    return bool(words) and (
        words[0] in CONTINUATIONS
        or " ".join(words[:2]) in CONTINUATIONS
        or any(word in POINTERS for word in words)
        or len(words) <= SHORT_QUESTION
    )


def topic_words(text: str) -> list[str]:
    """The words that say what a text is about, in its order and spelling."""
    return [
        word
        for word in _WORD.findall(text)
        if word.casefold() not in STOPWORDS and word.casefold() not in GENERAL
    ]
