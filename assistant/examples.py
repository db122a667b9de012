"""Example questions for any corpus, made from the names its statements speak of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistant.statement import Statement
from assistant.words import STOPWORDS

# Two or more capitalised words in a row, or one with a capital inside ("OpenAI", "DeepSeek").
_NAME = re.compile(r"\b(?:[A-Z][a-z]+(?: [A-Z][a-z]+)+|[A-Z][a-z]+[A-Z]\w*)\b")
_PHRASE = re.compile(r"\b[a-z]{4,}(?:[- ][a-z]{5,})\b")


def example_questions(statements: Sequence[Statement], limit: int = 4) -> list[str]:
    """Questions that the statements have something to say about, from different statements.

    Args:
        statements: the corpus.
        limit: how many questions at most.

    Returns:
        Questions about a name where a statement holds one, about one of its phrases otherwise.
    """
    questions: list[str] = []
    seen: set[str] = set()
    asked: set[str] = set()
    for pattern in (_NAME, _PHRASE):
        for statement in statements:
            if len(questions) == limit:
                return questions
            topic = next(
                (
                    found
                    for found in pattern.findall(statement.text)
                    if found not in seen and not set(found.casefold().split()) & STOPWORDS
                ),
                None,
            )
            if topic and statement.id not in asked:
                seen.add(topic)
                asked.add(statement.id)
                questions.append(f"What is said about {topic}?")
    return questions
