import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.answer import ABSTENTION
from assistant.statement import Statement
from evals.dataset import Dataset, Question, after_another, load_dataset, load_datasets
from evals.errors import EvalsError
from tests.evals.scripted import answer_row, write_lines, write_set


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_a_set_is_read_with_everything_that_belongs_to_a_question(tmp_path: Path) -> None:
    dataset = load_dataset(write_set(tmp_path / "set"), "test")
    assert (dataset.name, dataset.split, len(dataset.statements)) == ("set", "test", 3)
    follow_up = dataset.questions[2]
    assert follow_up.history == (("Do bees dance?", "They dance to point at flowers."),)
    assert follow_up.relevant == {"s1": 2}
    assert follow_up.expected is not None
    assert follow_up.expected.facts == (("not dance",),)


def test_a_plain_beir_set_needs_no_answers_no_kinds_and_no_metadata(tmp_path: Path) -> None:
    write_lines(tmp_path / "corpus.jsonl", [{"_id": "1", "text": "Bees dance."}])
    write_lines(tmp_path / "queries.jsonl", [{"_id": "a", "text": "?"}, {"_id": "b", "text": "?"}])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\r\na\t1\t1\r\n")
    dataset = load_dataset(tmp_path, "test")
    assert [(question.id, question.kind) for question in dataset.questions] == [("a", "question")]


def test_what_the_judgments_name_and_the_set_lacks_is_noted_not_fatal(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    append(folder / "qrels" / "test.tsv", "q1\tgone\t1\nq99\ts1\t1\n")
    notes = load_dataset(folder, "test").notes
    assert len(notes) == 2
    assert '"gone"' in notes[0]
    assert '"q99"' in notes[1]


def test_a_missing_split_names_the_splits_there_are(tmp_path: Path) -> None:
    with pytest.raises(EvalsError, match='no question in the split "dev"; it has test'):
        load_dataset(write_set(tmp_path / "set"), "dev")


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_set(tmp_path / "set")
    (folder / name).unlink()
    with pytest.raises(EvalsError, match=f"has no {name}; expected a folder in BEIR layout"):
        load_dataset(folder, "test")


@pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (lambda f: append(f / "corpus.jsonl", "{oops\n"), r"corpus\.jsonl line 4: not valid JSON"),
        (
            lambda f: append(f / "corpus.jsonl", "[1]\n"),
            r"corpus\.jsonl line 4: expected a JSON obj",
        ),
        (lambda f: append(f / "corpus.jsonl", '{"_id": "s1", "text": ""}\n'), "line 4.*used twice"),
        (lambda f: append(f / "corpus.jsonl", '{"_id": 7, "text": ""}\n'), 'a string under "_id"'),
        (
            lambda f: append(f / "qrels" / "test.tsv", "q1 s1 2\n"),
            r"test\.tsv line 6: expected query",
        ),
        (lambda f: append(f / "qrels" / "test.tsv", "q1\ts1\thigh\n"), r"test\.tsv line 6"),
        (lambda f: (f / "queries.jsonl").write_text("\n"), r"queries\.jsonl: is empty"),
        (lambda f: (f / "queries.jsonl").write_bytes(b"\xff\xfe{"), "is not UTF-8"),
    ],
)
def test_a_broken_line_is_named_with_its_file(
    tmp_path: Path, break_it: Callable[[Path], object], complaint: str
) -> None:
    folder = write_set(tmp_path / "set")
    break_it(folder)
    with pytest.raises(EvalsError, match=complaint):
        load_dataset(folder, "test")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"answerable": "yes"}, 'true or false under "answerable"'),
        ({"facts": []}, "at least one fact and one citation"),
        ({"facts": ["five years"]}, 'list of lists of strings under "facts"'),
        ({"facts": [[]]}, 'list of lists of strings under "facts"'),
        ({"cite": [["s9"]]}, '"cite" names "s9"'),
        (
            {"evidence": [{"statement": "s3", "quote": "A king bee"}]},
            "'A king bee' is not in \"s3\"",
        ),
        ({"_id": "q2"}, 'the id "q2" is used twice'),
    ],
)
def test_a_malformed_answer_is_named_with_its_line(
    tmp_path: Path, changes: dict[str, object], complaint: str
) -> None:
    folder = write_set(tmp_path / "set")
    lines = (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    lines[0] = json.dumps(answer_row("q1", **changes))
    (folder / "answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(EvalsError, match=complaint) as raised:
        load_dataset(folder, "test")
    assert "answers.jsonl line " in str(raised.value)


def test_a_judged_question_without_an_answer_row_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    lines = (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "answers.jsonl").write_text("\n".join(lines[1:]), encoding="utf-8")
    with pytest.raises(EvalsError, match=r'queries\.jsonl line 1: "q1" has no row in answers'):
        load_dataset(folder, "test")


def test_a_history_that_is_not_pairs_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    row = {"_id": "q1", "text": "And?", "metadata": {"kind": "follow_up", "history": ["alone"]}}
    write_lines(folder / "queries.jsonl", [row])
    with pytest.raises(EvalsError, match=r"queries\.jsonl line 1: expected \[question, answer\]"):
        load_dataset(folder, "test")


def test_a_folder_of_sets_stands_for_those_with_the_split(tmp_path: Path) -> None:
    for name in ("bees", "wasps"):
        write_set(tmp_path / "sets" / name)
    (tmp_path / "sets" / "wasps" / "qrels" / "test.tsv").rename(
        tmp_path / "sets" / "wasps" / "qrels" / "dev.tsv"
    )
    other = write_set(tmp_path / "other", prefix="other")
    found = load_datasets([tmp_path / "sets", other], "test")
    assert [dataset.name for dataset in found] == ["bees", "other"]
    with pytest.raises(EvalsError, match="expected a folder in BEIR layout"):
        load_datasets([tmp_path / "sets"], "train")


def test_a_question_that_stands_alone_can_be_asked_after_another(tmp_path: Path) -> None:
    questions = (
        Question("q1", "When do bees fly?", relevant={"gone": 2, "b": 1, "a": 2}),
        Question("q2", "And wasps?", history=(("Do bees sleep?", "They do."),)),
        Question("q3", "Who keeps bees on Mars?"),
    )
    statements = (Statement("a", "Bees fly in spring."), Statement("b", "Bees sleep."))
    asked = after_another(Dataset("bees", tmp_path, "test", statements, questions)).questions
    assert [each.history for each in asked] == [
        (("Who keeps bees on Mars?", ABSTENTION),),
        (("Do bees sleep?", "They do."),),
        (("When do bees fly?", "Bees fly in spring."),),
    ]
