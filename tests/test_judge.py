"""The judge, with the weights that ship: what answers ranks above what is merely near."""

from pathlib import Path

import numpy as np
import pytest

from assistant.errors import ModelError
from assistant.judge import ANSWER_WEIGHTS, LONGEST_PASSAGE, Judge, passage_around
from assistant.words import split_sentences

pytestmark = pytest.mark.models

LIGHTHOUSE = (
    "The lighthouse at Skerry Point was lit in 1844. Its keeper, Agnes Moray, rowed ashore "
    "twice a month for flour. She says the fog horn, not the lamp, is what saved the herring boats."
)
FERRY = (
    "The ferry to Skerry Point costs four pounds. It stopped running in winter after a storm broke "
    "the pier, and the council has not mended it."
)
PAIRS = [
    (statement[start:end], statement)
    for statement in (LIGHTHOUSE, FERRY)
    for start, end in split_sentences(statement)
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(ANSWER_WEIGHTS)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("When was the lighthouse first lit?", "lit in 1844"),
        ("Who kept the lighthouse at Skerry Point?", "Agnes Moray"),
        ("What does the crossing to Skerry Point cost?", "four pounds"),
        ("Why is there no ferry in winter?", "broke the pier"),
    ],
)
def test_the_sentence_that_answers_ranks_first(judge: Judge, question: str, answer: str) -> None:
    scores = judge.probabilities(question, PAIRS)
    assert answer in PAIRS[int(np.argmax(scores))][0]


def test_a_question_the_statement_answers_scores_above_one_it_is_silent_on(judge: Judge) -> None:
    answered = judge.probabilities("When was the lighthouse at Skerry Point lit?", PAIRS).max()
    silent = judge.probabilities("How tall is the lighthouse at Skerry Point?", PAIRS).max()
    assert answered > silent + 0.2


def test_probabilities_are_single_floats_between_0_and_1(judge: Judge) -> None:
    scores = judge.probabilities("What does the ferry cost?", PAIRS)
    assert scores.dtype == np.float32
    assert scores.shape == (len(PAIRS),)
    assert (scores >= 0).all()
    assert (scores <= 1).all()


def test_nothing_to_judge_is_no_error(judge: Judge) -> None:
    assert judge.probabilities("What does the ferry cost?", []).shape == (0,)
    assert judge.probabilities("What does the ferry cost?", [("", LIGHTHOUSE)])[0] == 0


def test_a_sentence_scores_the_same_alone_and_in_a_batch(judge: Judge) -> None:
    question = "Who kept the lighthouse?"
    alone = [judge.probabilities(question, [pair])[0] for pair in PAIRS]
    np.testing.assert_allclose(judge.probabilities(question, PAIRS), alone, atol=1e-4)


def test_the_order_of_the_sentences_does_not_matter(judge: Judge) -> None:
    question = "Why did the ferry stop?"
    backwards = judge.probabilities(question, PAIRS[::-1])[::-1]
    np.testing.assert_allclose(judge.probabilities(question, PAIRS), backwards, atol=1e-4)


def test_a_sentence_that_is_not_in_its_statement_is_read_alone(judge: Judge) -> None:
    question = "What does the ferry cost?"
    sentence = "The ferry to Skerry Point costs four pounds."
    alone = judge.probabilities(question, [(sentence, sentence)])
    np.testing.assert_allclose(
        judge.probabilities(question, [(sentence, LIGHTHOUSE)]), alone, atol=1e-4
    )


def test_a_late_sentence_of_a_long_statement_is_read(judge: Judge) -> None:
    padding = "The gulls on the cliff are counted every spring by volunteers. " * 60
    sentence = "The ferry to Skerry Point costs four pounds."
    statement = f"{padding}{sentence} {padding}"
    passage, (start, end) = passage_around(sentence, statement)
    assert passage[start:end] == sentence
    assert len(passage) <= LONGEST_PASSAGE
    assert judge.probabilities("What does the ferry cost?", [(sentence, statement)])[0] > 0


@pytest.mark.parametrize(
    "question",
    [
        "?" * 400,
        "什么" * 200,
        "https://example.org/a-b_c?d=e&f=g " * 20,
        "long-winded " * 300,
        "\x00",
    ],
)
def test_a_question_that_is_too_long_is_cut_and_the_statement_is_still_read(
    judge: Judge, question: str
) -> None:
    asked = f"What does the ferry to Skerry Point cost? {question}"
    for text in (question, asked):
        assert (judge.probabilities(text, PAIRS) > 0).all()


def test_what_is_read_of_a_long_statement_is_whole_sentences_around_the_one_asked_about() -> None:
    statement = " ".join(f"Dr. Moray of no. {n} lit it for the U.S. Navy." for n in range(400))
    spans = split_sentences(statement)
    for place in (0, 1, 2, 200, 398, 399):
        start, end = spans[place]
        passage, (first, last) = passage_around(statement[start:end], statement)
        assert passage[first:last] == statement[start:end]
        at = statement.index(passage)
        assert at in [span[0] for span in spans]
        assert at + len(passage) in [span[1] for span in spans]
        assert LONGEST_PASSAGE - 60 < len(passage) <= LONGEST_PASSAGE


def test_damaged_weights_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "judge.safetensors").write_bytes(ANSWER_WEIGHTS.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"in .*judge\.safetensors are damaged") as caught:
        Judge(tmp_path / "judge.safetensors")
    assert len(str(caught.value).splitlines()) == 1


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Reinstall"):
        Judge(tmp_path / "judge.safetensors")
