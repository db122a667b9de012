"""Measuring statements read alone, with a reader that knows the answers and one that does not."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from assistant.conversation import Turn
from assistant.training.__main__ import main
from assistant.training.question_sets import QuestionSet, read_question_set
from assistant.training.reading_evaluation import (
    Judged,
    calibrate,
    fit,
    judge_found,
    outcomes,
    read_alone,
    summaries,
    summary,
)
from tests.fakes import WordEmbedder, WordJudge

SUBJECT = Path(__file__).parent.parent / "evals" / "subjects" / "museums"


class KnowingReader:
    """Doubts every statement but those that answer."""

    def __init__(self, questions: QuestionSet, is_right: bool = True) -> None:
        self._answers = {
            (each.question, questions.statements[identity])
            for each in questions.questions
            for identity in each.answering
        }
        self._is_right = is_right

    def doubts(
        self, question: str, history: Sequence[Turn], statements: Sequence[str]
    ) -> Iterator[float]:
        for statement in statements:
            is_known = (question, statement) in self._answers
            yield 0.01 if is_known == self._is_right else 0.99


@pytest.fixture(scope="module")
def questions() -> QuestionSet:
    return read_question_set(SUBJECT, "dev", WordEmbedder())


@pytest.fixture(scope="module")
def judged(questions: QuestionSet) -> list[Judged]:
    return judge_found(questions, WordJudge())


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{name}.*?: ([0-9.]+) ", text, re.MULTILINE)
    assert found
    return float(found[1])


def test_a_reader_that_knows_is_better_in_every_figure_than_one_that_is_wrong(
    questions: QuestionSet, judged: list[Judged]
) -> None:
    knowing, wrong = (
        summary(outcomes(judged, read_alone(judged, reader)), 0.44)
        for reader in (KnowingReader(questions), KnowingReader(questions, is_right=False))
    )
    for name in ("AUC", "the first statement answers", "right, were all answered", "right there"):
        assert figure(knowing, name) > figure(wrong, name)
    assert figure(knowing, "AUC") > 0.85


def test_the_fit_trusts_a_reader_that_knows(questions: QuestionSet, judged: list[Judged]) -> None:
    found = fit(judged, read_alone(judged, KnowingReader(questions)))
    of_doubt = float(re.findall(r"of doubt (-?[0-9.]+)", found)[0])
    assert of_doubt > 0.5


def test_a_judge_is_measured_by_itself(judged: list[Judged]) -> None:
    answerable = [each for each in judged if each.question.is_answerable]
    told = summaries({"one": judged, "shipped": answerable}, {}, "shipped")
    subjects, shipped = told.split("shipped\n")
    assert figure(subjects, "AUC") > 0.5
    assert figure(shipped, "the first statement answers") > 0.5
    assert "AUC" not in shipped  # there is no near-miss


def test_a_surer_sentence_stays_surer_when_calibrated(judged: list[Judged]) -> None:
    slope, _ = calibrate(judged)
    assert slope > 0


def test_a_folder_without_questions_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no questions of the dev split"):
        main(["measure", "--subjects", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"{tmp_path} has no questions of the dev split"):
        main(["measure", "--statements", str(tmp_path), "--subjects", str(SUBJECT.parent)])
