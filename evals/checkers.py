"""The assistant's checker of support as it is used, its judge alone, and similarity beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistant.selection import Candidate
from assistant.statement import Statement
from evals.support import Checker, Claim, best_threshold


def own_checkers(claims: Sequence[Claim]) -> Mapping[str, tuple[Checker, float]]:
    """What is measured, each with the support from which it accepts a claim.

    The checker gives 1 to what the assistant would show and 0 to what it would drop. Similarity
    is the cosine of claim and evidence, at the threshold that is best on these very claims.
    """
    from assistant.embedder import load_embedder
    from assistant.judge import SUPPORT_WEIGHTS, Judge
    from assistant.verification import Verifier

    judge, embedder = Judge(SUPPORT_WEIGHTS), load_embedder()
    verifier = Verifier(judge)

    def checker(claim: str, evidence: str) -> float:
        statement = Statement("evidence", evidence, "evidence", 1)
        checked = verifier.check(claim, [Candidate(statement, 0, len(evidence), 1.0)])
        return float(checked.carrier is not None)

    def judge_alone(claim: str, evidence: str) -> float:
        return float(judge.probabilities(claim, [(evidence, evidence)])[0])

    def similarity(claim: str, evidence: str) -> float:
        first, second = embedder.embed_statements([claim, evidence])
        return float(first @ second)

    return {
        "checker": (checker, 0.5),
        "judge alone, from 0.5": (judge_alone, 0.5),
        "similarity, at its best": (similarity, best_threshold(claims, similarity)),
    }
