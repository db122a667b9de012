"""The adapter as a GGUF file that llama.cpp puts on top of the base model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from assistant.gguf_file import read_gguf
from assistant.llama import Llama
from assistant.training.lora import learned


def write_adapter(network: Llama, alpha: float, path: Path) -> None:
    """Write the LoRA of a network, in 16 bits.

    Names and shapes are those of llama.cpp's convert_lora_to_gguf.py. The network is trained in
    the layout of the base's GGUF file, so nothing has to be permuted.

    Args:
        network: trained.
        alpha: as it was trained with.
        path: the `.gguf` file.
    """
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, matrix in learned(network):
        writer.add_tensor(name, matrix.cpu().numpy().astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_adapter(path: Path) -> tuple[float, dict[str, Tensor]]:
    """What a file holds, to go on from: its alpha, and its matrices by the network's names.

    Raises:
        ModelError: the file is damaged.
    """
    values, tensors = read_gguf(path)
    network: dict[str, Tensor] = {}
    for name, matrix in tensors.items():
        _, block, layer, _, part = name.split(".")
        network[f"blocks.{block}.linear.{layer}.{part.removeprefix('lora_')}"] = matrix
    return values["adapter.lora.alpha"], network
