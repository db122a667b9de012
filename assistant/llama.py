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
from torch.nn.utils.rnn import pad_sequence

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

    def forward(
        self, stream: Tensor, rotation: tuple[Tensor, Tensor], mask: Tensor, past: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """(texts, tokens, width) in and out, and the keys and values of the tokens.

        Those, and those of a past, are (texts, 2, heads, tokens, head width); the mask is
        (texts, 1, tokens, tokens of the past and of the text), 0 or minus infinity.
        """
        normal = functional.rms_norm(stream, self.attn_norm.shape, self.attn_norm, EPSILON)
        queries = _rotated(self._split(self.linear["attn_q"](normal), self._heads), rotation)
        keys = _rotated(self._split(self.linear["attn_k"](normal), self._key_heads), rotation)
        values = self._split(self.linear["attn_v"](normal), self._key_heads)
        own = torch.stack((keys, values), 1)
        seen = own if past is None else torch.cat((past, own), 3)
        keys, values = seen.repeat_interleave(self._heads // self._key_heads, 2).unbind(1)
        # Written out: a third faster here than torch's own attention, which is slow with a mask.
        scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[3]) + mask
        read = scores.softmax(-1) @ values
        stream = stream + self.linear["attn_output"](read.transpose(1, 2).flatten(2))
        normal = functional.rms_norm(stream, self.ffn_norm.shape, self.ffn_norm, EPSILON)
        gate = functional.silu(self.linear["ffn_gate"](normal))
        forward: Tensor = self.linear["ffn_down"](gate * self.linear["ffn_up"](normal))
        return stream + forward, own

    @staticmethod
    def _split(states: Tensor, heads: int) -> Tensor:
        return states.view(*states.shape[:2], heads, -1).transpose(1, 2)


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
        taught, learned = read_gguf(adapter) if adapter else ({}, {})

        def in_use(name: str, weight: Tensor) -> Tensor:
            """LoRA (Hu et al., 2021): a layer `W` becomes `W + alpha/rank * BA`."""
            a, b = learned.get(f"{name}.lora_a"), learned.get(f"{name}.lora_b")
            if a is not None and b is not None:
                weight += taught["adapter.lora.alpha"] / len(a) * (b @ a)
            return weight.to(dtype)

        values, tensors = read_gguf(path, in_use)
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

    def forward(
        self, tokens: Tensor, positions: Tensor, mask: Tensor, past: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What is known at each token, and the keys and values that what follows goes on from.

        Args:
            tokens: their numbers, (texts, tokens).
            positions: where each stands, (texts, tokens).
            mask: True where a token (row) sees another (column), those of the past first:
                (texts, tokens, tokens of the past and of the text).
            past: keys and values of what stands before the texts.

        Returns:
            Shapes (texts, tokens, width) and (texts, blocks, 2, heads, tokens, head width), as
            the past is.
        """
        stream = functional.embedding(tokens, self.embedding)
        seen = torch.zeros(mask.shape, dtype=stream.dtype, device=mask.device)
        hidden = seen.masked_fill(~mask, -torch.inf)
        rotation = self._rotation(positions, stream.dtype)
        kept = []
        for number, block in enumerate(self.blocks):
            before = None if past is None else past[:, number]
            stream, own = block(stream, rotation, hidden.unsqueeze(1), before)
            kept.append(own)
        states = functional.rms_norm(stream, self.norm.shape, self.norm, EPSILON)
        return states, torch.stack(kept, 1)

    def logits(self, states: Tensor) -> Tensor:
        """How likely each next token is, unnormalized: (..., vocabulary)."""
        return functional.linear(states, self.embedding).float()

    def _rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        pairs = torch.arange(0, self._head_width, 2, device=positions.device) / self._head_width
        angles = positions.float()[:, None, :, None] / self._base**pairs
        return angles.cos().to(dtype), angles.sin().to(dtype)


def side_by_side(
    texts: Sequence[Sequence[int]], pasts: Sequence[Tensor] = ()
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """What the network takes to read texts in one pass, each as if it were alone.

    Args:
        texts: their tokens; shorter ones are filled up at their ends.
        pasts: of each, the keys and values of what stands before it, as the network returns them:
            (blocks, 2, heads, tokens, head width). None at all where nothing does.
    """
    lengths = torch.tensor([past.shape[3] for past in pasts] or [0]).unsqueeze(1)
    longest = int(lengths.max())
    tokens = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    count, width = tokens.shape
    is_past = torch.arange(longest) < lengths
    is_own = torch.ones(width, width, dtype=torch.bool).tril()
    mask = torch.cat(
        (is_past.unsqueeze(1).expand(count, width, -1), is_own.expand(count, -1, -1)), 2
    )
    filled = [functional.pad(past, (0, 0, 0, longest - past.shape[3])) for past in pasts]
    past = torch.stack(filled) if filled else None
    return tokens, (lengths + torch.arange(width)).expand(count, -1), mask, past


def has_bfloat16() -> bool:
    """Whether the processor computes in it: twice as fast then, and many times slower if not."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _rotated(states: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions (Su et al., 2021) on neighbouring pairs of (..., tokens, width)."""
    cosine, sine = rotation
    even, odd = states[..., 0::2], states[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)
