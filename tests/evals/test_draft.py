from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.statement import Statement
from evals.dataset import Dataset, load_dataset
from evals.draft import write_draft
from evals.errors import EvalsError
from evals.matching import says

STATEMENTS = [
    Statement(
        "a", "Universities face a brain drain. Google hires most PhDs.", metadata={"title": "T"}
    ),
    Statement("b", "In 2023 the mine of Falun closed after a flood."),
    Statement("c", "all in small letters"),
]


def test_a_draft_is_a_set_that_can_be_measured_at_once(tmp_path: Path) -> None:
    count = write_draft(STATEMENTS, tmp_path / "own")
    drafted = load_dataset(tmp_path / "own", "test")
    assert count == len(drafted.questions) == 4
    assert [statement.id for statement in drafted.statements] == ["a", "b", "c"]
    assert drafted.statements[0].metadata["title"] == "T"
    assert [dict(question.relevant) for question in drafted.questions] == [
        {"a": 2},
        {"b": 2},
        {"c": 2},
        {},
    ]


def test_a_drafted_question_names_its_subject_and_not_its_fact(tmp_path: Path) -> None:
    write_draft(STATEMENTS, tmp_path / "own")
    questions = load_dataset(tmp_path / "own", "test").questions
    assert questions[0].text == "What does the corpus say about Universities?"
    for question, statement in zip(questions, STATEMENTS, strict=False):
        assert question.expected is not None
        assert says(statement.text, question.expected.facts[0])
        assert not says(question.text, question.expected.facts[0])


def test_the_last_drafted_question_is_unanswerable(tmp_path: Path) -> None:
    write_draft(STATEMENTS, tmp_path / "own")
    last = load_dataset(tmp_path / "own", "test").questions[-1]
    assert last.expected is not None
    assert not last.expected.answerable


def test_a_draft_overwrites_nothing(tmp_path: Path) -> None:
    write_draft(STATEMENTS, tmp_path / "own")
    before = (tmp_path / "own" / "queries.jsonl").read_bytes()
    with pytest.raises(EvalsError, match="is there already"):
        write_draft(STATEMENTS[:1], tmp_path / "own")
    assert (tmp_path / "own" / "queries.jsonl").read_bytes() == before


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=4))
def test_any_statement_can_be_drafted_from(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("draft")
    write_draft([Statement(f"s{place}", text) for place, text in enumerate(texts)], folder)
    drafted: Dataset = load_dataset(folder, "test")
    assert len(drafted.questions) == len(texts) + 1
