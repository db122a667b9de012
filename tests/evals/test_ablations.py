"""The assistant without one of its parts, over the real embedder."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from assistant.assistant import Assistant
from assistant.corpus import corpus_of
from assistant.index import StatementIndex
from assistant.settings import Settings
from assistant.verification import Verifier
from evals.ablations import ablations
from evals.answers import measure, questions_with_answers
from evals.dataset import Dataset, load_dataset
from evals.product import Answering, Subject
from tests.evals.scripted import STATEMENTS, write_set
from tests.evals.test_answers import plainly
from tests.fakes import WordEmbedder, WordJudge, scripted_model

pytestmark = pytest.mark.models

FALSE = "Honey keeps for nine years in a sealed jar."


@pytest.fixture
def opened(settings: Settings) -> Iterator[Assistant]:
    corpus = corpus_of(list(STATEMENTS.values()))
    index = StatementIndex(corpus, WordEmbedder())
    model, _ = scripted_model(FALSE)
    dial = replace(settings, abstain_below=0.6)
    with Assistant(corpus, index, WordJudge(), Verifier(), None, model, dial) as assistant:
        yield assistant


def answered(system: Answering, question: str) -> str:
    *_, answer = system.stream(question)
    assert not isinstance(answer, str)
    return answer.text if answer.answered else ""


def test_without_the_checker_what_the_model_invents_is_shown(opened: Assistant) -> None:
    question = "How many years does honey keep in a sealed jar?"
    assert "nine" not in answered(opened, question)
    assert "nine" in answered(ablations(opened)["no checker"], question)


def test_without_abstention_every_question_is_answered(opened: Assistant) -> None:
    question = "What is a tax on wool?"
    assert not answered(opened, question)
    assert answered(ablations(opened)["no abstention"], question)


def test_by_similarity_only_what_is_near_is_answered_and_what_is_far_is_not(
    opened: Assistant,
) -> None:
    variant = ablations(opened)["similarity only"]
    assert answered(variant, "How long does a queen bee live?")
    assert not answered(variant, "Who won the football cup in Brazil?")


def test_other_parts_keep_the_number_of_statements_read(opened: Assistant) -> None:
    """It fell back to the usual number."""
    reading_one = opened.with_parts(found=1)
    *_, answer = reading_one.with_parts(abstain_below=0.0).stream("How long does honey keep?")
    assert not isinstance(answer, str)
    assert len(answer.hits) == 1


def test_ablations_are_measured_beside_the_assistant(
    tmp_path_factory: pytest.TempPathFactory, opened: Assistant
) -> None:
    dataset: Dataset = load_dataset(write_set(tmp_path_factory.mktemp("set") / "set"), "test")
    subject = Subject(opened, None, {})
    asked = questions_with_answers(dataset, None)
    (record, *_) = measure(subject, dataset, asked, ablations(opened), plainly)
    assert list(record.values) == [
        "assistant", "no checker", "no abstention", "similarity only", "quotes only",
    ]  # fmt: skip
