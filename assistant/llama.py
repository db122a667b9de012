"""The language model as PyTorch sees it: Llama read from a GGUF file, with an adapter or without.

Everything keeps the layout that llama.cpp uses, rotary positions on neighbouring pairs included,
so that what is trained on it is the tensors of the adapter file as they are. Imports torch: import
this module inside functions only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from assistant.errors import ModelError
from assistant.gguf_file import read_gguf

EPSILON = 1e-5  # of the norms; a Llama of another one is refused
LINEAR = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The linear layers of a block, by their names in the file."""


class FrozenLinear(nn.Module):
    """A linear layer that does not learn."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.weight: Tensor

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.linear(inputs, self.weight)


class Block(nn.Module):
    """Attention with grouped keys and values, then the gated feed-forward layer."""

    def __init__(self, tensors: dict[str, Tensor], heads: int) -> None:
        super().__init__()
        self.linear = nn.ModuleDict(
            {name: FrozenLinear(tensors[f"{name}.weight"]) for name in LINEAR}
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
    """The network of one GGUF file."""

    def __init__(self, path: Path, dtype: torch.dtype, adapter: Path | None = None) -> None:
        """Read the file's weights.

        Args:
            path: a GGUF file of the llama architecture with tied embeddings.
            dtype: what to compute in.
            adapter: a LoRA in GGUF, whose matrices are added to the weights.

        Raises:
            ModelError: a file is damaged, or not of this architecture.
        """
        super().__init__()
        values, tensors = read_gguf(path)
        if adapter:
            _add_adapter(tensors, adapter)
        tensors = {name: tensor.to(dtype) for name, tensor in tensors.items()}
        epsilon = values["llama.attention.layer_norm_rms_epsilon"]
        if not math.isclose(epsilon, EPSILON, rel_tol=1e-3):
            raise ModelError(f"{path.name} has norms of {epsilon}; {EPSILON} is what is computed.")
        heads = values["llama.attention.head_count"]
        self._base = values["llama.rope.freq_base"]
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
                heads,
            )
            for number in range(values["llama.block_count"])
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

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        pairs = torch.arange(0, self._head_width, 2) / self._head_width
        angles = positions.float().unsqueeze(1) / self._base**pairs
        return angles.cos().to(dtype), angles.sin().to(dtype)


def laid_out(
    common: Sequence[int], branches: Sequence[Sequence[int]]
) -> tuple[Tensor, Tensor, Tensor]:
    """Texts that begin alike as one row of tokens, what is common once.

    Returns:
        The tokens, their positions, and who sees whom: every branch goes on from the last common
        token, as if it were alone.
    """
    tokens = list(common)
    positions = list(range(len(common)))
    branch = [-1] * len(common)
    for number, own in enumerate(branches):
        tokens += own
        positions += range(len(common), len(common) + len(own))
        branch += [number] * len(own)
    of = torch.tensor(branch)
    sees = (of.unsqueeze(1) == of.unsqueeze(0)) | (of.unsqueeze(0) == -1)
    return (
        torch.tensor(tokens),
        torch.tensor(positions),
        sees & torch.ones_like(sees).tril(),
    )


def has_bfloat16() -> bool:
    """Whether the processor computes in it: twice as fast then, and many times slower if not."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _add_adapter(tensors: dict[str, Tensor], adapter: Path) -> None:
    """LoRA (Hu et al., 2021): a layer `W` becomes `W + alpha/rank * BA`."""
    values, learned = read_gguf(adapter)
    for name in learned:
        layer, _, part = name.rpartition(".lora_")
        if part == "a":
            a, b = learned[name], learned[f"{layer}.lora_b"]
            tensors[layer] += values["adapter.lora.alpha"] / len(a) * (b @ a)


def _rotated(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al., 2021) on neighbouring pairs of (heads, tokens, width)."""
    cosine, sine = rotation
    even, odd = states[..., 0::2], states[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)
