"""Reading statements alone: does this one answer the question? Asked of the model that ships.

Whichever model writes, this one reads: it was taught to say when a statement does not answer (see
models/ADAPTER.md), and how likely it starts to say so is its doubt. All statements found are read
in one pass, side by side; llama.cpp's server, which runs the same model when it writes, would read
them one after another. The question stands last in the prompt, so that a statement that was read
lately need not be read again.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from assistant.catalogue import BUNDLED, BUNDLED_BASE, find_model
from assistant.conversation import REMEMBERED_TURNS, Turn
from assistant.language_model import NO_MODEL
from assistant.prompts import NOT_ANSWERED, STATEMENTS_PROMPT, SYSTEM_PROMPT
from assistant.tokenizer import Tokenize, load_tokenizer

if TYPE_CHECKING:
    from torch import Tensor

# The marks of SmolLM2's chat template; a test holds the prompt against the one in its file.
START, END = "<|im_start|>", "<|im_end|>"
REPLY = f"{END}\n{START}assistant\n"
# What is longer, a question, a statement or a turn, is cut at its end.
LONGEST_TEXT = 256
# So many tokens are read in one pass, and a stopped answer is noticed between two.
AT_ONCE = 1024
# Tokens whose keys and values are remembered, about sixty statements: 90 MB, or 180 where the
# processor has no bfloat16.
REMEMBERED = 4096

Tokens = tuple[int, ...]


class Reader(Protocol):
    """Tells of statements how much it doubts that they answer; its fingerprint says which it is."""

    @property
    def fingerprint(self) -> str: ...

    def doubts(
        self, question: str, history: Sequence[Turn], statements: Sequence[str]
    ) -> Iterator[float]:
        """Of each statement, read alone, how likely it is that it does not answer, 0..1."""


class StatementReader:
    """The bundled model with its adapter."""

    def __init__(self, path: Path, adapter: Path) -> None:
        """Load it.

        Args:
            path: the model, a GGUF file.
            adapter: the LoRA that taught it, a GGUF file.

        Raises:
            ModelError: a file is damaged or of another architecture.
        """
        import torch

        from assistant.llama import Llama, has_bfloat16

        dtype = torch.bfloat16 if has_bfloat16() else torch.float32
        self._network = Llama(path, dtype, adapter)
        self.fingerprint = hashlib.sha256(adapter.read_bytes()).hexdigest()[:16]
        # The constant parts of the prompt come back with every statement.
        self._tokenize = lru_cache(maxsize=256)(load_tokenizer(path))
        self._silence = self._tokenize(NOT_ANSWERED, False)[0]
        self._remembered: OrderedDict[tuple[Tokens, Tokens], Tensor] = OrderedDict()
        self._lock = Lock()

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
        start = tuple(prompt_start(history, self._tokenize))
        asked = self._tokenize(f" {question}", False)[:LONGEST_TEXT] + self._tokenize(REPLY, True)
        texts = [tuple(prompt_of([statement], self._tokenize)) for statement in statements]
        while texts:
            lengths = accumulate(len(text) + len(asked) for text in texts)
            read = max(1, sum(length <= AT_ONCE for length in lengths))
            yield from self._silences(start, texts[:read], asked)
            texts = texts[read:]

    def _silences(
        self, start: Tokens, texts: Sequence[Tokens], asked: Sequence[int]
    ) -> list[float]:
        """How likely the reply to each starts to say that nothing answers."""
        import torch

        from assistant.llama import side_by_side

        with self._lock, torch.inference_mode():
            (begun,) = self._keys_and_values((), [start])
            pasts = [torch.cat((begun, own), 3) for own in self._keys_and_values(start, texts)]
            states, _ = self._network(*side_by_side([asked] * len(texts), pasts))
            likely = self._network.logits(states[:, -1]).softmax(-1)
        return likely[:, self._silence].tolist()

    def _keys_and_values(self, start: Tokens, texts: Sequence[Tokens]) -> list[Tensor]:
        """What the network keeps of texts that go on from a start, remembered or read now."""
        from assistant.llama import side_by_side

        unread = [each for each in dict.fromkeys(texts) if (start, each) not in self._remembered]
        if unread:
            begun = self._keys_and_values((), [start]) * len(unread) if start else ()
            _, read = self._network(*side_by_side(unread, begun))
            for text, kept in zip(unread, read, strict=True):
                self._remembered[start, text] = kept[..., : len(text), :].clone()
        for text in texts:
            self._remembered.move_to_end((start, text))
        kept_of = [self._remembered[start, text] for text in texts]
        while sum(len(text) for _, text in self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return kept_of


def load_reader(model: str, home: Path) -> StatementReader | None:
    """The reader beside a language model of that name.

    None without a language model, beside the bundled one as it came, which is there to compare
    with, and where the bundled one is not installed.

    Raises:
        ModelError: a file is damaged.
    """
    path, adapter = BUNDLED.path(home), BUNDLED.adapter_path
    if model == NO_MODEL or find_model(model) is BUNDLED_BASE or not path or not adapter:
        return None
    return StatementReader(path, adapter)


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
