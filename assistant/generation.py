"""Generation: the statements and the question to a chat model, its words back as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assistant.answer import Hit
from assistant.errors import ModelError
from assistant.language_model import ANSWER_TOKENS, LanguageModel
from assistant.prompts import STATEMENTS_PROMPT, SYSTEM_PROMPT
from assistant.retrieval import Turn

# What the chat template adds around messages, generously.
TEMPLATE_TOKENS = 64
REMEMBERED_TURNS = 2


class Generator:
    """Asks a chat model to answer from statements."""

    def __init__(self, model: LanguageModel) -> None:
        from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

        self.name = model.name
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
        for _ in self.stream("Ready?", (), ()):
            break

    def stream(self, question: str, history: Sequence[Turn], hits: Sequence[Hit]) -> Iterator[str]:
        """The model's draft, piece by piece; statements are numbered as the hits are given.

        Raises:
            ModelError: the model's server failed or cannot be reached.
        """
        history, hits = self._fit(question, history[-REMEMBERED_TURNS:], hits)
        turns = [turn for asked, said in history for turn in (("human", asked), ("ai", said))]
        messages = self._prompt.invoke(
            {"history": turns, "statements": _numbered(hits), "question": question}
        )
        try:
            # Not `prompt | chat`: a LangChain sequence that is closed reads its model's stream to
            # the end, for tracing, so that a stopped answer would keep the model busy.
            for chunk in self._model.chat.stream(messages):
                yield chunk.text
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(
                f"The language model {self._model.name} failed: {reason} "
                "Ask again, or use --model none for quotes only."
            ) from error

    def _fit(
        self, question: str, history: Sequence[Turn], hits: Sequence[Hit]
    ) -> tuple[Sequence[Turn], Sequence[Hit]]:
        """Drop the oldest turns, then the weakest statements, until the prompt fits."""
        room = self._model.context_tokens - ANSWER_TOKENS - TEMPLATE_TOKENS
        while True:
            parts = [SYSTEM_PROMPT, *(text for turn in history for text in turn)]
            parts.append(STATEMENTS_PROMPT.format(statements=_numbered(hits), question=question))
            if self._model.count_tokens("\n".join(parts)) <= room:
                return history, hits
            if history:
                history = history[1:]
            elif hits:
                hits = hits[:-1]
            else:
                raise ModelError(
                    f"The question is too long for {self._model.name}, which reads "
                    f"{self._model.context_tokens} tokens. Ask it in fewer words."
                )


def _numbered(hits: Sequence[Hit]) -> str:
    return "\n".join(f"[{number}] {hit.statement.text}" for number, hit in enumerate(hits, start=1))
