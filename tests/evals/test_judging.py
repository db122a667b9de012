from dataclasses import replace

import pytest

from assistant.answer import Sentence
from evals.dataset import Expected, Question
from evals.judging import Reply, Shown, judge, reply_from_answer
from tests.evals.scripted import STATEMENTS, ScriptedAssistant, citation

QUESTION = Question("q", "How long does a queen live?", relevant={"s3": 2, "s1": 1})
EXPECTED = Expected(True, (("five years", "5 years"),), (("s3",),))
SILENT = Expected(False)
RIGHT = Reply(
    answered=True,
    text="A queen bee lives 5 years. [1]",
    cited=("s3",),
    sentences=(Shown("A queen bee lives five years", (STATEMENTS["s3"],)),),
    confidence=0.8,
    seconds_to_evidence=0.01,
    seconds_to_first_piece=0.1,
    seconds=0.2,
    model="scripted",
)
ABSTAINED = replace(RIGHT, answered=False, text="The corpus is silent.", cited=(), sentences=())


def right(reply: Reply, expected: Expected = EXPECTED) -> bool:
    return judge(QUESTION, expected, reply)["right"] == 1.0


def test_a_correct_short_answer_with_a_relevant_citation_is_right() -> None:
    assert right(RIGHT)


def test_a_missing_fact_is_not_right() -> None:
    assert not right(replace(RIGHT, text="A queen bee lives long. [1]"))


def test_a_fact_that_only_stands_in_a_marker_does_not_count() -> None:
    expected = replace(EXPECTED, facts=(("1",),))
    assert not right(RIGHT, expected)


def test_every_fact_is_required() -> None:
    assert not right(RIGHT, replace(EXPECTED, facts=(("five years", "5 years"), ("six weeks",))))


@pytest.mark.parametrize(
    ("length", "groups", "expected"),
    [
        (420, 1, True),
        (421, 1, False),
        (421, 2, True),
        (640, 2, True),
        (641, 2, False),
    ],
)
def test_the_length_that_is_right_depends_on_how_many_statements_are_needed(
    length: int, groups: int, expected: bool
) -> None:
    text = "Five years. ".ljust(length, "x")
    reply = replace(RIGHT, text=f"{text} [1]", cited=("s3", "s1"))
    assert right(reply, replace(EXPECTED, cite=(("s3",), ("s1",))[:groups])) is expected


@pytest.mark.parametrize(
    ("cited", "expected"),
    [
        (("s3",), True),
        (("s1",), True),
        (("s3", "s2"), True),
        (("s3", "s2", "s9"), False),
        (("s2",), False),
        ((), False),
    ],
)
def test_half_of_what_is_cited_has_to_be_relevant(cited: tuple[str, ...], expected: bool) -> None:
    assert right(replace(RIGHT, cited=cited)) is expected


def test_abstaining_is_right_only_where_the_corpus_is_silent() -> None:
    assert right(ABSTAINED, SILENT)
    assert not right(ABSTAINED, EXPECTED)
    assert not right(RIGHT, SILENT)


def test_an_abstention_is_not_correct_even_when_its_words_hold_the_facts() -> None:
    values = judge(QUESTION, EXPECTED, replace(ABSTAINED, text="Nothing on five years."))
    assert (values["correct"], values["answered"]) == (0.0, 0.0)


def test_metrics_apply_only_where_they_mean_something() -> None:
    answerable = judge(QUESTION, EXPECTED, RIGHT)
    assert "abstention_precision" not in answerable
    assert "abstention_recall" not in answerable
    abstained = judge(QUESTION, EXPECTED, ABSTAINED)
    assert abstained["abstention_precision"] == 0.0
    assert "citation_precision" not in abstained
    assert "supported" not in abstained
    near_miss = replace(QUESTION, kind="near_miss", relevant={})
    missed = judge(near_miss, SILENT, RIGHT)
    assert (missed["near_miss_abstained"], missed["abstention_recall"]) == (0.0, 0.0)
    assert "correct" not in missed


def test_citing_is_measured_against_every_required_group() -> None:
    expected = replace(EXPECTED, cite=(("s3",), ("s1", "s2")))
    values = judge(QUESTION, expected, RIGHT)
    assert (values["cited"], values["citation_recall"]) == (0.0, 0.5)
    values = judge(QUESTION, expected, replace(RIGHT, cited=("s3", "s2")))
    assert (values["cited"], values["citation_recall"], values["citation_precision"]) == (1, 1, 0.5)
    assert values["correct_and_cited"] == 1.0


def test_support_is_the_share_of_sentences_that_their_quotes_carry() -> None:
    invented = Shown("Queens eat royal jelly for breakfast.", (STATEMENTS["s3"],))
    reply = replace(RIGHT, sentences=(*RIGHT.sentences, invented))
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 0.5


def test_a_sentence_without_a_citation_is_not_supported() -> None:
    reply = replace(RIGHT, sentences=(Shown("A queen bee lives five years.", ()),))
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 0.0


def test_a_quote_that_is_not_its_slice_makes_its_sentence_unsupported() -> None:
    honest = ScriptedAssistant(script={"?": [("s3", "A queen bee lives five years")]}).answer("?")
    reply = reply_from_answer(honest, STATEMENTS, 0.0, None, 0.0)
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 1.0
    moved = replace(honest, citations=(replace(honest.citations[0], start=1),))
    reply = reply_from_answer(moved, STATEMENTS, 0.0, None, 0.0)
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 0.0
    altered = {**STATEMENTS, "s3": "Another text of the same statement."}
    reply = reply_from_answer(honest, altered, 0.0, None, 0.0)
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 0.0


def test_a_marker_without_a_citation_makes_its_sentence_unsupported() -> None:
    answer = ScriptedAssistant(script={"?": [("s3", "A queen bee lives five years")]}).answer("?")
    dangling = replace(
        answer, sentences=(Sentence("A queen bee lives five years", (2,), "quoted", 1.0),)
    )
    reply = reply_from_answer(dangling, STATEMENTS, 0.0, None, 0.0)
    assert judge(QUESTION, EXPECTED, reply)["supported"] == 0.0


def test_two_quotes_of_one_statement_count_as_one_citation() -> None:
    quotes = [("s1", "Bees dance to point at flowers."), ("s1", "They do not dance at night.")]
    answer = ScriptedAssistant(script={"?": quotes}).answer("?")
    assert len(answer.citations) == 2
    assert reply_from_answer(answer, STATEMENTS, 0.0, None, 0.0).cited == ("s1",)
    assert citation(1, *quotes[0], STATEMENTS) == answer.citations[0]
