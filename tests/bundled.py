"""The bundled language model's file."""

from pathlib import Path

from assistant.catalogue import BUNDLED


def bundled_model() -> Path:
    """Where it lies."""
    path = BUNDLED.path(Path())
    assert path
    return path
