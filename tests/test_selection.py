"""Which sentences make the answer."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from assistant.answer import Hit
from assistant.selection import (
    LONGEST_ANSWER,
    MOST_JUDGED,
    Candidate,
    Ranked,
    judge_sentences,
    rank_statements,
    select,
)
from assistant.statement import Statement
from assistant.words import split_sentences
from tests.fakes import WordJudge

FIRST = Statement("a", "Bees dance at noon. They sleep in winter. Honey keeps.", "notes", 1)
OTHER = Statement("b", "Wasps do not dance.", "notes", 2)


def judged(statement: Statement, *probabilities: float) -> list[Candidate]:
    spans = split_sentences(statement.text)
    return [
        Candidate(statement, start, end, probability)
        for (start, end), probability in zip(spans, probabilities, strict=True)
    ]


def ranked(*candidates: Candidate, doubts: Mapping[str, float] | None = None) -> list[Ranked]:
    """The statements of the candidates, as retrieval found them in that order."""
    statements = {candidate.statement.id: candidate.statement for candidate in candidates}
    likeliest = sorted(candidates, key=lambda candidate: -candidate.probability)
    return list(rank_statements(hits_of(*statements.values()), likeliest, doubts or {}))


def hits_of(*statements: Statement) -> list[Hit]:
    return [
        Hit(statement, rank, 1 / rank, 0.5, 0.5)
        for rank, statement in enumerate(statements, start=1)
    ]


def selected(question: str, *candidates: Candidate) -> list[str]:
    likeliest = sorted(candidates, key=lambda candidate: -candidate.probability)
    return [each.text for each in select(question, ranked(*candidates), likeliest)]


def test_of_a_long_document_the_sentences_that_share_words_with_the_question_are_judged() -> None:
    filler = [f"Nothing is said in line {number}." for number in range(500)]
    lines = [*filler[:300], "Wasps dance at dusk.", *filler[300:], "Bees dance at noon."]
    document = Statement("c", " ".join(lines), "book", 1)
    short = Statement("d", " ".join(filler[:MOST_JUDGED]), "notes", 2)
    candidates = judge_sentences(WordJudge(), "When do bees dance?", hits_of(document, short))
    of_document = [each for each in candidates if each.statement is document]
    assert len(of_document) == len(candidates) - len(of_document) == MOST_JUDGED
    assert [each.text for each in of_document[:2]] == [lines[-1], lines[300]]
    assert all(each.text in lines for each in candidates)


def test_the_main_statement_is_told_in_its_order_without_what_surely_does_not_answer() -> None:
    assert selected("When?", *judged(FIRST, 0.4, 0.9, 0.001)) == [
        "Bees dance at noon.",
        "They sleep in winter.",
    ]


def test_a_likely_sentence_of_another_statement_follows_and_an_unlikely_one_does_not() -> None:
    own = judged(FIRST, 0.9, 0.001, 0.001)
    assert selected("When?", *own, *judged(OTHER, 0.8))[-1] == OTHER.text
    assert selected("When?", *own, *judged(OTHER, 0.005)) == ["Bees dance at noon."]


def test_a_far_likelier_statement_takes_the_place_of_the_first() -> None:
    assert selected("When?", *judged(FIRST, 0.01, 0.02, 0.01), *judged(OTHER, 0.8))[0] == OTHER.text


def test_the_doubt_of_the_reader_decides_between_statements_that_look_alike() -> None:
    alike = [*judged(FIRST, 0.5, 0.1, 0.1), *judged(OTHER, 0.5)]
    assert [each.statement.id for each in ranked(*alike)] == ["a", "b"]
    doubts = {"a": 0.95, "b": 0.05}
    assert [each.statement.id for each in ranked(*alike, doubts=doubts)] == ["b", "a"]


def test_what_was_read_comes_before_what_was_not() -> None:
    alike = [*judged(FIRST, 0.9, 0.1, 0.1), *judged(OTHER, 0.2)]
    read, unread = ranked(*alike, doubts={"b": 0.6})
    assert (read.statement.id, unread.statement.id) == ("b", "a")
    assert unread.log_odds > read.log_odds


def test_a_reader_that_is_at_odds_changes_nothing() -> None:
    alike = [*judged(FIRST, 0.5, 0.1, 0.1), *judged(OTHER, 0.5)]
    told = ranked(*alike, doubts={"a": 0.5, "b": 0.5})
    assert [each.log_odds for each in told] == pytest.approx(
        [each.log_odds for each in ranked(*alike)]
    )


def test_what_hardly_answers_makes_room_for_what_likely_does() -> None:
    padding = "Of this and that and of nothing else at all there was much talk" + " on" * 110 + "."
    long = replace(FIRST, text=f"Bees dance at noon. {padding}")
    assert len(long.text) < LONGEST_ANSWER < len(long.text) + len(OTHER.text)
    texts = selected("When?", *judged(long, 0.9, 0.2), *judged(OTHER, 0.8))
    assert texts == ["Bees dance at noon.", OTHER.text]
    texts = selected("When?", *judged(long, 0.9, 0.8), *judged(OTHER, 0.8))
    assert texts == ["Bees dance at noon.", padding]


def test_a_question_that_asks_for_two_things_may_be_answered_at_length() -> None:
    padding = "Of this and that and of nothing else at all there was much talk" + " on" * 110 + "."
    long = replace(FIRST, text=f"Bees dance at noon. {padding}")
    candidates = [*judged(long, 0.9, 0.8), *judged(OTHER, 0.8)]
    assert len(selected("How do bees and wasps compare?", *candidates)) == 3


def test_two_sentences_of_the_second_statement_where_several_things_are_asked_for() -> None:
    second = replace(OTHER, text="Wasps do not dance. They sting. They build with paper.")
    candidates = [*judged(FIRST, 0.9, 0.001, 0.001), *judged(second, 0.5, 0.4, 0.6)]
    both = ["Bees dance at noon.", "Wasps do not dance.", "They build with paper."]
    assert selected("What do bees do, and what do wasps do?", *candidates) == both
    assert selected("And what do wasps do?", *candidates) == [both[0], both[2]]


def test_beside_the_first_statement_stands_what_says_the_part_that_it_leaves_out() -> None:
    again = replace(OTHER, text="Bees dance, as they do.")
    other_part = Statement("c", "Wasps sting.", "notes", 3)
    candidates = [*judged(FIRST, 0.9, 0.001, 0.001), *judged(again, 0.8), *judged(other_part, 0.6)]
    read = ranked(*candidates, doubts={"a": 0.3, "b": 0.4, "c": 0.5})

    def chosen(question: str, by_likelihood: list[Ranked]) -> list[str]:
        return [each.text for each in select(question, by_likelihood, candidates)][1:]

    both_parts = "Do bees dance and wasps sting?"
    for question in (
        both_parts,
        "What do bees dance for, what do wasps sting?",
        "Where do bees dance first, where wasps that sting later?",
        "What do my notes say of the dance of bees, of the sting of wasps?",
    ):
        assert chosen(question, read) == ["Wasps sting."]
    assert chosen("Why do bees dance?", read) == ["Bees dance, as they do."]
    assert chosen(both_parts, ranked(*candidates)) == ["Bees dance, as they do."]


def test_what_is_left_out_does_not_make_an_unlikely_statement_an_answer() -> None:
    unlikely = replace(OTHER, text="Wasps sting.")
    candidates = [*judged(FIRST, 0.9, 0.001, 0.001), *judged(unlikely, 0.01)]
    by_likelihood = ranked(*candidates, doubts={"a": 0.1, "b": 0.99})
    chosen = select("Do bees dance and wasps sting?", by_likelihood, candidates)
    assert [each.text for each in chosen] == ["Bees dance at noon."]
