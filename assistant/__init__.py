"""A question-answering assistant over a corpus of statements, with citations that are checked.

from assistant import ask
print(ask("Why is academia falling behind in AI?").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.answer import Answer, Citation, Hit, Sentence
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.statement import Statement

if TYPE_CHECKING:
    from assistant.assistant import Assistant, ask

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Assistant",
    "AssistantError",
    "Citation",
    "Hit",
    "Sentence",
    "Settings",
    "Statement",
    "ask",
]


def __getattr__(name: str) -> object:
    """Import the working parts on first use, so that importing the package stays instant."""
    if name in ("Assistant", "ask"):
        from assistant import assistant

        return getattr(assistant, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
