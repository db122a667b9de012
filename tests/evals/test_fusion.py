"""Ways to fuse two rankings, on scores worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from assistant import Hit, Statement
from evals.dataset import Question
from evals.fusion import FUSIONS, OWN, convex, min_max, reciprocal_ranks, records, z_score


def hits(*scores: tuple[str, float, float]) -> list[Hit]:
    return [
        Hit(Statement(name, name), rank, 0.0, dense, lexical)
        for rank, (name, dense, lexical) in enumerate(scores, start=1)
    ]


def test_reciprocal_ranks_add_up_and_skip_what_was_not_found() -> None:
    fused = reciprocal_ranks(np.array([0.9, 0.5]), np.array([0.0, 0.4]))
    assert fused == pytest.approx([1 / 61, 1 / 62 + 1 / 61])


def test_min_max_and_z_scores_survive_a_question_without_spread() -> None:
    same = np.array([0.3, 0.3])
    assert min_max(same) == pytest.approx([0, 0])
    assert z_score(same) == pytest.approx([0, 0])
    assert min_max(np.array([1.0, 3.0, 2.0])) == pytest.approx([0, 1, 0.5])


def test_the_weight_is_the_dense_share() -> None:
    fuse = convex(lambda values: values, 0.75)
    assert fuse(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx([0.75, 0.25])


def test_a_fusion_that_trusts_the_right_leg_scores_higher() -> None:
    asked = Question("q", "right?", "direct", (), {"right": 2}, None)
    found = {"q": hits(("wrong", 0.2, 0.9), ("right", 0.8, 0.1))}
    (record,) = records([asked], found)
    assert set(record.values) == {OWN, *FUSIONS}
    assert record.values["bounded 0.9"]["R@1"] == 1
    assert record.values["bounded 0.3"]["R@1"] == 0
    assert record.values[OWN]["R@1"] == 0
