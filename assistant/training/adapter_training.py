"""Training the adapter: what the language model learns on top of its own weights."""

from __future__ import annotations

import hashlib
import math
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from assistant.llama import Llama, has_bfloat16
from assistant.training.adapter_data import Tokens
from assistant.training.adapter_file import read_adapter
from assistant.training.lora import new_network

PACKS_A_STEP = 2
# How much the first token of a reply counts.
START_WEIGHT = 2.0
WARM_UP = 0.06
REPORT_EVERY = 20
SAVE_EVERY = 60
# Compiling takes a minute and makes a step a third faster.
COMPILED_FROM = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the adapter is trained.

    Attributes:
        rank: of the LoRA.
        alpha: it counts `alpha / rank` times.
        rate: the highest learning rate.
        epochs: how often each pack is read.
        seed: of the first weights and the order.
    """

    rank: int = 16
    alpha: float = 32.0
    rate: float = 1e-3
    epochs: float = 1.0
    seed: int = 1


def train_adapter(
    base: Path,
    packs: Sequence[Tokens],
    recipe: Recipe,
    checkpoint: Path,
    report: Callable[[str], None],
    start_from: Path | None = None,
) -> Llama:
    """Train on packs; goes on from the checkpoint where it broke off.

    Args:
        base: the GGUF file of the language model.
        packs: what to learn.
        recipe: how.
        checkpoint: a file that is written every few minutes; one of another recipe, other packs or
            another start is an error.
        report: is told how it goes.
        start_from: a checkpoint of an earlier round, or an adapter's GGUF file, of these layers at
            least and of this rank and alpha.

    Raises:
        ValueError: the checkpoint is of another recipe, or learned from something else.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" or has_bfloat16() else torch.float32
    network = new_network(base, recipe.rank, recipe.alpha, dtype).to(device)
    if len(packs) >= COMPILED_FROM and shutil.which("c++"):
        for block in network.blocks:
            block.compile(dynamic=True)
    optimizer = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=0.0)
    steps = max(1, math.ceil(len(packs) * recipe.epochs / PACKS_A_STEP))
    learned_from = _digest(packs, start_from)
    done = _resume(checkpoint, recipe, learned_from, network, optimizer)
    if start_from and not done:
        _, learned = _read_learned(start_from)
        network.load_state_dict({name: learned[name] for name in network.state_dict()})
    started = time.monotonic()
    recent: list[float] = []
    for step, batch in enumerate(_batches(packs, steps, recipe.seed)):
        if step < done:
            continue
        for group in optimizer.param_groups:
            rise = min(1.0, (step + 1) / (WARM_UP * steps))
            group["lr"] = recipe.rate * rise * (1 - step / steps)
        optimizer.zero_grad()
        for pack in batch:
            loss = pack_loss(network, pack, device) / len(batch)
            loss.backward()  # type: ignore[no-untyped-call]
            recent.append(loss.item() * len(batch))
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % REPORT_EVERY == 0:
            minutes = (time.monotonic() - started) / 60
            mean = sum(recent) / len(recent)
            report(f"step {step + 1} of {steps}, {minutes:.1f} min, loss {mean:.4f}")
            recent.clear()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            _save(checkpoint, recipe, learned_from, network, optimizer, step + 1)
    return network.eval()


def read_checkpoint(base: Path, checkpoint: Path) -> tuple[Llama, Recipe]:
    """The network as a checkpoint left it, in full width, and how it was trained."""
    settings, learned = _read_learned(checkpoint)
    recipe = Recipe(**settings)
    network = new_network(base, recipe.rank, recipe.alpha, torch.float32)
    network.load_state_dict(learned)
    return network.eval(), recipe


def _read_learned(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The recipe and the matrices of a checkpoint, or of an adapter's GGUF file."""
    if path.suffix == ".gguf":
        alpha, network = read_adapter(path)
        rank = len(next(matrix for name, matrix in network.items() if name.endswith(".a")))
        return asdict(Recipe(rank=rank, alpha=alpha)), network
    saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return saved["recipe"], saved["network"]


def average_checkpoints(checkpoints: Sequence[Path], output: Path) -> None:
    """The mean of what several rounds learned from one start ("model soup", Wortsman et al., 2022).

    Args:
        checkpoints: of adapters of one shape; also their GGUF files.
        output: a checkpoint with the recipe of the first; to start from, or to convert.
    """
    recipes, networks = zip(*map(_read_learned, checkpoints), strict=True)
    mean = {name: sum(each[name] for each in networks) / len(networks) for name in networks[0]}
    torch.save({"recipe": recipes[0], "network": mean}, output)


def mean_loss(network: Llama, packs: Sequence[Tokens]) -> float:
    """The loss of packs, without learning from them."""
    device = next(network.parameters()).device
    with torch.no_grad():
        losses = [pack_loss(network, pack, device).item() for pack in packs]
    return sum(losses) / len(losses)


def pack_loss(network: Llama, pack: Tokens, device: torch.device) -> Tensor:
    """Cross-entropy of the replies' tokens, the mean over the questions.

    Where a reply starts says what is answered, or that nothing is, and counts as much for a short
    reply as for a long one; the rest is copied and counts by the square root of its length.
    """
    tokens, positions, mask, scored, weights = _laid_out(pack)
    states, _ = network(tokens.to(device), positions.to(device), mask.to(device))
    logits = network.logits(states[0, (scored - 1).to(device)])
    errors = functional.cross_entropy(logits, tokens[0, scored].to(device), reduction="none")
    return (errors * weights.to(device)).sum() / len(pack.branches)


def _laid_out(pack: Tokens) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """A pack as one row of tokens, what is common once.

    Returns:
        The tokens, their positions, and who sees whom, as the network takes them: every branch
        goes on from the last common token, as if it were alone. Then which tokens are scored, and
        how much each of those counts.
    """
    tokens = list(pack.common)
    positions = list(range(len(tokens)))
    branch = [-1] * len(tokens)
    scored: list[int] = []
    weights: list[float] = []
    for number, (asked, reply) in enumerate(pack.branches):
        length = len(asked) + len(reply)
        tokens += asked + reply
        positions += range(len(pack.common), len(pack.common) + length)
        branch += [number] * length
        scored += range(len(tokens) - len(reply), len(tokens))
        weights += [START_WEIGHT, *[1 / math.sqrt(len(reply))] * (len(reply) - 1)]
    of = torch.tensor(branch)
    sees = (of.unsqueeze(1) == of.unsqueeze(0)) | (of.unsqueeze(0) == -1)
    row = (torch.tensor(tokens), torch.tensor(positions), sees & torch.ones_like(sees).tril())
    tokens_row, positions_row, mask = (each.unsqueeze(0) for each in row)
    return tokens_row, positions_row, mask, torch.tensor(scored), torch.tensor(weights)


def _batches(packs: Sequence[Tokens], steps: int, seed: int) -> Iterator[Sequence[Tokens]]:
    chance = random.Random(seed)  # noqa: S311
    made = 0
    while made < steps:
        order = list(packs)
        chance.shuffle(order)
        for first in range(0, len(order), PACKS_A_STEP):
            if made == steps:
                return
            yield order[first : first + PACKS_A_STEP]
            made += 1


def _digest(packs: Sequence[Tokens], start_from: Path | None) -> str:
    """Stands for what is learned and from where."""
    digest = hashlib.sha256(start_from.read_bytes() if start_from else b"")
    for pack in packs:
        digest.update(repr(pack).encode())
    return digest.hexdigest()


def _resume(
    checkpoint: Path,
    recipe: Recipe,
    learned_from: str,
    network: Llama,
    optimizer: torch.optim.Optimizer,
) -> int:
    """Take up the checkpoint, if there is one; returns how many steps were done."""
    if not checkpoint.is_file():
        return 0
    saved: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    if saved["recipe"] != asdict(recipe):
        raise ValueError(f"{checkpoint} is of another recipe: {saved['recipe']}. Remove it.")
    if saved.get("learned_from") != learned_from:  # earlier ones do not say
        raise ValueError(f"{checkpoint} learned from other packs, or another start. Remove it.")
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return int(saved["done"])


def _save(
    checkpoint: Path,
    recipe: Recipe,
    learned_from: str,
    network: Llama,
    optimizer: torch.optim.Optimizer,
    done: int,
) -> None:
    saved = {
        "recipe": asdict(recipe),
        "learned_from": learned_from,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "done": done,
    }
    unfinished = checkpoint.with_suffix(".unfinished")
    torch.save(saved, unfinished)
    unfinished.replace(checkpoint)  # whole or not at all
