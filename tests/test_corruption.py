"""Near-copies that say something else, to teach the support judge."""

import random

import pytest

from assistant.training.corruption import corrupt, names_of

SENTENCE = "While the US leads in closed models, China is now ahead in open models."
OTHER = "Chips are sold abroad."
NAMES = names_of([SENTENCE, "They met in Berlin."])


def all_of(sentence: str) -> set[str]:
    chance = random.Random(1)
    return {
        text
        for _ in range(50)
        for text in corrupt(sentence, [sentence, OTHER], NAMES, 6, chance)
    }  # fmt: skip


def test_names_are_words_with_a_capital_within_a_sentence() -> None:
    assert {"US", "China", "Berlin"} == NAMES


@pytest.mark.parametrize(
    "corrupted",
    [
        "While the China leads in closed models, US is now ahead in open models.",
        "While the US leads in closed models, Berlin is now ahead in open models.",
        "While the US is now ahead in open models.",
        "While the US trails in closed models, China is now ahead in open models.",
        "While the US leads in closed models, China is not now ahead in open models.",
        "While the US leads in closed models, China is now ahead in open models because "
        "chips are sold abroad.",
    ],
    ids="swapped replaced cut turned denied cause".split(),
)
def test_each_kind_of_slip_is_made(corrupted: str) -> None:
    assert corrupted in all_of(SENTENCE)


def test_a_denial_is_undone() -> None:
    assert "The ferry sails." in all_of("The ferry never sails.")


def test_no_corruption_leaves_the_sentence_as_it_is() -> None:
    assert SENTENCE not in all_of(SENTENCE)
    assert all_of("Hm.") == {"Hm because chips are sold abroad."}
