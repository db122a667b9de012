"""Training the judge: general question answering first, then the question sets written for it."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from assistant.judge import load_network
from assistant.judge_network import Batch, JudgeNetwork, load_tokenizer, make_batch, new_network
from assistant.llama import has_bfloat16
from assistant.training.judge_data import Example

# About 1,300 tokens a step: what two cores' caches hold, and enough sentences for a gradient.
BATCH = 12
# Batches whose examples are sorted by length together, so that little of them is padding.
SORTED_TOGETHER = 16
WARM_UP = 0.06
HEAD_RATE = 10.0
# How much finding the answer's words counts beside judging the sentences.
BOUNDARY_WEIGHT = 0.5
REPORT_EVERY = 50


@dataclass(frozen=True, slots=True)
class Stage:
    """One run over examples with a learning rate that rises, then falls to zero."""

    name: str
    examples: Sequence[Example]
    epochs: float
    rate: float


def mix(
    sources: Mapping[str, Sequence[Example]], most: Mapping[str, int], seed: int
) -> list[Example]:
    """Examples of all sources, at most so many of each, shuffled."""
    chosen = [example for name, found in sources.items() for example in found[: most.get(name, 0)]]
    random.Random(seed).shuffle(chosen)  # noqa: S311
    return chosen


def train(
    stages: Sequence[Stage],
    seed: int,
    checkpoint: Path,
    report: Callable[[str], None],
    start_from: Path | None = None,
) -> JudgeNetwork:
    """Train through the stages, saving the whole network after each as a checkpoint.

    Args:
        stages: what to learn, in order.
        seed: of the weights, the order and the dropout.
        checkpoint: a file name; the stage's name is added to it.
        report: is told how it goes.
        start_from: an earlier checkpoint (.pt), or a judge as it ships (.safetensors).
    """
    torch.manual_seed(seed)
    tokenizer = load_tokenizer()
    if start_from is not None and start_from.suffix == ".safetensors":
        network, _, _ = load_network(start_from)
    else:
        network = new_network()
        if start_from is not None:
            network.load_state_dict(torch.load(start_from, weights_only=True))
    for stage in stages:
        _run(network, tokenizer, stage, seed, report)
        path = checkpoint.with_name(f"{checkpoint.stem}-{stage.name}.pt")
        torch.save(network.state_dict(), path)
        report(f"{stage.name}: saved {path.name}")
    return network.eval()


def _run(
    network: JudgeNetwork, tokenizer: Any, stage: Stage, seed: int, report: Callable[[str], None]
) -> None:
    network.train()
    half_width = has_bfloat16()
    optimizer = _optimizer(network, stage.rate)
    steps = max(1, math.ceil(len(stage.examples) * stage.epochs / BATCH))
    started = time.monotonic()
    recent: list[float] = []
    for step, examples in enumerate(_batches(stage.examples, steps, seed)):
        _set_rate(optimizer, min(1.0, (step + 1) / (WARM_UP * steps)) * (1 - step / steps))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half_width):
            loss = _loss(network, tokenizer, examples)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        if len(recent) == REPORT_EVERY:
            minutes = (time.monotonic() - started) / 60
            mean = sum(recent) / len(recent)
            report(f"{stage.name}: step {step + 1} of {steps}, {minutes:.1f} min, loss {mean:.4f}")
            recent.clear()


def _optimizer(network: JudgeNetwork, rate: float) -> torch.optim.Optimizer:
    encoder = [p for p in network.encoder.parameters() if p.requires_grad]
    heads = [
        parameter
        for head in (network.dense, network.answers, network.boundaries)
        for parameter in head.parameters()
    ]
    groups = [
        {"params": encoder, "lr": rate, "peak": rate},
        {"params": heads, "lr": rate * HEAD_RATE, "peak": rate * HEAD_RATE},
    ]
    return torch.optim.AdamW(groups, weight_decay=0.01, fused=True)


def _set_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def _batches(examples: Sequence[Example], steps: int, seed: int) -> Iterator[list[Example]]:
    """Batches of examples of about the same length, in random order, epoch after epoch."""
    chance = random.Random(seed)  # noqa: S311
    made = 0
    while made < steps:
        order = list(examples)
        chance.shuffle(order)
        for first in range(0, len(order), BATCH * SORTED_TOGETHER):
            group = order[first : first + BATCH * SORTED_TOGETHER]
            group.sort(key=lambda example: len(example.reading.passage))
            batches = [group[place : place + BATCH] for place in range(0, len(group), BATCH)]
            chance.shuffle(batches)
            yield from batches[: steps - made]
            made += min(len(batches), steps - made)


def _loss(network: JudgeNetwork, tokenizer: Any, examples: Sequence[Example]) -> Tensor:
    batch = make_batch(tokenizer, [example.reading for example in examples])
    judged, boundaries = network(batch)
    truth = torch.zeros_like(judged)
    weights = torch.zeros_like(judged)
    for row, example in enumerate(examples):
        truth[row, : len(example.answers)] = torch.tensor(example.answers, dtype=truth.dtype)
        weights[row, : len(example.answers)] = example.weight
    weights = weights * batch.member.any(-1)
    errors = functional.binary_cross_entropy_with_logits(judged, truth, weights, reduction="sum")
    loss = errors / weights.sum().clamp(min=1)
    return loss + BOUNDARY_WEIGHT * _boundary_loss(batch, boundaries, examples)


def _boundary_loss(batch: Batch, boundaries: Tensor, examples: Sequence[Example]) -> Tensor:
    """Cross-entropy of the answer's first and last token; the first token of all means none."""
    outside = ~batch.in_passage
    outside[:, 0] = False
    logits = boundaries.masked_fill(outside.unsqueeze(-1), -1e4)
    targets = torch.full((len(examples), 2), -100)
    for row, example in enumerate(examples):
        if example.answer is None:
            continue
        start, end = example.answer
        offsets = batch.offsets[row]
        inside = batch.in_passage[row] & (offsets[:, 0] < end) & (offsets[:, 1] > start)
        places = inside.nonzero().flatten()
        if len(places):
            targets[row] = torch.stack([places[0], places[-1]])
        elif example.answer == (0, 0):
            targets[row] = 0
    if bool((targets < 0).all()):
        return boundaries.sum() * 0
    return functional.cross_entropy(logits, targets)
