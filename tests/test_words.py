"""Sentences and words."""

import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.words import content_words, sentences_of_stream, split_sentences

WHOLE = 'He said "No." Dr. Lee of the U.S. Army paid 3.5 e.g. twice. [1] [2] The end! Is it? Yes…'


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Lee met Mr. Ray. They spoke.", ["Dr. Lee met Mr. Ray.", "They spoke."]),
        ("Apes, e.g. gibbons, sing. Why?", ["Apes, e.g. gibbons, sing.", "Why?"]),
        ("It costs 3.50 a day. Not 4.", ["It costs 3.50 a day.", "Not 4."]),
        ("The U.S. Army left. It rained.", ["The U.S. Army left.", "It rained."]),
        ("He lives in the U.S. They do not.", ["He lives in the U.S.", "They do not."]),
        ("By J. Smith and K. Ray. Done.", ["By J. Smith and K. Ray.", "Done."]),
        ("He paused ... then left. Good.", ["He paused ... then left.", "Good."]),
        ("It is so. [1] And so. [2][3] End.", ["It is so. [1]", "And so. [2][3]", "End."]),
        ('She said "Go." He went.', ['She said "Go."', "He went."]),
        ("No stop at the end", ["No stop at the end"]),
        ("It is so. [1]", ["It is so. [1]"]),
        ("A heading\n\nA line.", ["A heading", "A line."]),
        ("  Space around.  ", ["Space around."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_row_of_dots_takes_no_longer_than_other_text() -> None:
    row = "Chapter one " + "." * 50_000 + " 7 and " + ". " * 5_000
    started = time.monotonic()
    split_sentences(row)
    assert time.monotonic() - started < 5


prose = st.lists(
    st.sampled_from("One two. U.S. Dr. They army A no. 3.5 [1] [2] ! ? ” \n … e.g. J.".split(" ")),
    max_size=12,
).map(" ".join)


@given(text=st.one_of(st.text(), prose))
def test_sentences_cover_everything_but_the_white_space_between_them(text: str) -> None:
    spans = split_sentences(text)
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    inside = {place for start, end in spans for place in range(start, end)}
    outside = "".join(mark for place, mark in enumerate(text) if place not in inside)
    assert not outside.strip()


@given(text=prose, length=st.integers(1, 9))
@example(text=WHOLE, length=1)
@example(text="Made in the U.S. American firms lead. So do others.", length=1)
@example(text="It is so. [1] And so it is. [2]", length=1)
def test_a_stream_gives_the_sentences_of_the_whole_text(text: str, length: int) -> None:
    pieces = [text[start : start + length] for start in range(0, len(text), length)]
    streamed = [sentence for complete in sentences_of_stream(pieces) for sentence in complete]
    assert streamed == sentences(text)


def test_a_streamed_sentence_is_given_before_the_next_one_has_ended() -> None:
    pieces = ["First", " one. ", "Second", " two three", " four."]
    *during, last = sentences_of_stream(pieces)
    assert during.index(["First one."]) <= 3
    assert last == ["Second two three four."]


def test_a_long_text_is_split_in_time_that_grows_with_its_length() -> None:
    text = " ".join(f"Sentence number {number} of a long document." for number in range(1000))
    started = time.perf_counter()
    assert len(split_sentences(text)) == 1000
    assert time.perf_counter() - started < 0.5


def test_content_words_are_stemmed_folded_and_without_what_questions_are_made_of() -> None:
    assert content_words("Why are the Cafés closing?") == content_words("cafe closes")
    assert content_words("What is it?") == []


def test_the_name_of_a_country_is_a_content_word() -> None:
    assert content_words("Does the US lead?") != content_words("Does it lead?")
