"""The lexical index: words, misspellings, scores and crashes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.lexical import LexicalIndex
from assistant.statement import Statement
from assistant.words import STOPWORDS

TEXTS = [
    "The fear around DeepSeq was about China.",
    "Universities face a brain drain.",
    "Honey keeps for years.",
    "The 1906 earthquake broke the pipes.",
]


def statements(texts: list[str]) -> list[Statement]:
    return [Statement(id=str(number), text=text) for number, text in enumerate(texts)]


def built(texts: list[str], directory: Path | None = None) -> LexicalIndex:
    index = LexicalIndex(directory)
    index.rebuild(statements(texts), "made")
    return index


@pytest.fixture(scope="module")
def index() -> LexicalIndex:
    return built(TEXTS)


@pytest.mark.parametrize(
    ("question", "best"),
    [
        ("brain drain", "1"),
        ("What about universities?", "1"),
        ("Does honey keep?", "2"),
        ("DeepSeq", "0"),
        ("deepseak", "0"),
        ("DeepSeek", "0"),
        ("Chyna", "0"),
        ("1906", "3"),
    ],
)
def test_the_statement_with_the_words_is_best_even_when_one_is_misspelt(
    index: LexicalIndex, question: str, best: str
) -> None:
    assert next(iter(index.search(question, 3))) == best


@pytest.mark.parametrize("question", ["", "???", "What is it about?", "zeppelin", "1907"])
def test_words_that_no_statement_holds_find_nothing(index: LexicalIndex, question: str) -> None:
    assert index.search(question, 3) == {}


def test_a_misspelt_word_counts_less_than_the_word_itself() -> None:
    index = built(["Honey keeps.", "Stamps stick."])
    assert 0 < index.search("hohney", 1)["0"] < index.search("honey", 1)["0"]


def test_short_words_are_taken_as_they_are_spelt() -> None:
    assert built(["The mole digs."]).search("mode", 1) == {}


def test_a_misspelt_name_is_found_among_words_that_look_like_it() -> None:
    others = "beepseek jeepseek keepseek peepseek weepseek"
    index = built(["DeepSeek is a model.", others, "Something else."])
    assert next(iter(index.search("deepseex", 3))) == "0"


def test_holding_more_of_the_question_scores_higher() -> None:
    index = built(["Honey and wax.", "Honey and milk.", "Bread and salt."])
    found = index.search("honey wax", 3)
    assert found["0"] > found["1"] > 0
    assert "2" not in found


words = st.sampled_from("honey wax bees hive queen drone comb nectar DeepSeek deepseek 42".split())
sentences = st.lists(words, min_size=1, max_size=8).map(" ".join)


@given(
    texts=st.lists(sentences, min_size=1, max_size=6),
    question=st.one_of(sentences, st.text(max_size=20)),
    limit=st.integers(1, 8),
)
def test_scores_are_between_0_and_1_and_sorted(texts: list[str], question: str, limit: int) -> None:
    found = built(texts).search(question, limit)
    scores = list(found.values())
    assert len(found) <= limit
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert set(found) <= {str(number) for number in range(len(texts))}


def test_a_title_is_searched_with_the_text() -> None:
    index = LexicalIndex(None)
    index.rebuild([Statement("a", "They fly.", metadata={"title": "Bees"})], "")
    assert index.search("bees", 1)


def test_rebuilding_replaces_everything(tmp_path: Path) -> None:
    index = built(TEXTS, tmp_path / "lexical")
    index.rebuild(statements(["Only this."]), "anew")
    assert index.search("honey", 3) == {}
    assert index.search("only this", 3).keys() == {"0"}
    assert LexicalIndex(tmp_path / "lexical").fingerprint == "anew"


def test_an_index_on_disk_is_opened_as_it_was_left(tmp_path: Path) -> None:
    built(TEXTS, tmp_path / "lexical")
    reopened = LexicalIndex(tmp_path / "lexical")
    assert reopened.fingerprint == "made"
    assert next(iter(reopened.search("deepseak", 1))) == "0"


def test_an_index_whose_words_were_made_otherwise_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(TEXTS, tmp_path / "lexical")
    monkeypatch.setattr("assistant.lexical.STOPWORDS", STOPWORDS | {"honey"})
    assert LexicalIndex(tmp_path / "lexical").fingerprint == ""


def test_a_rebuild_that_breaks_off_leaves_no_fingerprint(tmp_path: Path) -> None:
    built(TEXTS, tmp_path / "lexical")

    def breaks_off() -> Iterator[Statement]:
        yield from statements(TEXTS[:2])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LexicalIndex(tmp_path / "lexical").rebuild(breaks_off(), "never")
    again = LexicalIndex(tmp_path / "lexical")
    assert again.fingerprint == ""
    again.rebuild(statements(TEXTS), "made")
    assert LexicalIndex(tmp_path / "lexical").fingerprint == "made"


def test_an_index_in_memory_has_no_fingerprint_to_trust() -> None:
    assert built(TEXTS).fingerprint == ""
