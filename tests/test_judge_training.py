"""The judge's examples, and the order in which the training loop takes them."""

from pathlib import Path

import pytest

from assistant.judge_network import Reading
from assistant.training.judge_data import Example, subject_examples
from assistant.training.judge_training import BATCH, _batches
from assistant.training.question_sets import read_question_set
from tests.fakes import WordEmbedder

SUBJECTS = Path(__file__).parent.parent / "evals" / "subjects"

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


def test_a_dispute_is_learned_whole_and_of_other_subjects_the_share_that_is_asked_for() -> None:
    dispute, other = (
        read_question_set(SUBJECTS / name, "train", WordEmbedder()) for name in ("whaling", "tea")
    )
    examples = subject_examples([dispute, other], seed=1, share=0.2)
    asked = {example.reading.question for example in examples}
    assert {each.asked for each in dispute.questions} <= asked
    of_other = sum(each.asked in asked for each in other.questions) / len(other.questions)
    assert 0.1 < of_other < 0.3
    # A question that nothing answers is read beside more of the statements that overlap.
    silent = next(each for each in dispute.questions if not each.is_answerable)
    beside = [each for each in examples if each.reading.question == silent.asked]
    assert len(beside) == 6
    assert not any(any(each.answers) for each in beside)
