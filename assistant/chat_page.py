"""The chat page's HTML, built here and nowhere else: text of corpus and model is only ever text.

Every text goes through `html.escape`. Nothing is put into gradio's `{{...}}` templates, which
would run `${...}` found in a text as script. A message is Markdown to gradio, and a blank line
would end its HTML: no line break of a text gets into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from assistant.answer import Answer, Citation, Hit
from assistant.statement import Statement

QUOTE_IN_TOOLTIP = 300


def as_text(text: str) -> str:
    """Text as one block of HTML that shows it, line breaks kept, and does nothing else."""
    return f'<div class="said">{_lines(text)}</div>'


def answer_html(answer: Answer, turn: int) -> str:
    """The answer as a chat message; its markers link to the evidence beside it."""
    if not answer.answered:
        return (
            f'<div class="said abstained"><strong>{_lines(answer.text)}</strong><br>'
            f'<span class="reason">{_lines(answer.reason or "")} '
            f"The nearest statements are beside.</span></div>{_on_the_way(answer)}"
        )
    quotes = {citation.number: citation.quote for citation in answer.citations}
    sentences = " ".join(
        f'<span class="sentence {sentence.verdict}">{_lines(sentence.text)}'
        + "".join(_marker(turn, number, quotes[number]) for number in sentence.citations)
        + "</span>"
        for sentence in answer.sentences
    )
    written = "Quoted from the corpus" if answer.model == "quotes" else f"Written by {answer.model}"
    return (
        f'<div class="said">{sentences}</div>'
        f'<div class="byline">{_lines(written)}, every sentence checked · '
        f"{answer.seconds:.1f} s</div>{_on_the_way(answer)}"
    )


def _on_the_way(answer: Answer) -> str:
    """What was searched for, where that is not the question, and what was left out."""
    parts = []
    if answer.searched_for not in ("", answer.question):
        parts.append(f'<div class="byline">Searched for: {_lines(answer.searched_for)}</div>')
    if answer.dropped:
        items = "".join(
            f"<li>{_lines(each.text)} <em>{_lines(each.reason)}</em></li>"
            for each in answer.dropped
        )
        count = len(answer.dropped)
        what = "1 sentence" if count == 1 else f"{count} sentences"
        parts.append(
            f'<details class="dropped"><summary>{what} of the model left out, not carried by a '
            f"quote</summary><ul>{items}</ul></details>"
        )
    return "".join(parts)


def evidence_html(answers: Sequence[Answer]) -> str:
    """The evidence panel: each answer's cited statements with the quoted span marked."""
    if not answers:
        return (
            '<div class="evidence"><p class="hint">The statements behind an answer appear here, '
            "with the quoted words marked.</p></div>"
        )
    sections = [
        f'<details class="turn"{" open" if turn == len(answers) else ""}>'
        f"<summary>{escape(answer.question)}</summary>{_turn(answer, turn)}</details>"
        for turn, answer in enumerate(answers, start=1)
    ]
    return f'<div class="evidence">{"".join(reversed(sections))}</div>'


def found_html(question: str, hits: Sequence[Hit], earlier: Sequence[Answer]) -> str:
    """The panel while an answer is being written: what was found, at once."""
    now = "".join(_hit(hit) for hit in hits)
    rest = evidence_html(earlier) if earlier else ""
    return (
        '<div class="evidence"><details class="turn" open>'
        f"<summary>{escape(question)}</summary>"
        f"<h3>Found, being read</h3>{now or '<p>Nothing.</p>'}</details></div>{rest}"
    )


def status_html(state: str, message: str) -> str:
    """The status line; `state` is `loading`, `ready` or `failed`."""
    return f'<div class="status {state}" role="status" aria-live="polite">{escape(message)}</div>'


def header_html(corpus: str, statements: int, model: str) -> str:
    """What the page is, and which corpus and model it uses."""
    model = "quotes only, no language model" if model == "none" else model
    return (
        '<div class="header"><h1>Ask the statements</h1>'
        f"<p>Corpus <strong>{escape(corpus)}</strong>, {statements} statements · "
        f"Model <strong>{escape(model)}</strong></p></div>"
    )


def _turn(answer: Answer, turn: int) -> str:
    cited = dict.fromkeys(citation.statement.id for citation in answer.citations)
    others = [hit for hit in answer.hits if hit.statement.id not in cited]
    if not answer.answered:
        return f"<h3>Nearest statements</h3>{''.join(_hit(hit) for hit in others[:3])}"
    cards = "".join(_card(answer, identity, turn) for identity in cited)
    rest = "".join(_hit(hit) for hit in others)
    also = f'<details class="also"><summary>Also found ({len(others)})</summary>{rest}</details>'
    return cards + (also if others else "")


def _card(answer: Answer, identity: str, turn: int) -> str:
    """A cited statement with every quote of it marked and numbered."""
    citations = sorted(
        (each for each in answer.citations if each.statement.id == identity),
        key=lambda citation: citation.start,
    )
    statement = citations[0].statement
    parts = []
    end = 0
    for citation in citations:
        parts.append(escape(statement.text[end : citation.start]))
        parts.append(
            f'<mark id="citation-{turn}-{citation.number}" tabindex="-1">'
            f"{escape(citation.quote)}</mark>"
        )
        end = citation.end
    parts.append(escape(statement.text[end:]))
    numbers = "".join(f'<span class="number">{each.number}</span> ' for each in citations)
    return (
        f'<article class="card cited"><p class="place">{numbers}{_place(statement)} '
        f'<span class="verdict">{_verdict(answer, citations)}</span></p>'
        f"<p>{''.join(parts)}</p></article>"
    )


def _verdict(answer: Answer, citations: Sequence[Citation]) -> str:
    numbers = {citation.number for citation in citations}
    is_reworded = any(
        sentence.verdict == "supported" and numbers & set(sentence.citations)
        for sentence in answer.sentences
    )
    return "✓ supports the answer" if is_reworded else "❝ quoted word for word"


def _hit(hit: Hit) -> str:
    return (
        f'<article class="card"><p class="place">{_place(hit.statement)} '
        f'<meter min="0" max="1" value="{hit.score:.2f}" aria-label="relevance"></meter> '
        f"{hit.score:.2f}</p><p>{escape(hit.statement.text)}</p></article>"
    )


def _place(statement: Statement) -> str:
    return f"{escape(statement.source)}, line {statement.line}"


def _marker(turn: int, number: int, quote: str) -> str:
    short = " ".join(quote.splitlines())
    short = short if len(short) <= QUOTE_IN_TOOLTIP else short[:QUOTE_IN_TOOLTIP] + " …"
    return (
        f' <a class="cite" href="#citation-{turn}-{number}" title="{escape(short)}" '
        f'aria-label="citation {number}">{number}</a>'
    )


def _lines(text: str) -> str:
    """Text as HTML, its line breaks as elements."""
    return "<br>".join(escape(line) for line in text.splitlines())
