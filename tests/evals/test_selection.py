"""Ranking the sentences beside a question, on scores worked out by hand."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.cli import main
from evals.errors import EvalsError
from evals.selection import Candidates, read_candidates, records
from tests.evals.scripted import write_lines

ASKED = Candidates(
    "Do bees dance?", ("Wax melts.", "Bees dance.", "Ants walk."), (False, True, False)
)


def by_length(_question: str, sentences: Sequence[str]) -> list[float]:
    return [float(len(sentence)) for sentence in sentences]


def by_words(question: str, sentences: Sequence[str]) -> list[float]:
    return [float("dance" in sentence and "dance" in question) for sentence in sentences]


def test_a_ranker_that_puts_what_answers_first_scores_one() -> None:
    (record,) = records([ASKED], {"words": by_words})
    assert record.values["words"] == {"AP": 1.0, "RR": 1.0}
    assert record.shown["words"] == "Bees dance."


def test_a_ranker_that_turns_the_order_round_is_caught() -> None:
    def backwards(question: str, sentences: Sequence[str]) -> list[float]:
        return [-score for score in by_words(question, sentences)]

    (record,) = records([ASKED], {"backwards": backwards})
    assert record.values["backwards"]["RR"] == pytest.approx(1 / 3)


def rows(*answers: bool, question: str = "Do bees dance?") -> list[dict[str, object]]:
    return [
        {"question": question, "sentence": f"Sentence {n}.", "answers": each, "split": "test"}
        for n, each in enumerate(answers)
    ]


def test_questions_with_one_kind_of_sentence_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "selection.jsonl"
    write_lines(path, [*rows(True, False), *rows(True, True, question="Why?")])
    assert [each.question for each in read_candidates(path, "test")] == ["Do bees dance?"]
    with pytest.raises(EvalsError, match=r'no question has sentences .* in the split "dev"'):
        read_candidates(path, "dev")


def test_the_command_prints_a_row_per_ranker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "selection.jsonl"
    write_lines(path, rows(True, False))
    assert main(["selection", str(path)], rankers={"length": by_length, "words": by_words}) == 0
    printed = capsys.readouterr().out
    assert "length" in printed
    assert "words" in printed
