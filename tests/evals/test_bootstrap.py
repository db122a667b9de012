import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.bootstrap import Interval, mean_intervals, paired_differences


def rows(*values: float) -> list[dict[str, float]]:
    return [{"right": value} for value in values]


def test_the_same_values_give_the_same_interval() -> None:
    values = rows(0, 1, 1, 0, 1, 1, 1)
    assert mean_intervals(values, ["right"]) == mean_intervals(values, ["right"])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=40))
def test_an_interval_holds_its_mean_and_stays_within_the_values(values: list[float]) -> None:
    interval = mean_intervals(rows(*values), ["right"])["right"]
    assert interval.value == pytest.approx(sum(values) / len(values))
    assert min(values) <= interval.low <= interval.value + 1e-9
    assert interval.value - 1e-9 <= interval.high <= max(values)


def test_an_interval_of_a_coin_is_about_two_standard_errors_wide() -> None:
    interval = mean_intervals(rows(*[0, 1] * 50), ["right"])["right"]
    assert interval.low == pytest.approx(0.5 - 1.96 * 0.05, abs=0.011)
    assert interval.high == pytest.approx(0.5 + 1.96 * 0.05, abs=0.011)


def test_one_question_or_equal_values_give_an_interval_without_width() -> None:
    assert mean_intervals(rows(0.25), ["right"])["right"] == Interval(0.25, 0.25, 0.25, 1)
    assert mean_intervals(rows(1, 1, 1), ["right"])["right"] == Interval(1.0, 1.0, 1.0, 3)


def test_a_metric_counts_only_the_questions_it_applies_to() -> None:
    values = [{"right": 1.0, "cited": 1.0}, {"right": 0.0}, {"right": 0.0, "cited": 0.0}]
    summary = mean_intervals(values, ["right", "cited", "unknown"])
    assert summary["cited"].value == 0.5
    assert summary["cited"].count == 2
    assert summary["right"].value == pytest.approx(1 / 3)
    assert "unknown" not in summary


def test_no_questions_give_no_intervals() -> None:
    assert mean_intervals([], ["right"]) == {}
    assert paired_differences([], [], ["right"]) == {}


def test_a_result_does_not_differ_from_itself() -> None:
    values = rows(0, 1, 1, 0)
    assert paired_differences(values, values, ["right"])["right"] == Interval(0.0, 0.0, 0.0, 4)


def test_pairing_sees_a_small_difference_that_separate_intervals_would_hide() -> None:
    worse = rows(*[0.0, 0.2, 0.4, 0.6, 0.8] * 8)
    better = [{"right": row["right"] + 0.1} for row in worse]
    difference = paired_differences(better, worse, ["right"])["right"]
    assert difference.value == pytest.approx(0.1)
    assert difference.sign == 1
    assert (
        mean_intervals(better, ["right"])["right"].low
        < mean_intervals(worse, ["right"])["right"].high
    )


def test_an_interval_that_holds_zero_has_no_sign() -> None:
    assert Interval(0.1, -0.1, 0.3, 9).sign == 0
    assert Interval(0.1, 0.0, 0.3, 9).sign == 0
    assert Interval(-0.2, -0.3, -0.1, 9).sign == -1
