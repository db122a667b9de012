"""The language model as PyTorch sees it: Llama read from a GGUF file, frozen, with a LoRA on top.

LoRA (Hu et al., 2021, https://arxiv.org/abs/2106.09685): beside a linear layer `W` of a block stand
two thin matrices, and the layer computes `Wx + alpha/rank * B(Ax)`; only they are trained.

Everything keeps the layout that llama.cpp uses, rotary positions on neighbouring pairs included,
so that the trained matrices are the tensors of the adapter file as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5  # of the norms; a Llama of another one is refused
# The linear layers of a block, by their names in the file, ...
LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
# ... and those that are learned on: every one costs time at every token (see models/ADAPTER.md).
LEARNED = ("attn_q", "attn_v", "attn_output", "ffn_up", "ffn_down")


class FrozenLinear(nn.Module):
    """A linear layer that does not learn."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.weight: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self.weight)


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


class Block(nn.Module):
    """Attention with grouped keys and values, then the gated feed-forward layer."""

    def __init__(self, tensors: dict[str, Tensor], rank: int, alpha: float, heads: int) -> None:
        super().__init__()
        self.linear = nn.ModuleDict(
            {
                name: LoraLinear(tensors[f"{name}.weight"], rank, alpha)
                if name in LEARNED
                else FrozenLinear(tensors[f"{name}.weight"])
                for name in LINEAR
            }
        )
        for name in ("attn_norm", "ffn_norm"):
            self.register_buffer(name, tensors[f"{name}.weight"], persistent=False)
        self.attn_norm: Tensor
        self.ffn_norm: Tensor
        self._heads = heads
        self._key_heads = (
            heads * tensors["attn_k.weight"].shape[0] // tensors["attn_q.weight"].shape[0]
        )

    def forward(self, stream: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """(tokens, width) in and out; the mask is (tokens, tokens), 0 or minus infinity."""
        normal = functional.rms_norm(stream, self.attn_norm.shape, self.attn_norm, EPSILON)
        queries = _rotated(self._split(self.linear["attn_q"](normal), self._heads), rotation)
        keys = _rotated(self._split(self.linear["attn_k"](normal), self._key_heads), rotation)
        values = self._split(self.linear["attn_v"](normal), self._key_heads)
        repeated = self._heads // self._key_heads
        keys, values = (each.repeat_interleave(repeated, 0) for each in (keys, values))
        # Written out: a third faster here than torch's own attention, which is slow with a mask.
        seen = queries @ keys.transpose(1, 2) / math.sqrt(queries.shape[2]) + mask
        read = seen.softmax(-1) @ values
        stream = stream + self.linear["attn_output"](read.transpose(0, 1).flatten(1))
        normal = functional.rms_norm(stream, self.ffn_norm.shape, self.ffn_norm, EPSILON)
        gate = functional.silu(self.linear["ffn_gate"](normal))
        forward: Tensor = self.linear["ffn_down"](gate * self.linear["ffn_up"](normal))
        return stream + forward

    @staticmethod
    def _split(states: Tensor, heads: int) -> Tensor:
        return states.view(len(states), heads, -1).transpose(0, 1)


class Llama(nn.Module):
    """The network of one GGUF file with an untrained LoRA."""

    def __init__(self, path: Path, rank: int, alpha: float, dtype: torch.dtype) -> None:
        """Read the file's weights, whatever their quantization.

        Args:
            path: a GGUF file of the llama architecture with tied embeddings.
            rank: of the LoRA.
            alpha: the LoRA counts `alpha / rank` times.
            dtype: what to compute in.
        """
        super().__init__()
        import gguf

        reader = gguf.GGUFReader(path)
        tensors = {
            tensor.name: torch.from_numpy(
                gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy()
            ).to(dtype)
            for tensor in reader.tensors
        }
        epsilon = reader.fields["llama.attention.layer_norm_rms_epsilon"].contents()
        if not math.isclose(epsilon, EPSILON, rel_tol=1e-3):
            raise ValueError(f"{path.name} has norms of {epsilon}; {EPSILON} is what is computed.")
        heads = reader.fields["llama.attention.head_count"].contents()
        blocks = reader.fields["llama.block_count"].contents()
        self._base = reader.fields["llama.rope.freq_base"].contents()
        self._head_width = tensors["token_embd.weight"].shape[1] // heads
        self.register_buffer("embedding", tensors["token_embd.weight"], persistent=False)
        self.register_buffer("norm", tensors["output_norm.weight"], persistent=False)
        self.embedding: Tensor
        self.norm: Tensor
        self.blocks = nn.ModuleList(
            Block(
                {
                    name.removeprefix(f"blk.{number}."): tensor
                    for name, tensor in tensors.items()
                    if name.startswith(f"blk.{number}.")
                },
                rank,
                alpha,
                heads,
            )
            for number in range(blocks)
        )

    def forward(self, tokens: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """What is known at each token: (tokens, width).

        Args:
            tokens: their numbers, (tokens,).
            positions: where each stands, (tokens,).
            mask: True where a token (row) sees another (column), (tokens, tokens).
        """
        stream = functional.embedding(tokens, self.embedding)
        seen = torch.zeros(mask.shape, dtype=stream.dtype).masked_fill(~mask, -torch.inf)
        rotation = self._rotation(positions, stream.dtype)
        for block in self.blocks:
            stream = block(stream, rotation, seen)
        return functional.rms_norm(stream, self.norm.shape, self.norm, EPSILON)

    def logits(self, states: Tensor) -> Tensor:
        """How likely each next token is, unnormalized: (tokens, vocabulary)."""
        return functional.linear(states, self.embedding).float()

    def learned(self) -> Iterator[tuple[str, Tensor]]:
        """What is trained, by the names that the tensors have in an adapter's file."""
        for name, parameter in self.named_parameters():
            _, block, _, layer, part = name.split(".")
            yield f"blk.{block}.{layer}.weight.lora_{part}", parameter.detach()

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        pairs = torch.arange(0, self._head_width, 2) / self._head_width
        angles = positions.float().unsqueeze(1) / self._base**pairs
        return angles.cos().to(dtype), angles.sin().to(dtype)


def _rotated(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al., 2021) on neighbouring pairs of (heads, tokens, width)."""
    cosine, sine = rotation
    even, odd = states[..., 0::2], states[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)
