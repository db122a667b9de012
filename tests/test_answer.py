"""What an answer becomes: JSON and Markdown that show text and do nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.answer import Answer, Citation, Dropped, Hit, Sentence, confidence
from assistant.corpus import read_corpus
from assistant.statement import Statement
from tests.fakes import hits_for


def answer_over(
    text: str, identity: str = "id", question: str = "What?", source: str = "a.txt"
) -> Answer:
    statement = Statement(identity, text, source, 1)
    return Answer(
        question=question,
        answered=True,
        text=f"{text} [1]",
        reason=None,
        sentences=(Sentence(text, (1,), "quoted", 1.0),),
        citations=(Citation(1, statement, text, 0, len(text)),),
        hits=(Hit(statement, 1, 2 / 3, 0.5, 1.0, 2, 1),),
        model="quotes",
        seconds=1 / 3,
        searched_for=question,
        dropped=(Dropped("Bees sing.", "no quote says it", 0.25),),
    )


ABSTAINED = Answer("What?", False, "Not said.", "Too far.", (), (), hits_for("a", "b"), "m", 0.1)


def test_a_dictionary_of_an_answer_has_the_fields_of_the_contract() -> None:
    plain = answer_over("Bees fly.").to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    statement = {"id": "id", "text": "Bees fly.", "source": "a.txt", "line": 1, "metadata": {}}
    assert plain == {
        "question": "What?",
        "answered": True,
        "confidence": round(confidence(answer_over("Bees fly.").hits), 4),
        "text": "Bees fly. [1]",
        "reason": None,
        "sentences": [{"text": "Bees fly.", "citations": [1], "verdict": "quoted", "support": 1.0}],
        "citations": [
            {"number": 1, "quote": "Bees fly.", "start": 0, "end": 9, "statement": statement}
        ],
        "hits": [
            {
                "rank": 1,
                "score": 0.6667,
                "dense_score": 0.5,
                "lexical_score": 1.0,
                "dense_rank": 2,
                "lexical_rank": 1,
                "statement": statement,
            }
        ],
        "model": "quotes",
        "seconds": 0.333,
        "searched_for": "What?",
        "dropped": [{"text": "Bees sing.", "reason": "no quote says it", "support": 0.25}],
        "receipt": {
            "read": [],
            "needed": 0.0,
            "prompt": [],
            "draft": "",
            "doubt": None,
            "timings": {},
            "fingerprints": {},
        },
    }
    assert ABSTAINED.to_dict()["answered"] is False
    assert ABSTAINED.to_dict()["reason"] == "Too far."


def test_two_likely_statements_make_an_answer_likelier_than_one() -> None:
    one, two = hits_for("a", "b")
    assert confidence([]) == 0
    likely = confidence([replace(one, score=0.5)])
    assert likely < confidence([replace(one, score=0.5), replace(two, score=0.5)]) < 1
    assert confidence([replace(one, score=0.0)]) < confidence([replace(one, score=0.1)]) < likely


@pytest.mark.parametrize("score", [0.0, 1e-9, 1.0])
def test_confidence_stays_within_its_bounds(score: float) -> None:
    (hit,) = (replace(each, score=score) for each in hits_for("a"))
    assert 0 < confidence([hit] * 6) < 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_metadata_that_json_has_no_word_for_does_not_spoil_the_json(
    tmp_path: Path, number: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f'{{"text": "Fine."}}\n{{"text": "Odd.", "score": {number}}}')
    for statement in read_corpus(file).statements:
        json.dumps(statement.to_dict(), allow_nan=False)


def test_a_marked_sentence_carries_all_its_numbers() -> None:
    assert Sentence("It is so.", (1, 3), "supported", 0.9).marked_text == "It is so. [1] [3]"


def test_markdown_shows_question_answer_quotes_and_places() -> None:
    shown = MarkdownIt().render(answer_over("Bees fly.").to_markdown())
    text = re.sub(r"<[^>]+>", "", shown)
    for part in ("What?", "Bees fly. [1]", "a.txt, line 1", "id"):
        assert part in text
    assert "<blockquote>" in shown


def test_markdown_of_an_abstention_shows_the_nearest_statements() -> None:
    shown = MarkdownIt().render(ABSTAINED.to_markdown())
    assert "<li>a</li>\n<li>b</li>" in shown
    assert "Not said." in shown


payloads = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](http://evil.example)",
        "![picture](http://evil.example/x.png)",
        "<http://evil.example>",
        "[name]: http://evil.example",
        "# A heading",
        "Title\n=====",
        "Title\n---",
        "- item\n- item",
        "1. item",
        "*emphasis* _here_ `code`",
        "```\nfence\n```",
        "    indented",
        "> quote",
        "a\n\nb",
        "&lt;b&gt; &#60;",
        "`<b>`",
        "\\<b\\>",
        "a  \nb",
        "---",
    ]
)


@given(text=payloads, where=st.sampled_from(["text", "identity", "question", "source"]))
def test_markdown_shows_any_text_and_does_nothing_else(text: str, where: str) -> None:
    values = {"text": "Bees fly.", "identity": "id", "question": "What?", "source": "a.txt"}
    document = answer_over(**{**values, where: text}).to_markdown()
    tokens = MarkdownIt().parse(document)
    plain = MarkdownIt().parse(answer_over(**values).to_markdown())
    inline = [child.type for token in tokens for child in token.children or []]
    assert not {"html_inline", "link_open", "image", "em_open"} & set(inline), document
    # The same blocks in the same places as around a harmless text.
    assert [token.type for token in tokens] == [token.type for token in plain], document
