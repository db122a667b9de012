"""Example questions for any corpus."""

from hypothesis import given
from hypothesis import strategies as st

from assistant.corpus import corpus_of, read_corpus
from assistant.examples import example_questions

SHIPPED = read_corpus().statements


def topic(question: str) -> str:
    return question.removeprefix("What is said about ").removesuffix("?")


def test_the_shipped_corpus_gives_four_different_questions_about_names_in_it() -> None:
    questions = example_questions(SHIPPED)
    assert len(set(questions)) == 4
    for question in questions:
        assert any(topic(question) in statement.text for statement in SHIPPED)


def test_the_limit_is_kept() -> None:
    assert len(example_questions(SHIPPED, limit=2)) == 2
    assert example_questions(SHIPPED, limit=0) == []


def test_a_corpus_without_names_gives_questions_about_its_phrases() -> None:
    (question,) = example_questions(
        corpus_of(["the queen lays thousands of white eggs"]).statements
    )
    assert topic(question) in "the queen lays thousands of white eggs"


def test_questions_come_from_different_statements() -> None:
    texts = ["Jane Goodall watched wild chimpanzees closely.", "Marie Curie measured strong rays."]
    questions = example_questions(corpus_of(texts).statements)
    sources = [next(text for text in texts if topic(question) in text) for question in questions]
    assert len(set(sources)) == len(sources)


def test_nothing_to_ask_about_gives_no_question() -> None:
    assert example_questions(corpus_of(["42", "!"]).statements) == []
    assert example_questions([]) == []


@given(texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=4))
def test_every_question_is_about_words_of_the_corpus(texts: list[str]) -> None:
    for question in example_questions(corpus_of(texts).statements):
        assert any(topic(question) in text for text in texts)
