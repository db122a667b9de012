from pathlib import Path

import pytest

from evals.errors import EvalsError
from evals.support import (
    Checker,
    CheckerResult,
    Claim,
    best_threshold,
    in_table,
    measure_checkers,
    read_claims,
)
from tests.evals.scripted import write_lines

CLAIMS = [
    Claim("Bees dance to flowers.", "Bees dance to point at flowers.", True),
    Claim("Honey keeps for years.", "In a jar honey keeps for years.", True),
    Claim("Candles burn brightly.", "Honey keeps for years.", False),
    Claim("Bees sing to flowers loudly.", "Bees dance to point at hives.", False),
] * 10


def measured(checker: Checker, threshold: float = 0.5) -> CheckerResult:
    return measure_checkers(CLAIMS, {"checker": (checker, threshold)})


def test_a_perfect_checker_scores_one() -> None:
    truth = {(claim.claim, claim.evidence): float(claim.supported) for claim in CLAIMS}
    result = measured(lambda claim, evidence: truth[claim, evidence])
    assert result.checkers["checker"].balanced_accuracy.value == 1.0
    assert result.separates
    assert result.count == 40


def test_a_checker_that_accepts_all_is_caught() -> None:
    result = measured(lambda _claim, _evidence: 1.0)
    checked = result.checkers["checker"]
    assert checked.balanced_accuracy.value == 0.5
    assert (checked.accepted.value, checked.rejected.value) == (1.0, 0.0)
    assert not result.separates
    assert result.differences["word overlap"].high < 0


def test_a_checker_that_rejects_all_is_caught_too() -> None:
    assert not measured(lambda _claim, _evidence: 0.0).separates


def test_plain_word_overlap_stands_beside_every_checker() -> None:
    result = measured(lambda _claim, _evidence: 1.0)
    assert result.checkers["word overlap"].balanced_accuracy.value == 1.0
    assert [row[0] for row in in_table(result, "set").rows] == ["checker", "word overlap"]


def test_a_threshold_decides_what_counts_as_accepted() -> None:
    half = measured(lambda _claim, _evidence: 0.5)
    assert half.checkers["checker"].accepted.value == 1.0
    above = measured(lambda _claim, _evidence: 0.5, 0.51)
    assert above.checkers["checker"].accepted.value == 0.0


def test_the_best_threshold_tells_apart_what_can_be_told_apart() -> None:
    scores = {True: 0.4, False: 0.3}
    truth = {(claim.claim, claim.evidence): claim.supported for claim in CLAIMS}
    assert best_threshold(CLAIMS, lambda *pair: scores[truth[pair]]) == 0.4


def row(label: str, split: str = "test") -> dict[str, object]:
    return {"claim": "c", "evidence": "e", "label": label, "split": split}


def test_a_split_can_be_chosen(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    rows = [row("supported"), row("not_supported"), row("supported", "dev")]
    write_lines(path, rows)
    assert len(read_claims(path)) == 3
    assert len(read_claims(path, "test")) == 2
    with pytest.raises(EvalsError, match='both labels in the split "dev"'):
        read_claims(path, "dev")


def test_an_unknown_label_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "support.jsonl"
    write_lines(path, [row("supported"), row("maybe")])
    with pytest.raises(EvalsError, match=r'support\.jsonl line 2: .*under "label", found maybe'):
        read_claims(path)
