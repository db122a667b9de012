"""What a follow-up is about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer import ABSTENTION
from assistant.conversation import search_text

HISTORY = [("What is wax?", "It melts. [1]"), ("Who lays the eggs?", "A queen lays them. [2]")]


@pytest.mark.parametrize(
    "question",
    [
        "And the workers?",
        "What about drones?",
        "How about in winter?",
        "Why?",
        "How many does she raise in a long summer?",
        "How long does it take for them to hatch?",
        "How many checks has it survived?",
        "What does the beekeeper reply to that?",
        "What is their share of the honey?",
        "How many of the workers live there?",
        "In winter too?",
        "Do others, then?",
    ],
)
def test_a_question_that_leans_on_the_one_before_is_searched_with_its_topic(question: str) -> None:
    assert search_text(question, HISTORY) == f"lays eggs queen: {question}"


@pytest.mark.parametrize(
    "question",
    [
        "When do bees start to fly in spring?",
        "Why do bees fly late in a cold spring?",
        "Has the keeper who found wax sold it in pots?",
        "Why does Nadia Khoury defend her hives?",
        "Which wax does the Tell Arwan workshop use for its candles?",
        "Is it true that bees sleep in winter?",
        "What awaits those who keep wasps instead of bees?",
        "How many bees are there in a hive?",
        "One sting, no swelling: does it still hurt bees?",
    ],
)
def test_a_question_that_stands_alone_is_searched_alone(question: str) -> None:
    assert search_text(question, HISTORY) == question


def test_a_follow_up_to_a_follow_up_keeps_the_topic_of_the_first() -> None:
    history = [
        ("What did Nadia Khoury find at Tell Arwan?", "She found seeds. [1]"),
        ("And what did she conclude?", "They were brewing. [1]"),
    ]
    searched = search_text("Why?", history)
    assert searched.endswith(": Why?")
    assert "Nadia Khoury find Tell Arwan" in searched


def test_words_of_the_question_itself_are_not_said_twice() -> None:
    assert search_text("And eggs in winter?", HISTORY) == "lays queen: And eggs in winter?"


def test_an_abstention_before_adds_nothing_of_its_own() -> None:
    searched = search_text("And then?", [("Who keeps bees on Mars?", ABSTENTION)])
    assert searched == "keeps bees Mars: And then?"


def test_without_history_every_question_stands_alone() -> None:
    assert search_text("And then?", []) == "And then?"
    assert search_text("", HISTORY) == ""


@given(question=st.text(), history=st.lists(st.tuples(st.text(), st.text())))
def test_what_is_searched_for_always_ends_with_the_question(
    question: str, history: list[tuple[str, str]]
) -> None:
    assert search_text(question, history).endswith(question)
