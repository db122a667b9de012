"""The chat page's HTML: text is only ever text, and every marker leads to its quote."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.answer import Answer, Citation, Dropped, Hit, Sentence
from assistant.chat_page import (
    answer_html,
    as_text,
    evidence_html,
    found_html,
    header_html,
    status_html,
)
from assistant.statement import Statement
from tests.fakes import hits_for

VOID = {"br", "img", "input", "hr", "link", "meta"}
ALLOWED_TAGS = set(
    "a article br details div em h1 h3 li mark meter p span strong summary ul".split()
)
ALLOWED_ATTRIBUTES = set(
    "aria-label aria-live class data-quote href id max min open role tabindex title value".split()
)
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</mark></article></div><h1>broken",
    "${alert(1)}",
    "{{alert(1)}}",
    "{{#if value}}x{{/if}}",
    "&lt;b&gt; &amp; &#60;",
    "javascript:alert(1)",
    "<!-- comment",
    "a\nb\r\nc\u2028d",
    "a\n\n![b](http://evil.example/c.png)",
    "a\r\r[b](javascript:alert(1))",
    "plain text",
]


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.marked = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "mark" in self.open:
            self.marked += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def check(self) -> None:
        """Only elements and attributes that this page uses, none of which runs anything."""
        for tag, attributes in self.elements:
            assert tag in ALLOWED_TAGS
            assert set(attributes) <= ALLOWED_ATTRIBUTES
            assert (attributes.get("href") or "#").startswith("#")


def answer_of(text: str, question: str = "What?", start: int = 0) -> Answer:
    """An answer that quotes a text from `start` on."""
    statement = Statement("id", text, text, 1)
    other = Statement("other", f"Also {text}", "b.txt", 2)
    quote = text[start:]
    return Answer(
        question=question,
        answered=True,
        text=f"{quote} [1]",
        reason=None,
        sentences=(
            Sentence(quote, (1,), "quoted", 1.0),
            Sentence("And so.", (1,), "supported", 0.9),
        ),
        citations=(Citation(1, statement, quote, start, len(text)),),
        hits=(Hit(statement, 1, 0.9, 0.9, 0.9), Hit(other, 2, 0.5, 0.5, 0.5)),
        model=text,
        seconds=1.25,
        searched_for=f"Before? {text}",
        dropped=(Dropped(text, text, 0.1),),
    )


def abstention(text: str) -> Answer:
    return Answer(text, False, text, text, (), (), hits_for(text), text, 0.1)


def every_page(text: str) -> list[str]:
    """All that the page can show, with a text in every place that takes one."""
    answer, abstained = answer_of(text, question=text), abstention(text)
    return [
        as_text(text),
        answer_html(answer, 1),
        answer_html(abstained, 2),
        evidence_html([answer, abstained]),
        found_html(text, answer.hits, [answer]),
        found_html(text, (), []),
        header_html(text, 3, text),
        status_html("failed", text),
    ]


@given(text=st.one_of(st.sampled_from(PAYLOADS), st.text(min_size=1)))
def test_text_of_corpus_and_model_is_only_ever_text(text: str) -> None:
    for html in every_page(text):
        Page(html).check()


@given(text=st.one_of(st.sampled_from(PAYLOADS), st.text(min_size=1)))
def test_no_blank_line_of_a_text_ends_the_html_of_a_message_which_is_markdown(text: str) -> None:
    for message in (
        as_text(text),
        answer_html(answer_of(text), 1),
        answer_html(abstention(text), 2),
    ):
        assert len(message.splitlines()) == 1


@pytest.mark.parametrize("text", PAYLOADS)
def test_what_is_shown_is_the_text_itself(text: str) -> None:
    for html in every_page(text):
        shown = Page(html).text
        assert all(line in shown for line in text.splitlines())


@pytest.mark.parametrize("text", ["${alert(1)}", "{{alert(1)}}", "${`${x}`}"])
def test_templates_in_a_text_are_shown_as_they_are(text: str) -> None:
    page = Page(evidence_html([answer_of(text)]))
    assert text in page.text
    assert page.marked == text


@given(text=st.text(min_size=1), start=st.integers(0, 20))
def test_exactly_the_quote_is_marked_in_the_whole_statement(text: str, start: int) -> None:
    answer = answer_of(text, start=min(start, len(text) - 1))
    page = Page(evidence_html([answer]))
    # A browser, like this parser, reads a carriage return in HTML as a line feed.
    assert page.marked.replace("\r", "\n") == answer.citations[0].quote.replace("\r", "\n")
    assert text.replace("\r", "\n") in page.text.replace("\r", "\n")


def test_every_marker_leads_to_the_one_card_of_its_quote_in_its_turn() -> None:
    answers = [answer_of("One."), abstention("Two."), answer_of("Three.")]
    panel = Page(evidence_html(answers))
    identities = [attributes["id"] for _, attributes in panel.elements if "id" in attributes]
    assert sorted(identities) == ["citation-1-1", "citation-3-1"]
    for turn, answer in enumerate(answers, start=1):
        markers = [
            attributes for tag, attributes in Page(answer_html(answer, turn)).elements if tag == "a"
        ]
        assert len(markers) == 2 * answer.answered
        assert all(marker["href"][1:] in identities for marker in markers)


def test_the_panel_shown_while_reading_repeats_no_identity() -> None:
    answer = answer_of("One.")
    page = Page(found_html("Next?", answer.hits, [answer, answer]))
    identities = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(identities)) == len(identities) == 2
    assert "One." in page.text


def test_a_long_quote_is_shortened_in_the_tooltip_only() -> None:
    answer = answer_of("long " * 200)
    ((_, marker), *_) = [each for each in Page(answer_html(answer, 1)).elements if each[0] == "a"]
    assert len(marker.get("title") or marker.get("data-quote") or "") < 400
    assert Page(evidence_html([answer])).marked == answer.citations[0].quote


def test_the_newest_turn_is_open_and_first() -> None:
    page = Page(evidence_html([answer_of("One.", "First?"), answer_of("Two.", "Second?")]))
    turns = [attributes for tag, attributes in page.elements if tag == "details"]
    assert page.text.index("Second?") < page.text.index("First?")
    assert "open" in turns[0]
    assert sum("open" in attributes for attributes in turns) == 1


def test_it_says_who_wrote_and_how_well_it_is_supported() -> None:
    answer = answer_of("One.")
    assert "Written by One." in Page(answer_html(answer, 1)).text
    assert "Quoted from the corpus" in Page(answer_html(replace(answer, model="quotes"), 1)).text
    assert "supports the answer" in Page(evidence_html([answer])).text


def test_what_was_searched_for_and_left_out_is_told_only_where_there_is_something_to_tell() -> None:
    answer = answer_of("Bees fly.")
    shown = Page(answer_html(answer, 1)).text
    assert "Searched for: Before? Bees fly." in shown
    assert "1 sentence of the model left out" in shown
    bare = replace(answer, searched_for=answer.question, dropped=())
    shown = Page(answer_html(bare, 1)).text
    assert "Searched for" not in shown
    assert "left out" not in shown


def test_an_abstention_claims_nothing_and_shows_the_nearest() -> None:
    abstained = abstention("Far away.")
    assert not [tag for tag, _ in Page(answer_html(abstained, 1)).elements if tag == "a"]
    panel = Page(evidence_html([abstained]))
    assert "Nearest statements" in panel.text
    assert panel.marked == ""


def test_an_empty_page_says_what_will_appear() -> None:
    assert "appear here" in Page(evidence_html([])).text
    assert "quotes only" in Page(header_html("notes", 3, "none")).text
    assert Page(as_text("")).text == ""
