"""The training loop's order of examples."""

import pytest

from assistant.judge_network import Reading
from assistant.training.judge_data import Example
from assistant.training.judge_training import BATCH, _batches

EXAMPLES = [
    Example(Reading("What?", "p" * length, ((0, 1),)), (True,), None) for length in range(1, 400)
]


@pytest.mark.parametrize("steps", [1, 33, 34, 50, 85])
def test_training_takes_the_steps_planned_and_no_more(steps: int) -> None:
    """More of them ran at a learning rate below zero, which unlearns."""
    batches = list(_batches(EXAMPLES, steps, seed=1))
    assert len(batches) == steps
    assert all(0 < len(batch) <= BATCH for batch in batches)


def test_an_epoch_sees_every_example_once() -> None:
    batches = list(_batches(EXAMPLES, 34, seed=1))
    seen = [len(example.reading.passage) for batch in batches for example in batch]
    assert sorted(seen) == list(range(1, 400))
