import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.matching import fold, says, sentence_spans, without_markers
from evals.overlap import carries, word_overlap


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        ("An OPEN-SOURCE model", "open source"),
        ("China’s hardware", "china hardware"),
        ("the U.S. leads", "US"),
        ("the US leads", "U.S."),
        ("it kept 1,000 jars", "1000 jars"),
        ("a share of 5 percent", "5%"),
        ("Café Zürich", "cafe zurich"),
        ("it doesn’t say", "doesn't say"),
        ("a 2×2 matrix", "2x2"),
        ("it cost $5 billion", "5 billion"),
        ("ﬁne wine", "fine"),
    ],
)
def test_a_fact_is_found_whatever_its_spelling(text: str, wording: str) -> None:
    assert says(text, [wording])


@pytest.mark.parametrize(
    ("text", "wording"),
    [("brain draining", "brain drain"), ("2.5 years", "5 years"), ("anything", " "), ("", "")],
)
def test_a_fact_is_matched_as_whole_words_only(text: str, wording: str) -> None:
    assert not says(text, [wording])


def test_one_of_the_alternatives_is_enough() -> None:
    assert says("They left for industry.", ["brain drain", "left for industry"])


@given(st.lists(st.from_regex(r"[a-z]{1,8}|[0-9]{1,4}", fullmatch=True), min_size=1, max_size=8))
def test_a_run_of_words_is_found_in_its_text(words: list[str]) -> None:
    assert says(" ".join(words), [" ".join(words[len(words) // 2 :])])


@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_markers_are_removed_with_the_space_before_them() -> None:
    assert without_markers("Bees dance. [1] Honey keeps [2, 3].") == "Bees dance. Honey keeps."


def test_sentences_end_before_a_capital_and_keep_their_markers() -> None:
    text = "Dr. J. Huang spoke. [1] It was 2.5 m e.g. Long! Was it? [2] Yes"
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    assert sentences == ["Dr. J. Huang spoke. [1]", "It was 2.5 m e.g. Long!", "Was it? [2]", "Yes"]


@given(st.text(alphabet="aB .!?[1]\n\"'", max_size=60))
def test_sentences_are_in_order_and_leave_out_only_space(text: str) -> None:
    end = 0
    for start, stop in sentence_spans(text):
        assert not text[end:start].strip()
        assert start < stop
        end = stop
    assert not text[end:].strip()


def test_the_plain_check_accepts_what_the_evidence_says() -> None:
    assert carries("Honey keeps for 3,000 years in a sealed jar.", "Sealed honey keeps 3000 years.")


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        ("Honey keeps for 3,000 years.", "Honey keeps for 300 years."),
        ("Bees do not dance at night.", "Bees dance at night."),
        ("Bees dance at night.", "Bees never dance at night."),
        (
            "Innovation is fostered by openness, not by secrecy.",
            "Innovation is fostered by secrecy.",
        ),
        ("Honey keeps for years.", "Wax candles burn for years in a church."),
        ("Honey keeps.", ""),
    ],
)
def test_the_plain_check_rejects_other_numbers_negation_and_words(
    evidence: str, claim: str
) -> None:
    assert not carries(evidence, claim)


def test_word_overlap_is_the_share_of_the_claims_content_words() -> None:
    assert word_overlap("the bees dance nightly", "a bee dances") == pytest.approx(2 / 3)
