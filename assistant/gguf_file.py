"""A GGUF file as PyTorch sees it: what it says of itself, and its tensors in full width.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The `gguf` package reads it
too, in five seconds for the bundled model, which a reader would wait for at every start; this takes
a tenth of that. Imports torch: import this module inside functions only.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assistant.errors import ModelError

# How the plain values are packed, by their number in the format.
_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
BLOCK = 32
"""Numbers that are quantized together."""


class _Header:
    """The bytes of a file, read from the front."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.place = 0

    def take(self, form: str) -> Any:
        """The next value packed so."""
        (value,) = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return value

    def string(self) -> str:
        """The next text, which its length comes before."""
        length = self.take("Q")
        self.place += length
        return bytes(self.data[self.place - length : self.place]).decode(errors="replace")

    def value(self, kind: int) -> Any:
        """The next value of a kind."""
        if kind == _STRING:
            return self.string()
        if kind != _ARRAY:
            return self.take(_PLAIN[kind])
        of, count = self.take("I"), self.take("Q")
        return [self.value(of) for _ in range(count)]

    def values(self) -> tuple[int, dict[str, Any]]:
        """The number of tensors and the named values, with which every file begins."""
        if bytes(self.data[:4]) != b"GGUF":
            raise ValueError("it is no GGUF file")
        self.place = 8
        tensors, count = self.take("Q"), self.take("Q")
        return tensors, {self.string(): self.value(self.take("I")) for _ in range(count)}


def read_values(path: Path) -> dict[str, Any]:
    """The plain values of a GGUF file by name, its vocabulary among them.

    Raises:
        ModelError: it is no whole GGUF file.
    """
    with _damage_told(path):
        _, values = _Header(np.memmap(path, mode="c").data).values()
        return values


def read_gguf(
    path: Path, keep: Callable[[str, Tensor], Tensor] = lambda _, tensor: tensor
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `read_values` returns, and the tensors in 32 bits by name.

    Args:
        path: the file.
        keep: makes of each tensor, which comes with its name, the one that is returned, before the
            next is read: where that is smaller, all of them in 32 bits are never in memory.

    Raises:
        ModelError: it is no whole GGUF file, or a tensor is of a kind that is not read here.
    """
    with _damage_told(path):
        file = np.memmap(path, mode="c")
        header = _Header(file.data)
        tensor_count, values = header.values()
        listed = []
        for _ in range(tensor_count):
            name = header.string()
            shape = [header.take("Q") for _ in range(header.take("I"))][::-1]
            listed.append((name, shape, header.take("I"), header.take("Q")))
        alignment = values.get("general.alignment", 32)
        start = -(-header.place // alignment) * alignment
        data = torch.from_numpy(file)
        return values, {
            name: keep(
                name, _READ[kind](data[start + offset :], torch.Size(shape).numel()).reshape(shape)
            )
            for name, shape, kind, offset in listed
        }


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (struct.error, KeyError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"Cannot read {path.name}: it is damaged, or of a kind not read here ({error})."
        ) from error


def _plain(dtype: torch.dtype) -> Callable[[Tensor, int], Tensor]:
    return lambda data, count: data[: count * dtype.itemsize].view(dtype).float()


def _q4_1(data: Tensor, count: int) -> Tensor:
    """Blocks of a scale, a least value, and two numbers a byte: the first half in the low bits."""
    blocks = data[: count // BLOCK * 20].view(-1, 20)
    scales = blocks[:, :4].contiguous().view(torch.float16).float()
    packed = blocks[:, 4:]
    numbers = torch.cat([packed & 15, packed >> 4], dim=1).float()
    return numbers.mul_(scales[:, :1]).add_(scales[:, 1:])


def _q8_0(data: Tensor, count: int) -> Tensor:
    """Blocks of a scale and a number a byte."""
    blocks = data[: count // BLOCK * 34].view(-1, 34)
    scales = blocks[:, :2].contiguous().view(torch.float16).float()
    return blocks[:, 2:].view(torch.int8).float().mul_(scales)


_READ: dict[int, Callable[[Tensor, int], Tensor]] = {
    0: _plain(torch.float32),
    1: _plain(torch.float16),
    3: _q4_1,
    8: _q8_0,
}
