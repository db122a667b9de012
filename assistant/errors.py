"""Every error a user can meet, as one tree.

AssistantError
├── CorpusError      the statements cannot be read
├── IndexingError    the index cannot be built, opened or trusted
└── ModelError       the language model or the embedder cannot be used

Each message is one line that says what was found, what was expected and what to do next.
"""


class AssistantError(Exception):
    """Base of everything this package raises on purpose; the command line prints it as one line."""


class CorpusError(AssistantError):
    """A corpus is missing, empty or unreadable."""


class IndexingError(AssistantError):
    """An index is in use elsewhere, made by another embedder, or cannot be written."""


class ModelError(AssistantError):
    """A model is unknown, missing, damaged or does not answer."""


def system_reason(error: OSError) -> str:
    """What the system says of an error, to stand inside a sentence."""
    return (error.strerror or str(error)).lower()
