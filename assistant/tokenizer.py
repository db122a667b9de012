"""The tokens that a language model reads in a text, as llama.cpp finds them: byte-level BPE.

Made of the vocabulary in the model's own GGUF file, so that reading needs no running server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from assistant.errors import ModelError

Tokenize = Callable[[str, bool], list[int]]
"""A text and whether it holds marks of the template, to the model's tokens."""

# What llama.cpp calls the splitting into words before the merges: digits stand alone.
SPLITTING = "smollm"
# The type of tokens that are marks, as `<|im_end|>`, and stand in no text.
CONTROL = 3


def load_tokenizer(path: Path) -> Tokenize:
    """The tokenizer of a GGUF file; a test holds it against llama.cpp's.

    Raises:
        ModelError: the file is damaged, or its tokenizer of another kind.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers

    from assistant.gguf_file import read_values

    values = read_values(path)
    if values.get("tokenizer.ggml.pre") != SPLITTING:
        raise ModelError(f"{path.name} has another tokenizer than {SPLITTING}'s.")
    tokens: list[str] = values["tokenizer.ggml.tokens"]
    number_of = {token: number for number, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ")) for merge in values["tokenizer.ggml.merges"]]
    words = Tokenizer(models.BPE(number_of, merges))
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    types = values["tokenizer.ggml.token_type"]
    controls = [token for token, of in zip(tokens, types, strict=True) if of == CONTROL]
    marks = re.compile(f"({'|'.join(map(re.escape, controls))})")

    def tokenize(text: str, has_markup: bool) -> list[int]:
        if not has_markup:
            return list(words.encode(text).ids)
        # Every other part is a mark.
        parts = enumerate(marks.split(text))
        return [
            token
            for place, part in parts
            for token in ([number_of[part]] if place % 2 else words.encode(part).ids)
        ]

    return tokenize
