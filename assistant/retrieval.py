"""Retrieval: dense and lexical search, fused into one ranking with comparable scores."""

from __future__ import annotations

from collections.abc import Mapping

from assistant.answer import Hit
from assistant.index import StatementIndex

# How many statements are found for a question.
FOUND = 8
# Both legs are asked for this many candidates at least: beyond, neither ranks reliably.
CANDIDATES = 50
# Weight of the dense leg in the convex combination (Bruch et al., "An Analysis of Fusion
# Functions for Hybrid Retrieval", 2022); both legs have fixed bounds, so that no per-question
# normalisation is needed and scores stay comparable.
DENSE_WEIGHT = 0.7


class Retriever:
    """Finds the statements nearest to a question."""

    def __init__(self, index: StatementIndex) -> None:
        self._index = index

    def search(self, question: str, limit: int) -> tuple[Hit, ...]:
        """The statements nearest to a question, best first.

        Args:
            question: any text; a blank one finds nothing.
            limit: how many hits at most.

        Returns:
            Hits ranked by their fused score, a convex combination of both legs' scores.
        """
        if not question.strip() or limit < 1:
            return ()
        # A shell in another encoding hands over bytes as lone surrogates, which no index takes.
        question = question.encode(errors="replace").decode()
        candidates = max(limit, CANDIDATES)
        lexical = self._index.lexical(question, candidates)
        vector = self._index.embed(question)
        dense = self._index.dense(vector, candidates)
        # A statement that only its words found still has a similarity: look it up.
        missing = [identity for identity in lexical if identity not in dense]
        dense |= self._index.similarities(vector, missing)
        fused = {
            identity: DENSE_WEIGHT * similarity + (1 - DENSE_WEIGHT) * lexical.get(identity, 0.0)
            for identity, similarity in dense.items()
        }
        dense_ranks = _ranks(dense)
        lexical_ranks = _ranks(lexical)
        best = sorted(fused, key=lambda identity: (-fused[identity], identity))[:limit]
        return tuple(
            Hit(
                statement=self._index.statements[identity],
                rank=rank,
                score=fused[identity],
                dense_score=dense[identity],
                lexical_score=lexical.get(identity, 0.0),
                dense_rank=dense_ranks[identity],
                lexical_rank=lexical_ranks.get(identity),
            )
            for rank, identity in enumerate(best, start=1)
        )


def _ranks(scores: Mapping[str, float]) -> dict[str, int]:
    ordered = sorted(scores, key=lambda identity: (-scores[identity], identity))
    return {identity: rank for rank, identity in enumerate(ordered, start=1)}
