from pathlib import Path

import pytest

from evals.errors import EvalsError
from evals.support import Claim, in_table, measure_checker, read_claims
from tests.evals.scripted import write_lines

CLAIMS = [
    Claim("Bees dance to flowers.", "Bees dance to point at flowers.", True),
    Claim("Honey keeps for years.", "In a jar honey keeps for years.", True),
    Claim("Candles burn brightly.", "Honey keeps for years.", False),
    Claim("Bees sing to flowers loudly.", "Bees dance to point at hives.", False),
] * 10


def test_a_perfect_checker_scores_one() -> None:
    truth = {(claim.claim, claim.evidence): float(claim.supported) for claim in CLAIMS}
    result = measure_checker(CLAIMS, lambda claim, evidence: truth[claim, evidence], 0.5)
    assert result.checker.balanced_accuracy.value == 1.0
    assert result.separates
    assert result.count == 40


def test_a_checker_that_accepts_all_is_caught() -> None:
    result = measure_checker(CLAIMS, lambda _claim, _evidence: 1.0, 0.5)
    assert result.checker.balanced_accuracy.value == 0.5
    assert (result.checker.accepted.value, result.checker.rejected.value) == (1.0, 0.0)
    assert not result.separates
    assert result.difference.high < 0


def test_a_checker_that_rejects_all_is_caught_too() -> None:
    assert not measure_checker(CLAIMS, lambda _claim, _evidence: 0.0, 0.5).separates


def test_the_baseline_is_plain_word_overlap() -> None:
    result = measure_checker(CLAIMS, lambda _claim, _evidence: 1.0, 0.5)
    assert result.baseline.balanced_accuracy.value == 1.0
    assert [row[0] for row in in_table(result).rows] == ["checker", "word overlap", "difference"]


def test_a_threshold_decides_what_counts_as_accepted() -> None:
    half = measure_checker(CLAIMS, lambda _claim, _evidence: 0.5, 0.5)
    assert half.checker.accepted.value == 1.0
    above = measure_checker(CLAIMS, lambda _claim, _evidence: 0.5, 0.51)
    assert above.checker.accepted.value == 0.0


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
