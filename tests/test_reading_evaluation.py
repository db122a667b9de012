"""Measuring statements read alone, with a reader that knows the answers and one that does not."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from assistant.conversation import Turn
from assistant.training.__main__ import main
from assistant.training.adapter_evaluation import Task
from assistant.training.question_sets import QuestionSet, read_question_set
from assistant.training.reading_evaluation import (
    Judged,
    calibrate,
    curve,
    fit,
    judge_found,
    judge_tasks,
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
    told = summaries({"subjects": judged, "shipped": answerable}, {})
    subjects, shipped = told.split("shipped\n")
    assert figure(subjects, "AUC") > 0.5
    assert figure(shipped, "the first statement answers") > 0.5
    assert "AUC" not in shipped  # there is no near-miss


def test_the_curve_answers_less_the_more_is_asked_for(judged: list[Judged]) -> None:
    results = outcomes(judged, {})
    rows = [[float(value) for value in row.split()] for row in curve(results).splitlines()[1:]]
    for (lower, answered, holds, abstained), (higher, *then) in pairwise(rows):
        assert higher > lower
        assert then[0] <= answered
        assert then[1] <= holds <= answered
        assert then[2] >= abstained
    assert rows[0][1:] != rows[-1][1:]
    needed, answered, _, abstained = rows[3]
    told = summary(results, needed)
    assert figure(told, "answered from") == answered
    assert figure(told, "near-misses abstained there") == abstained


def test_a_question_with_statements_of_its_own_is_judged_among_them() -> None:
    tram, ferry = "The tram to Horn was closed in 1962.", "The ferry to Lund sails twice a day."
    tasks = [
        Task("When was the tram closed?", "direct", (ferry, tram), (("1962",),), frozenset({2})),
        Task("Who built the tram?", "impossible", (tram, ferry), (), frozenset()),
    ]
    first, second = judge_tasks(tasks, WordJudge(), WordEmbedder())
    assert {hit.statement.text for hit in first.hits} == {tram, ferry}
    assert first.question.answering == {"2"}
    assert first.question.id != second.question.id
    found, _ = outcomes([first, second], {})
    assert (found.first, found.holds, found.right) == (True, True, True)
    assert "1 answerable, 1 near-misses" in summary([*outcomes([first, second], {})], 0.44)


def test_a_surer_sentence_stays_surer_when_calibrated(judged: list[Judged]) -> None:
    slope, _ = calibrate(judged)
    assert slope > 0


def test_a_folder_without_questions_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="has no questions of the dev split"):
        main(["measure", "--subjects", str(tmp_path)])
    with pytest.raises(SystemExit, match=f"{tmp_path} has no questions of the dev split"):
        main(["measure", "--statements", str(tmp_path), "--subjects", str(SUBJECT.parent)])
