from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from langchain_core.language_models import FakeListChatModel

from assistant.answer import Answer
from assistant.errors import ModelError
from evals.answers import Asked, curve, measure, questions_with_answers
from evals.baselines import quotes_only, tutorial_chain
from evals.dataset import Dataset, Expected, Question, load_dataset
from evals.errors import EvalsError
from evals.product import History, Subject
from evals.results import Record
from tests.evals.scripted import RIGHT, ScriptedAssistant, write_set


def plainly(asked: Asked, _: str) -> Iterable[tuple[Question, Expected]]:
    return asked


def measured(dataset: Dataset, subject: Subject) -> tuple[Record, ...]:
    return measure(subject, dataset, questions_with_answers(dataset, None), {}, plainly)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return load_dataset(write_set(tmp_path / "set"), "test")


def test_a_right_assistant_is_right_on_every_question(dataset: Dataset) -> None:
    records = measured(dataset, Subject(ScriptedAssistant(script=RIGHT), None, {}))
    assert [record.values["assistant"]["right"] for record in records] == [1.0] * 5
    assert {record.values["assistant"].get("supported", 1.0) for record in records} == {1.0}


def test_an_assistant_that_answers_everything_is_caught_on_the_unanswerable(
    dataset: Dataset,
) -> None:
    everything = {
        question.text: [("s1", "Bees dance to point at flowers.")] for question in dataset.questions
    }
    records = measured(dataset, Subject(ScriptedAssistant(script=everything), None, {}))
    values = {record.id: record.values["assistant"] for record in records}
    assert [values[name]["right"] for name in ("q4", "q5")] == [0.0, 0.0]
    assert values["q4"]["near_miss_abstained"] == 0.0


def test_the_three_times_are_measured_in_order(dataset: Dataset) -> None:
    record = measured(dataset, Subject(ScriptedAssistant(script=RIGHT), None, {}))[0]
    values = record.values["assistant"]
    assert values["seconds_to_evidence"] > 0
    assert 0 < values["seconds_to_first_piece"] <= values["seconds"]


def test_without_a_language_model_the_tutorial_chain_is_left_out(dataset: Dataset) -> None:
    silent = measured(dataset, Subject(ScriptedAssistant(), None, {}))
    assert list(silent[0].values) == ["assistant", "quotes only"]
    model = FakeListChatModel(responses=["I don't know."])
    spoken = measured(dataset, Subject(ScriptedAssistant(), model, {}))
    assert list(spoken[0].values) == ["assistant", "tutorial chain", "quotes only"]


def test_a_stream_without_an_answer_is_an_error(dataset: Dataset) -> None:
    class Unfinished(ScriptedAssistant):
        def stream(self, question: str, history: History = ()) -> Iterator[str | Answer]:
            yield "half a sent"

    with pytest.raises(EvalsError, match='"q1": the stream ended without an answer'):
        measured(dataset, Subject(Unfinished(), None, {}))


def test_a_limit_takes_the_kinds_in_turn(dataset: Dataset) -> None:
    chosen = [question.id for question, _ in questions_with_answers(dataset, 4)]
    assert chosen == ["q1", "q3", "q4", "q5"]


def test_the_tutorial_chain_cites_what_its_markers_point_to() -> None:
    model = FakeListChatModel(responses=["Queens live five years [2]. Bees dance [7]. So it is."])
    reply = tutorial_chain(ScriptedAssistant(), model, "How long does a queen bee live?")
    assert reply.answered
    assert reply.cited == ("s2",)
    assert [sentence.quotes != () for sentence in reply.sentences] == [True, False, False]
    assert reply.seconds_to_first_piece is not None


@pytest.mark.parametrize(
    "words",
    [
        "I don't know.",
        "I don’t know.",
        "I cannot answer this.",
        "This is not mentioned.",
        "The context does not say who.",
        "There is no information on that.",
    ],
)
def test_the_tutorial_chain_abstains_in_many_words(words: str) -> None:
    model = FakeListChatModel(responses=[words])
    assert not tutorial_chain(ScriptedAssistant(), model, "Who?").answered


def test_a_failing_language_model_is_one_clear_error() -> None:
    class Failing(FakeListChatModel):
        def _stream(self, *_: object, **__: object) -> Iterator[object]:  # type: ignore[override]
            raise ConnectionError("refused")

    with pytest.raises(ModelError, match="ConnectionError: refused"):
        tutorial_chain(ScriptedAssistant(), Failing(responses=[""]), "Who?")


def test_quotes_only_quotes_the_most_similar_statement_whole() -> None:
    reply = quotes_only(ScriptedAssistant(), "Honey keeps for 3 000 years in a sealed jar")
    assert (reply.answered, reply.cited) == (True, ("s2",))
    assert reply.text == "Honey keeps for 3,000 years in a sealed jar. [1]"


def test_quotes_only_abstains_below_its_threshold() -> None:
    # Half of the words shared is a dense score of 0.25 in the script.
    assert not quotes_only(ScriptedAssistant(), "honey trade").answered


def test_the_curve_matches_a_hand_worked_example() -> None:
    replies = [(True, 0.9, 1.0), (True, 0.5, 0.0), (True, 0.7, 1.0), (False, 0.8, 1.0)]
    records = [
        Record(
            id=str(place),
            kind="direct",
            question="?",
            values={"assistant": {"right": right}},
            shown={"assistant": ""},
            replies={"assistant": {"answered": answered, "confidence": confidence}},
        )
        for place, (answered, confidence, right) in enumerate(replies)
    ]
    points = [
        (point.threshold, point.coverage, point.error) for point in curve(records, "assistant")
    ]
    assert points == [(0.5, 0.75, pytest.approx(1 / 3)), (0.7, 0.5, 0.0), (0.9, 0.25, 0.0)]


def test_a_set_without_answers_says_so(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set")
    (folder / "answers.jsonl").unlink()
    with pytest.raises(EvalsError, match=r"has no answers\.jsonl"):
        questions_with_answers(load_dataset(folder, "test"), None)
