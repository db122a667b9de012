"""Generation: the statements and the question to a chat model, its words back as they come."""

from __future__ import annotations

from collections.abc import Generator as Generated
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assistant.conversation import REMEMBERED_TURNS, Turn
from assistant.errors import AssistantError, ModelError
from assistant.language_model import LanguageModel
from assistant.prompts import STATEMENTS_PROMPT, SYSTEM_PROMPT

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

# Around what a model thinks aloud.
THINKING, THOUGHT = "<think>", "</think>"
# What the chat template adds around messages, generously.
TEMPLATE_TOKENS = 64


class Generator:
    """Asks a chat model to answer from statements."""

    def __init__(self, model: LanguageModel) -> None:
        from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

        self.name = model.name
        self.is_taught = model.is_taught
        self._model = model
        self._prompt = ChatPromptTemplate(
            [
                ("system", SYSTEM_PROMPT),
                MessagesPlaceholder("history"),
                ("human", STATEMENTS_PROMPT),
            ]
        )

    def warm_up(self) -> None:
        """Let the model read the constant start of every prompt once."""
        for _ in self.stream(self.prompt("Ready?", (), ())):
            break

    def prompt(
        self, question: str, history: Sequence[Turn], passages: Sequence[str]
    ) -> list[BaseMessage]:
        """What the model is sent; the passages are numbered as they are given.

        Raises:
            ModelError: the model's server failed, or the question alone is too long.
        """
        with self._errors():
            history, passages = self._fit(question, history[-REMEMBERED_TURNS:], passages)
            turns = [turn for asked, said in history for turn in (("human", asked), ("ai", said))]
            return self._prompt.invoke(
                {"history": turns, "statements": _numbered(passages), "question": question}
            ).to_messages()

    def stream(self, messages: Sequence[BaseMessage]) -> Generated[str]:
        """The model's draft, piece by piece.

        Raises:
            ModelError: the model's server failed or cannot be reached.
        """
        with self._errors():
            # Not `prompt | chat`: a LangChain sequence that is closed reads its model's stream to
            # the end, for tracing, so that a stopped answer would keep the model busy.
            chunks = self._model.chat.stream(list(messages))
            yield from _without_thoughts(chunk.text for chunk in chunks)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What can go wrong with a model, as one line that says what to do."""
        try:
            yield
        except AssistantError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"The language model {self._model.name} failed: {reason} "
                "Ask again, or use --model none for quotes only."
            ) from error

    def _fit(
        self, question: str, history: Sequence[Turn], passages: Sequence[str]
    ) -> tuple[Sequence[Turn], Sequence[str]]:
        """Drop the oldest turns, then the last passages, until the prompt fits."""
        room = self._model.context_tokens - self._model.answer_tokens - TEMPLATE_TOKENS
        while True:
            parts = [SYSTEM_PROMPT, *(text for turn in history for text in turn)]
            parts.append(
                STATEMENTS_PROMPT.format(statements=_numbered(passages), question=question)
            )
            if self._model.count_tokens("\n".join(parts)) <= room:
                return history, passages
            if history:
                history = history[1:]
            elif passages:
                passages = passages[:-1]
            else:
                raise ModelError(
                    f"The question is too long for {self._model.name}, which reads "
                    f"{self._model.context_tokens} tokens. Ask it in fewer words."
                )


def _without_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """What a model says after thinking aloud, which some servers pass on as a part of the text."""
    pieces = iter(pieces)
    start = ""
    for piece in pieces:
        start += piece
        said = start.lstrip()
        if said.startswith(THINKING):
            _, end, said = start.partition(THOUGHT)
            if not end:
                continue
        elif THINKING.startswith(said):  # it may become the mark
            continue
        yield said
        yield from pieces
        return
    if not start.lstrip().startswith(THINKING):
        yield start


def _numbered(passages: Sequence[str]) -> str:
    return "\n".join(f"[{number}] {text}" for number, text in enumerate(passages, start=1))
