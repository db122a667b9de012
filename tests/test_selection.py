"""Which sentences make the answer."""

from dataclasses import replace

from assistant.answer import Hit
from assistant.selection import LONGEST_ANSWER, Candidate, select
from assistant.statement import Statement
from assistant.words import split_sentences

FIRST = Statement("a", "Bees dance at noon. They sleep in winter. Honey keeps.", "notes", 1)
OTHER = Statement("b", "Wasps do not dance.", "notes", 2)


def judged(statement: Statement, *probabilities: float) -> list[Candidate]:
    spans = split_sentences(statement.text)
    return [
        Candidate(statement, start, end, probability)
        for (start, end), probability in zip(spans, probabilities, strict=True)
    ]


def selected(question: str, *candidates: Candidate) -> list[str]:
    """What is selected of statements that retrieval ranks in the order given."""
    found = {candidate.statement.id: candidate.statement for candidate in candidates}
    hits = [Hit(each, rank, 0.5, 0.5, 0.5) for rank, each in enumerate(found.values(), start=1)]
    ranked = sorted(candidates, key=lambda candidate: -candidate.probability)
    return [each.text for each in select(question, hits, ranked)]


def test_the_main_statement_is_told_in_its_order_without_what_surely_does_not_answer() -> None:
    assert selected("When?", *judged(FIRST, 0.4, 0.9, 0.001)) == [
        "Bees dance at noon.",
        "They sleep in winter.",
    ]


def test_a_likely_sentence_of_another_statement_follows_and_an_unlikely_one_does_not() -> None:
    own = judged(FIRST, 0.9, 0.001, 0.001)
    assert selected("When?", *own, *judged(OTHER, 0.8))[-1] == OTHER.text
    assert selected("When?", *own, *judged(OTHER, 0.05)) == ["Bees dance at noon."]


def test_retrieval_has_a_say_in_which_the_second_statement_is() -> None:
    third = replace(OTHER, id="c", text="Ants dance at dusk.")
    texts = selected(
        "When?", *judged(FIRST, 0.9, 0.001, 0.001), *judged(OTHER, 0.5), *judged(third, 0.6)
    )
    assert texts == ["Bees dance at noon.", OTHER.text]


def test_a_far_likelier_statement_takes_the_place_of_the_first() -> None:
    assert selected("When?", *judged(FIRST, 0.01, 0.02, 0.01), *judged(OTHER, 0.8)) == [OTHER.text]


def test_a_second_statement_comes_before_more_of_the_main_one_but_is_told_after_it() -> None:
    padding = "Of this and that and of nothing else at all there was much talk" + " on" * 105 + "."
    long = replace(FIRST, text=f"{padding} Bees dance at noon. They sleep.")
    wasps = replace(OTHER, text="Wasps do not dance, and nobody asked them to.")
    assert len(long.text) < LONGEST_ANSWER < len(long.text) + len(wasps.text)
    own = judged(long, 0.8, 0.9, 0.2)
    assert selected("When?", *own) == [padding, "Bees dance at noon.", "They sleep."]
    texts = selected("When?", *own, *judged(wasps, 0.8))
    assert texts == ["Bees dance at noon.", "They sleep.", wasps.text]


def test_a_question_that_asks_for_two_things_may_be_answered_at_length() -> None:
    padding = "Of this and that and of nothing else at all there was much talk" + " on" * 105 + "."
    long = replace(FIRST, text=f"Bees dance at noon. {padding}")
    both = replace(OTHER, text="Wasps do not dance. They sting.")
    candidates = [*judged(long, 0.9, 0.8), *judged(both, 0.8, 0.7)]
    assert len(selected("How do bees and wasps compare?", *candidates)) == 4
    assert len(selected("How is it?", *candidates)) == 3
