"""The assistant without one of its parts, or reading more or less, to show what that is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.baselines import QUOTES_ONLY_THRESHOLD
from evals.product import Answering

if TYPE_CHECKING:
    from assistant.assistant import Assistant
    from assistant.embedder import Embedder

# The confidence is under it only where no statement has any probability of answering and the
# language model doubts every one of them.
ANY = 0.015


class AcceptsAll:
    """Finds every claim supported by every quote."""

    fingerprint = "accepts all"

    def probabilities(
        self,
        text: str,  # noqa: ARG002
        pairs: Sequence[tuple[str, str]],
    ) -> NDArray[np.float32]:
        """One for each pair, whatever it is."""
        return np.ones(len(pairs), dtype=np.float32)


class Similarity:
    """Takes the similarity of question and sentence for the probability that it answers.

    What is less similar than what `quotes only` would quote counts for nothing.
    """

    fingerprint = "similarity"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def probabilities(self, text: str, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Cosine of the question and each sentence; 0 where it is under the threshold."""
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        sentences = self._embedder.embed_statements([sentence for sentence, _ in pairs])
        similarities = sentences @ self._embedder.embed_question(text)
        is_near = similarities >= QUOTES_ONLY_THRESHOLD
        return np.where(is_near, similarities, 0).astype(np.float32)


def ablations(assistant: Assistant) -> Mapping[str, Answering]:
    """Variants over the same index and language model; closing the assistant closes them all."""
    from assistant.embedder import load_embedder
    from assistant.verification import Verifier

    by_similarity = Similarity(load_embedder(assistant.settings.embedder))
    return {
        "no checker": assistant.with_parts(verifier=Verifier(AcceptsAll(), looks_at_details=False)),
        "no abstention": assistant.with_parts(abstain_below=0.0),
        "similarity only": assistant.with_parts(judge=by_similarity, abstain_below=ANY),
    }


def depths(assistant: Assistant, numbers: Sequence[int]) -> Mapping[str, Answering]:
    """Variants that find and judge so many statements for a question."""
    return {f"{number} read": assistant.with_parts(found=number) for number in numbers}
