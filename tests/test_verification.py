"""Verification: exact quotes, and what a draft may not turn round."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer import Sentence
from assistant.corpus import read_corpus
from assistant.details import disagreement, says_the_same
from assistant.judge import SUPPORT_WEIGHTS, Judge
from assistant.verification import (
    SENTENCES_READ,
    Citations,
    Verifier,
    declines,
    quote,
)
from assistant.words import split_sentences
from tests.fakes import candidates_for, hits_for

SHIPPED = [statement.text for statement in read_corpus().statements]
HARBOUR = (
    "The old harbour museum in Skerry opened its doors to 300 visitors in the spring of 1998. "
    "It is open to school groups in summer and in autumn, but it is not open to them in winter. "
    "Neither the boat house nor the tower is open to visitors with dogs in spring or autumn."
)
TOWER = (
    "The tower is open in summer and in autumn for visitors of all ages, "
    "but it is not open in winter for large school groups."
)
RACE = "China surpassed the US in open-source models last year, said Stanford researchers in May."


def verified(draft: str, *texts: str) -> tuple[list[Sentence], Citations]:
    citations = Citations()
    pieces = [draft[start : start + 4] for start in range(0, len(draft), 4)]
    found = Verifier().verify(pieces, candidates_for(*texts), citations)
    shown = [each[0] for each in found if isinstance(each, tuple)]
    return shown, citations


Shows = Callable[..., bool]


@pytest.fixture(
    params=["word for word only", pytest.param("trained judge", marks=pytest.mark.models)]
)
def is_shown(request: pytest.FixtureRequest) -> Shows:
    """Whether a claim is shown over some statements, without and with the judge that ships."""
    verifier = Verifier(trained_judge() if request.param == "trained judge" else None)

    def shown(claim: str, *texts: str) -> bool:
        found = verifier.verify([claim], candidates_for(*texts), Citations())
        return any(isinstance(each, tuple) for each in found)

    return shown


@cache
def trained_judge() -> Judge:
    return Judge(SUPPORT_WEIGHTS)


fragments = [
    text[start:end] for text in [*SHIPPED, HARBOUR, RACE] for start, end in split_sentences(text)
]
changes = st.sampled_from(["", " [1]", " [99]", " not", " 2024", " Berlin", " (see [2, 3])"])
drafts = st.lists(
    st.tuples(st.sampled_from([*fragments, "Yes.", "It rains in Berlin today."]), changes),
    max_size=5,
).map(lambda parts: " ".join(text[:-1] + change + text[-1] for text, change in parts))


@given(
    draft=drafts,
    shown=st.lists(st.sampled_from([*SHIPPED, HARBOUR]), min_size=1, max_size=4, unique=True),
)
def test_every_citation_is_a_slice_of_its_statement_and_every_sentence_has_one(
    draft: str, shown: list[str]
) -> None:
    sentences, made = verified(draft, *shown)
    citations = {citation.number: citation for citation in made}
    assert list(citations) == list(range(1, len(citations) + 1))
    for citation in citations.values():
        assert citation.statement.text[citation.start : citation.end] == citation.quote != ""
        assert citation.statement.text in shown
    for sentence in sentences:
        assert sentence.citations
        assert set(sentence.citations) <= set(citations)
        assert sentence.verdict in ("supported", "quoted")
        assert 0 < sentence.support <= 1
        evidence = " ".join(citations[number].quote for number in sentence.citations)
        assert says_the_same(sentence.text, evidence)


@given(text=st.sampled_from([*SHIPPED, HARBOUR, RACE]))
def test_a_quoted_sentence_is_verbatim_and_has_its_own_citation(text: str) -> None:
    citations = Citations()
    candidates = candidates_for(text)
    sentences = [quote(candidate, citations) for candidate in candidates]
    assert [citation.quote for citation in citations] == [each.text for each in candidates]
    assert " ".join(sentence.text for sentence in sentences) == text
    assert [each.citations for each in sentences] == [(n + 1,) for n in range(len(sentences))]
    assert {sentence.verdict for sentence in sentences} == {"quoted"}


@pytest.mark.parametrize("text", fragments)
def test_the_words_of_a_statement_pass_as_they_are(text: str) -> None:
    assert says_the_same(text, text)
    (sentence,), (citation,) = verified(text, f"Before it, something else. {text} After it, more.")
    assert (sentence.text, citation.quote, sentence.verdict) == (text, text, "quoted")


def test_a_word_like_saying_does_not_stand_for_whose_view_it_is() -> None:
    quoted = "Keeping it would be like saying grace for show, says the keeper of the hall."
    claim = "Keeping it would be like saying grace for show."
    assert disagreement(claim, quoted, quoted) == "it does not say whose view it is"


def test_a_sentence_in_the_corpus_words_is_quoted_and_one_near_them_is_supported() -> None:
    text = "The old harbour museum opened its doors in the spring of 1998."
    near = "The old harbour museum has opened its doors in spring 1998."
    assert verified(text, text)[0][0].verdict == "quoted"
    (sentence,) = verified(near, text)[0]
    assert (sentence.verdict, sentence.text) == ("supported", near)


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (HARBOUR.split(". ")[0].replace("300", "3,000"), "another number"),
        (HARBOUR.split(". ")[0].replace("300", "30"), "another number"),
        (HARBOUR.split(". ")[0].replace("1998", "1989"), "another year"),
        (HARBOUR.split(". ")[0].replace("Skerry", "Berlin"), "another name"),
        (HARBOUR.split(". ")[0].replace("opened", "never opened"), "a negation added"),
        (HARBOUR.split(". ")[1].replace("but it is not", "and it is"), "a negation dropped"),
        (
            TOWER.replace("not ", "").replace("tower is open", "tower is not open"),
            "a negation moved",
        ),
        (
            "The boat house and the tower is open to visitors with dogs in spring or autumn.",
            "both negations dropped",
        ),
        (RACE.replace("China", "Germany"), "another subject"),
        ("The US surpassed China" + RACE.removeprefix("China surpassed the US"), "swapped"),
        (RACE.replace("the US", "the UK"), "another country"),
        (RACE.replace("surpassed", "trailed"), "the opposite verb"),
        ("The US" + RACE.removeprefix("China"), "another country as the subject"),
    ],
    ids=lambda value: value if len(value) < 40 else "claim",
)
def test_a_claim_that_turns_its_evidence_round_is_not_shown(
    is_shown: Shows, claim: str, why: str
) -> None:
    assert not is_shown(claim, HARBOUR, TOWER, RACE), why


@pytest.mark.parametrize(
    "claim",
    [
        "The US leads in open-source AI models.",
        "Counterintuitively, the US leads in open-source AI models as a deliberate strategy.",
        "Secrecy is an effective strategy.",
        "The current trend toward closed, proprietary AI systems is an ultimately effective "
        "strategy.",
        "The AI competition is a simple two-horse race between the US and China.",
        "American AI models are superior for building AI agents.",
        "The U.S. dominates the leaderboards for open-source models.",
        "Universities face no brain drain as most AI PhDs choose academic careers.",
        "Chinese open-source contributions significantly benefited from American AI labs.",
        "The initial fear around DeepSeq was about the US surpassing China AI capabilities.",
    ],
)
def test_a_false_claim_about_the_shipped_statements_is_not_shown(
    is_shown: Shows, claim: str
) -> None:
    assert not is_shown(claim, *SHIPPED)


def test_a_view_is_not_given_to_somebody_else(is_shown: Shows) -> None:
    told = "Her cousin led the vote: what a town has drunk for ten years, he says, no court takes."
    claim = "She says what a town has drunk for ten years, he says, no court takes."
    assert not is_shown(claim, told)
    assert is_shown(told, told)


def test_nobody_becomes_a_man_or_a_woman_who_is_neither_in_the_statement(is_shown: Shows) -> None:
    told = "Shire president Noreen Stubbs says the money left with the sellers in five years."
    assert not is_shown("He says the money left with the sellers in five years.", told)
    assert is_shown(told, told)


def test_nobody_comes_into_a_sentence_more_often_than_into_the_statement(is_shown: Shows) -> None:
    told = "Domagk gave the dye to his own daughter when surgeons wanted to take off her arm."
    claim = "Domagk gave the dye to her daughter when surgeons wanted to take off her arm."
    assert not is_shown(claim, told)
    assert is_shown(told, told)


def test_nothing_is_joined_that_the_statement_does_not_join_so() -> None:
    told = (
        "While welders change trades, designers change countries: Hanbit keeps an office in "
        "Rotterdam whose sole purpose is to hire naval architects away from Montoir."
    )
    claim = "Hanbit keeps an office in Rotterdam, where it is hired away from Montoir."
    assert disagreement(claim, told, told) == 'the statement does not have "where"'
    assert not disagreement(told, told, told)


@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        ("If the council agrees, the old ferry sails to Skerry every day of winter.", 21),
        ("AI may soon surpass human researchers in every field of science.", "may "),
        ("AI could soon surpass human researchers in every field of science.", "could "),
        ("The museum has failed to open its doors to all groups in spring.", "failed to "),
        ("The fear was that the museum opens its doors to groups in spring.", 18),
        ("Few school groups enter the old museum in early spring.", 4),
        ("The ferry to Skerry rarely sails in winter and in early spring.", "rarely "),
        ("The museum almost opened its doors to school groups in spring.", "almost "),
        ("Critics claim that the museum opens its doors to groups in spring.", 19),
        ("The bakers reply that the museum opens its doors to groups in spring.", 22),
        ("Ida Falk objects that the museum opens its doors to groups in spring.", 22),
        ("The old museum, she adds, opens its doors to groups in spring.", ", she adds,"),
        ("Groups enter the old museum in early spring, notes Ida Falk.", ", notes Ida Falk"),
    ],
)
def test_a_claim_that_leaves_a_doubt_or_a_condition_out_is_not_shown(
    is_shown: Shows, text: str, left_out: str | int
) -> None:
    claim = text[left_out:] if isinstance(left_out, int) else text.replace(left_out, "")
    assert is_shown(text, text)
    assert not is_shown(claim[0].upper() + claim[1:], text)


def test_what_is_no_report_may_be_left_out() -> None:
    """A note, an object and an answer are things too."""
    told = "By every old object stands a note, and groups enter the museum in early spring."
    assert not disagreement("Groups enter the museum in early spring.", told, told)


@pytest.mark.parametrize(
    ("told", "left_out"),
    [
        ("Pryce holds that a volunteer comes as a neighbour is missing.", "a volunteer comes as "),
        (
            "A treble who sings half as often learns to read half as well.",
            "often learns to read half as ",
        ),
        ("The bakers took a fifth of the salt out of bread by agreement.", "of the salt "),
        (
            "The ferry of Skerry, which Ida Falk built, sails in every storm.",
            ", which Ida Falk built,",
        ),
    ],
)
def test_what_is_left_out_amid_a_sentence_joins_nothing(told: str, left_out: str) -> None:
    claim = told.replace(left_out, "")
    assert "amid what it keeps" in disagreement(claim, told, told)
    assert not disagreement(told, told, told)


@pytest.mark.parametrize(
    "aside", [", who had lost to it before,", " (a late one)", " — a poor loser —"]
)
def test_an_aside_may_be_left_out(aside: str) -> None:
    claim = "The champion studied every endgame of the match for a whole year."
    told = claim.replace(" studied", f"{aside} studied")
    assert not disagreement(claim, told, told)


def test_a_blend_of_two_sentences_is_not_shown(is_shown: Shows) -> None:
    text = "The ferry sails twice a day. Its captain is Ida Falk, born in Skerry."
    assert not is_shown("The ferry sails twice a day because its captain is Ida Falk.", text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("It costs 5 pounds more to enter in spring.", "It costs 5% more to enter in spring."),
        ("It was 5 degrees in the harbour at noon.", "It was -5 degrees in the harbour at noon."),
        ("It costs 1.5 pounds to enter the museum.", "It costs 15 pounds to enter the museum."),
        ("It costs 1,5 pounds to enter the museum.", "It costs 15 pounds to enter the museum."),
        ("It grew from 10 to 20 boats in one year.", "It grew from 20 to 10 boats in one year."),
    ],
)
def test_a_number_that_means_something_else_is_not_shown(
    is_shown: Shows, text: str, claim: str
) -> None:
    assert is_shown(text, text)
    assert not is_shown(claim, text)


@pytest.mark.parametrize(
    "marker", [" [1]", " [9]", " [1, 2]", " [Statement 3]", " (2)", "【4】", "[1][2]"]
)
def test_markers_of_the_model_are_dropped_and_its_sentence_is_cited_anew(marker: str) -> None:
    draft = f"Honey keeps for many years{marker}. Bees fly from ten degrees on.{marker}"
    texts = ["Wax melts.", "Honey keeps for many years. Bees fly from ten degrees on."]
    sentences, citations = verified(draft, *texts)
    assert [(sentence.text, sentence.citations) for sentence in sentences] == [
        ("Honey keeps for many years.", (1,)),
        ("Bees fly from ten degrees on.", (2,)),
    ]
    assert [citation.statement.text for citation in citations] == [texts[1], texts[1]]


def test_a_number_in_brackets_that_the_statement_has_is_no_marker() -> None:
    text = "The harbour museum (opened in 1998) and the tower (2004) are in Skerry."
    assert [sentence.text for sentence in verified(text, text)[0]] == [text]


def test_a_claim_of_stopwords_alone_breaks_no_rule_and_no_check() -> None:
    assert says_the_same("Yes: the.", "Yes: the.")


@pytest.mark.parametrize("opening", ["Yes, ", "No: ", "Yes; "])
def test_a_model_that_agrees_with_a_false_premise_is_not_shown_to_agree(opening: str) -> None:
    true = (
        "The old harbour museum in Skerry opened its doors to 300 visitors in the spring of 1998."
    )
    sentences, _ = verified(f"{opening}{true[0].lower()}{true[1:]}", HARBOUR)
    assert [sentence.text for sentence in sentences] == [true]


@pytest.mark.parametrize(
    "opening",
    [
        "According to the statements, ",
        "Based on statement 2, ",
        "The answer is: ",
        "The statement says: ",
        "The answer to this question is: Yes, ",
    ],
)
def test_what_is_said_before_a_claim_is_dropped(opening: str) -> None:
    true = HARBOUR.split(". ")[0] + "."
    sentences, _ = verified(f"{opening}{true[0].lower()}{true[1:]}", HARBOUR)
    assert [sentence.text for sentence in sentences] == [true]


CUT = (
    "At the Kelvin Museum in Glasgow Fergus Adair cut the labels to twenty-five words in 2018, "
    "and the time that visitors spent before an object fell from 12 to 8 seconds."
)


@pytest.mark.models
@pytest.mark.parametrize(
    "claim",
    [
        "Adair cut the labels to twenty-five words in 2018.",
        "The time visitors spent before an object at the Kelvin Museum fell from 12 to 8 seconds.",
    ],
)
def test_a_close_rewording_is_shown(claim: str) -> None:
    found = Verifier(trained_judge()).check(claim, candidates_for(CUT))
    assert found.carrier is not None, found.reason
    assert found.support < 1


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        (CUT.replace("fell from 12 to 8", "fell from 8 to 12"), 'it moves "12"'),
        (CUT.replace("fell", "rose"), 'it says "rose" where the quote says "fell"'),
        (CUT.replace("2018", "1918"), "the statement does not have the number 1918"),
        ("Adair cut the labels at the Kelvin Museum in 2018.", 'it moves "kelvin"'),
        ("The time of labels fell in 2018.", "only 50% of its words stand in the quote"),
        (CUT.replace("spent", "wasted"), 'the statement does not have "wasted"'),
        (
            "The Kelvin Museum cut the labels to twenty-five words.",
            'it leaves out "Glasgow Fergus Adair"',
        ),
    ],
)
def test_a_detail_that_differs_is_the_reason(claim: str, reason: str) -> None:
    assert disagreement(claim, CUT, CUT).startswith(reason)


@pytest.mark.parametrize("fragment", ["Yes.", "1.", "Honey keeps.", "[1]", "...", "No, it is not."])
def test_fragments_are_dropped(is_shown: Shows, fragment: str) -> None:
    assert not is_shown(fragment, "Yes. 1. Honey keeps. [1] ... No, it is not. Bees fly.")


def test_a_repeated_sentence_is_shown_once() -> None:
    text = "Honey keeps for many years."
    sentences, citations = verified(f"{text} {text} honey KEEPS for many years [1].", text)
    assert [sentence.text for sentence in sentences] == [text]
    assert len(list(citations)) == 1


def test_two_sentences_on_the_same_quote_share_a_citation() -> None:
    citations = Citations()
    (hit,) = hits_for("One. Two.")
    assert citations.cite(hit.statement, 0, 4) == 1
    assert citations.cite(hit.statement, 5, 9) == 2
    assert citations.cite(hit.statement, 0, 4) == 1
    assert [citation.quote for citation in citations] == ["One.", "Two."]


def test_list_marks_are_dropped_and_every_item_is_read() -> None:
    items = ["Honey keeps for many years.", "Bees fly from ten degrees.", "Wax melts in the sun."]
    for marks in (["- ", "- ", "- "], ["1. ", "2. ", "3. "], ["• ", "* ", "- "]):
        draft = "\n".join(mark + item for mark, item in zip(marks, items, strict=True))
        assert [sentence.text for sentence in verified(draft, *items)[0]] == items


@pytest.mark.parametrize(
    "start", ["", "Yes. ", "First one is new here. Second one is new here. Yes. "]
)
def test_no_more_of_a_draft_is_read_than_the_prompt_asks_for(start: str) -> None:
    read: list[str] = []

    def rambles() -> Iterator[str]:
        yield start
        for number in range(100):
            read.append(f"Sentence number {number} rambles on. ")
            yield read[-1]

    list(Verifier().verify(rambles(), candidates_for("Honey keeps."), Citations()))
    assert len(read) <= SENTENCES_READ + 3


def test_a_sentence_is_shown_before_the_draft_goes_on() -> None:
    read: list[str] = []

    def pieces() -> Iterator[str]:
        for piece in ["Honey keeps for many years. ", "Bees ", "fly ", "by day."]:
            read.append(piece)
            yield piece

    evidence = candidates_for("Honey keeps for many years.")
    shown = Verifier().verify(pieces(), evidence, Citations())
    assert (
        next(each[0].text for each in shown if isinstance(each, tuple))
        == "Honey keeps for many years."
    )
    assert len(read) == 2


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        ("None of the statements answers this.", True),
        ("I am sorry, but none of the statements answer this.", True),
        ("They say a lot.", False),
        ("", False),
    ],
)
def test_a_draft_declines_in_the_words_of_the_prompt(draft: str, expected: bool) -> None:
    assert declines(draft) is expected
