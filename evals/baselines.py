"""What the assistant has to beat: the tutorial chain, and quoting the most similar statement."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.answer import Hit
from assistant.errors import ModelError
from evals.judging import Reply, Shown
from evals.matching import sentence_spans, without_markers
from evals.product import DEPTH, Searching

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

TUTORIAL_STATEMENTS = 4
# The wording of the common tutorials, with the numbers asked for; nothing is checked after it.
TUTORIAL_INSTRUCTION = (
    "Use the following context to answer the question. Cite the numbers of the statements you "
    "use, like [1]. If you don't know the answer, just say that you don't know."
)
QUOTES_ONLY_THRESHOLD = 0.35

_MARKER = re.compile(r"\[(\d+(?:\s*,\s*\d+)*)\]")
_DO_NOT_KNOW = re.compile(
    r"\b(?:(?:do|does|did)(?: not|n['’]t) (?:know|have (?:any |enough )?information|mention|say"
    r"|provide|contain|specify)"
    r"|can ?(?:not|['’]t) (?:answer|find|determine|say|provide|tell)"
    r"|unable to (?:answer|find|determine)"
    r"|(?:is|are|was|were)(?: not|n['’]t) (?:mentioned|provided|specified|given|stated|in the)"
    r"|no (?:information|mention)|not mentioned|insufficient information|not sure)",
    re.IGNORECASE,
)


def tutorial_chain(assistant: Searching, chat_model: BaseChatModel, question: str) -> Reply:
    """The four most similar statements and a prompt, as the tutorials have it.

    It takes no history, checks nothing, and counts as abstaining when it says that it does not
    know, in whatever words.

    Args:
        assistant: found the statements; only the similarity of its embedder is used.
        chat_model: the same model that the assistant writes with.
        question: as it was asked.

    Raises:
        ModelError: the language model failed.
    """
    started = time.perf_counter()
    hits = most_similar(assistant, question)[:TUTORIAL_STATEMENTS]
    found = time.perf_counter()
    context = "\n".join(f"[{n}] {hit.statement.text}" for n, hit in enumerate(hits, start=1))
    prompt = f"Context:\n{context}\n\nQuestion: {question}\nAnswer:"
    pieces: list[str] = []
    first_piece: float | None = None
    try:
        for chunk in chat_model.stream([("system", TUTORIAL_INSTRUCTION), ("human", prompt)]):
            if chunk.text:
                first_piece = first_piece or time.perf_counter()
                pieces.append(chunk.text)
    except Exception as error:  # each provider behind LangChain raises its own kind
        raise ModelError(
            f"The language model failed in the tutorial chain: {type(error).__name__}: {error}. "
            "Try it with `assistant ask`, or choose another with --model."
        ) from error
    text = "".join(pieces).strip()
    return Reply(
        answered=bool(text) and not _DO_NOT_KNOW.search(text),
        text=text,
        cited=tuple(dict.fromkeys(hit.statement.id for hit in _cited(text, hits))),
        sentences=tuple(_shown(text[start:end], hits) for start, end in sentence_spans(text)),
        confidence=hits[0].dense_score if hits else 0.0,
        seconds_to_evidence=found - started,
        seconds_to_first_piece=None if first_piece is None else first_piece - started,
        seconds=time.perf_counter() - started,
        model="tutorial chain",
    )


def quotes_only(assistant: Searching, question: str) -> Reply:
    """The most similar statement, quoted whole; abstains under a similarity of 0.35."""
    started = time.perf_counter()
    best = most_similar(assistant, question)[:1]
    seconds = time.perf_counter() - started
    confidence = best[0].dense_score if best else 0.0
    shown = [hit.statement for hit in best if confidence >= QUOTES_ONLY_THRESHOLD]
    return Reply(
        answered=bool(shown),
        text="".join(f"{statement.text} [1]" for statement in shown),
        cited=tuple(statement.id for statement in shown),
        sentences=tuple(Shown(statement.text, (statement.text,)) for statement in shown),
        confidence=confidence,
        seconds_to_evidence=seconds,
        seconds_to_first_piece=None,
        seconds=seconds,
        model="quotes only",
    )


def most_similar(assistant: Searching, question: str) -> list[Hit]:
    """The hits by the embedder's similarity alone, best first."""
    hits = assistant.search(question, DEPTH)
    return sorted(hits, key=lambda hit: hit.dense_score, reverse=True)


def _cited(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """The statements behind the markers of a text; markers without a statement are ignored."""
    numbers = [int(n) for match in _MARKER.finditer(text) for n in match[1].split(",")]
    return [hits[number - 1] for number in numbers if 1 <= number <= len(hits)]


def _shown(sentence: str, hits: Sequence[Hit]) -> Shown:
    """A sentence with the whole text of the statements it cites."""
    quotes = tuple(hit.statement.text for hit in _cited(sentence, hits))
    return Shown(without_markers(sentence), quotes)
