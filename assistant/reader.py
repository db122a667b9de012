"""Reading statements alone: does this one answer the question? Asked of the model that ships.

It was taught to say when a statement does not answer (see models/ADAPTER.md), and how likely it
starts to say so is its doubt. All statements found are read in one pass, side by side; llama.cpp's
server, which runs the same model when it writes, would read them one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from assistant.conversation import REMEMBERED_TURNS, Turn
from assistant.prompts import NOT_ANSWERED, STATEMENTS_PROMPT, SYSTEM_PROMPT

# The marks of SmolLM2's chat template; a test holds the prompt against the one in its file.
START, END = "<|im_start|>", "<|im_end|>"
REPLY = f"{END}\n{START}assistant\n"
# What is longer, a question, a statement or a turn, is cut at its end.
LONGEST_TEXT = 256
# So many tokens are read in one pass, and a stopped answer is noticed between two.
AT_ONCE = 1024

Tokenize = Callable[[str, bool], list[int]]
"""A text and whether it holds marks of the template, to the model's tokens."""


class Reader(Protocol):
    """Tells of statements how much it doubts that they answer."""

    def doubts(
        self, question: str, history: Sequence[Turn], statements: Sequence[str]
    ) -> Iterator[float]:
        """Of each statement, read alone, how likely it is that it does not answer, 0..1."""


class StatementReader:
    """The bundled model with its adapter."""

    def __init__(self, path: Path, adapter: Path, tokenize: Tokenize) -> None:
        """Load it.

        Args:
            path: the model, a GGUF file.
            adapter: the LoRA that taught it, a GGUF file.
            tokenize: its tokenizer.

        Raises:
            ModelError: a file is damaged or of another architecture.
        """
        import torch

        from assistant.llama import Llama, has_bfloat16

        dtype = torch.bfloat16 if has_bfloat16() else torch.float32
        self._network = Llama(path, dtype, adapter)
        # The constant parts of the prompt come back with every statement.
        self._tokenize = lru_cache(maxsize=256)(tokenize)
        self._silence = tokenize(NOT_ANSWERED, False)[0]

    def doubts(
        self, question: str, history: Sequence[Turn], statements: Sequence[str]
    ) -> Iterator[float]:
        """How likely it is of each statement, read alone, that it does not answer, 0..1.

        Args:
            question: as it was asked.
            history: of the conversation, oldest first.
            statements: their texts.

        Yields:
            One for each statement, after each pass those that were read in it.
        """
        common = prompt_start(history, self._tokenize)
        asked = self._tokenize(f" {question}", False)[:LONGEST_TEXT] + self._tokenize(REPLY, True)
        branches = [prompt_of([statement], self._tokenize) + asked for statement in statements]
        while branches:
            lengths = accumulate(map(len, branches), initial=len(common))
            read = max(1, sum(length <= AT_ONCE for length in lengths) - 1)
            yield from self._silences(common, branches[:read])
            branches = branches[read:]

    def _silences(self, common: Sequence[int], branches: Sequence[Sequence[int]]) -> list[float]:
        """How likely the reply to each starts to say that nothing answers."""
        import torch

        from assistant.llama import laid_out

        ends = torch.tensor([len(branch) for branch in branches]).cumsum(0) + len(common) - 1
        with torch.inference_mode():
            states = self._network(*laid_out(common, branches))
            likely = self._network.logits(states[ends]).softmax(-1)
        return likely[:, self._silence].tolist()


def prompt_start(history: Sequence[Turn], tokenize: Tokenize) -> list[int]:
    """The tokens of the prompt before the statements."""
    said = [("system", SYSTEM_PROMPT)]
    for question, answer in history[-REMEMBERED_TURNS:]:
        said += [("user", question), ("assistant", answer)]
    tokens = []
    for role, text in said:
        tokens += tokenize(f"{START}{role}\n", True)
        tokens += tokenize(text, False)[:LONGEST_TEXT] + tokenize(f"{END}\n", True)
    return tokens


def prompt_of(statements: Sequence[str], tokenize: Tokenize) -> list[int]:
    """The tokens of the prompt from the statements up to the question, which are numbered."""
    before, after = STATEMENTS_PROMPT.removesuffix(" {question}").split("{statements}")
    tokens = tokenize(f"{START}user\n", True) + tokenize(before, False)
    for number, text in enumerate(statements, start=1):
        line_break = tokenize("\n", False) if number > 1 else []
        tokens += line_break + tokenize(f"[{number}] {text}", False)[:LONGEST_TEXT]
    return tokens + tokenize(after, False)
