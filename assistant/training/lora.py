"""LoRA: what is trained on top of the language model.

Hu et al., 2021, https://arxiv.org/abs/2106.09685: beside a linear layer `W` of a block stand two
thin matrices, and the layer computes `Wx + alpha/rank * B(Ax)`; only they are trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from assistant.llama import FrozenLinear, Llama

LEARNED = ("attn_q", "attn_v", "attn_output", "ffn_up", "ffn_down")
"""The layers that are learned on: every one costs time at every token (see models/ADAPTER.md)."""


class LoraLinear(FrozenLinear):
    """A frozen linear layer and what is learned on top of it.

    Attributes:
        a: (rank, inputs), random at first.
        b: (outputs, rank), zero at first, so that nothing has changed yet.
    """

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__(weight)
        outputs, inputs = weight.shape
        self.a = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        self._scale = alpha / rank

    def forward(self, inputs: Tensor) -> Tensor:
        a, b = self.a.to(inputs.dtype), self.b.to(inputs.dtype)
        learned = functional.linear(functional.linear(inputs, a), b)
        return super().forward(inputs) + self._scale * learned


def new_network(path: Path, rank: int, alpha: float, dtype: torch.dtype) -> Llama:
    """The network of a GGUF file with an untrained LoRA.

    Args:
        path: the file.
        rank: of the LoRA.
        alpha: the LoRA counts `alpha / rank` times.
        dtype: what to compute in.
    """
    network = Llama(path, dtype)
    for block in network.blocks:
        assert isinstance(block.linear, nn.ModuleDict)
        for name in LEARNED:
            frozen = block.linear[name]
            assert isinstance(frozen, FrozenLinear)
            block.linear[name] = LoraLinear(frozen.weight, rank, alpha)
    return network


def learned(network: Llama) -> Iterator[tuple[str, Tensor]]:
    """What is trained, by the names that the tensors have in an adapter's file."""
    for name, parameter in network.named_parameters():
        _, block, _, layer, part = name.split(".")
        yield f"blk.{block}.{layer}.weight.lora_{part}", parameter.detach()
