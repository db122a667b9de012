"""Retrieval: ranks, scores, and what a follow-up question is searched by."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.corpus import corpus_of
from assistant.index import StatementIndex
from assistant.retrieval import CANDIDATES, Retriever
from tests.conftest import OpenIndex
from tests.fakes import WordEmbedder

TEXTS = [
    "Bees fly from ten degrees on.",
    "Honey keeps for years.",
    "The fear around DeepSeq was about China.",
    "Wax melts in the sun.",
    "A queen lays eggs.",
]


@pytest.fixture(scope="module")
def retriever() -> Iterator[Retriever]:
    index = StatementIndex(corpus_of(TEXTS), WordEmbedder())
    yield Retriever(index)
    index.close()


def found(retriever: Retriever, question: str, limit: int = 5) -> list[str]:
    return [hit.statement.text for hit in retriever.search(question, limit)]


def test_the_statement_itself_comes_first_with_the_highest_score(retriever: Retriever) -> None:
    for text in TEXTS:
        best = retriever.search(text, 1)[0]
        assert best.statement.text == text
        assert best.rank == 1
        assert best.score == pytest.approx(1.0, abs=0.1)
        assert best.dense_score == pytest.approx(1.0, abs=1e-5)


def test_a_misspelt_name_is_found_by_its_letters(retriever: Retriever) -> None:
    best, second = retriever.search("deepseak", 2)
    assert best.statement.text == TEXTS[2]
    assert best.lexical_score > 0 == second.lexical_score


@given(question=st.one_of(st.text(), st.sampled_from(TEXTS)), limit=st.integers(-1, 9))
def test_hits_are_ranked_from_1_with_scores_that_fall_between_1_and_0(
    retriever: Retriever, question: str, limit: int
) -> None:
    hits = retriever.search(question, limit)
    assert len(hits) <= max(limit, 0)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert len({hit.statement.id for hit in hits}) == len(hits)
    for hit in hits:
        assert 0 <= hit.score <= 1
        assert 0 <= hit.dense_score <= 1
        assert 0 <= hit.lexical_score <= 1


@given(question=st.sampled_from(["honey", "wax sun", "bees and wax", "degrees"]))
def test_asking_for_more_changes_no_earlier_rank(retriever: Retriever, question: str) -> None:
    assert found(retriever, question, 5)[:2] == found(retriever, question, 2)


@pytest.mark.parametrize("blank", ["", "   ", "\n"])
def test_a_blank_question_finds_nothing(retriever: Retriever, blank: str) -> None:
    assert retriever.search(blank, 5) == ()


def test_every_statement_can_be_asked_for(retriever: Retriever) -> None:
    assert sorted(found(retriever, "anything", 100)) == sorted(TEXTS)


def test_a_statement_that_only_its_words_find_is_ranked_with_its_similarity(
    index_of: OpenIndex,
) -> None:
    filler = " ".join(f"filler{number}" for number in range(30))
    index = index_of("Zanzibar", *(f"nectar {filler} number{number}" for number in range(60)))
    question = "zanzibarr nectar"
    (identity,) = [each for each, found in index.statements.items() if found.text == "Zanzibar"]
    assert identity not in index.dense(index.embed(question), CANDIDATES)
    best = Retriever(index).search(question, 5)[0]
    assert best.statement.id == identity
    (similarity,) = index.similarities(index.embed(question), [identity]).values()
    assert best.dense_score == similarity


def test_words_that_are_not_valid_text_find_nothing_or_something_but_do_not_break(
    retriever: Retriever,
) -> None:
    """A shell in another encoding hands over bytes as lone surrogates."""
    assert len(retriever.search("honey \udcff", 2)) <= 2
