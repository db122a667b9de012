"""The commands of the adapter: data, training, conversion, measuring."""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from assistant.catalogue import BUNDLED
from assistant.training.question_sets import QuestionSet

if TYPE_CHECKING:
    from assistant.language_model import LanguageModel
    from assistant.reader import StatementReader
    from assistant.training.adapter_data import Pack

# Packs that teach whole replies, and which share of them is of SQuAD; all others teach reading.
WRITING_PACKS = 800
SQUAD_WRITING = 0.25
SQUAD = "squad2_dev/dev-v2.0.json"
HELD_OUT = "SQuAD 2.0, held out"
Sets = Callable[..., list[QuestionSet]]
"""Reads the question sets of a split, and of more folders."""


def add_adapter_commands(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], sets: Sets
) -> None:
    """Add them to the command line; `sets` reads the question sets of a split."""
    data = commands.add_parser("adapter-data", help="statements, questions and replies to learn")
    data.set_defaults(run=lambda options: _write_data(options, sets))
    data.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    data.add_argument("--output", type=Path, required=True, help="the .jsonl file of packs")
    data.add_argument("--split", choices=("train", "dev"), default="train")
    data.add_argument(
        "--alone", type=int, help="at most so many packs of one statement of a subject; else all"
    )
    data.add_argument(
        "--writing",
        type=int,
        default=WRITING_PACKS,
        help="at most so many of whole replies",
    )
    data.add_argument("--seed", type=int, default=1)

    training = commands.add_parser("adapter", help="train what the language model learns")
    training.set_defaults(run=_train)
    training.add_argument("packs", type=Path, help="from `adapter-data`")
    training.add_argument("--output", type=Path, required=True, help="the checkpoint, .pt")
    training.add_argument(
        "--start-from", type=Path, help="the checkpoint of an earlier round, or a .gguf"
    )
    training.add_argument("--dev", type=Path, help="packs to measure the loss on at the end")
    training.add_argument("--rank", type=int, default=16)
    training.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    training.add_argument("--epochs", type=float, default=1.0, help="over the packs")
    training.add_argument("--seed", type=int, default=1)

    averaging = commands.add_parser("adapter-average", help="the mean of several checkpoints")
    averaging.set_defaults(run=_average)
    averaging.add_argument("checkpoints", type=Path, nargs="+", help="of one shape, .pt or .gguf")
    averaging.add_argument("--output", type=Path, required=True, help="the checkpoint, .pt")

    converting = commands.add_parser("adapter-convert", help="a checkpoint as a GGUF file")
    converting.set_defaults(run=_convert)
    converting.add_argument("checkpoint", type=Path)
    converting.add_argument("--output", type=Path, required=True, help="the .gguf file")

    measuring = commands.add_parser("measure-adapter", help="a language model as a reader")
    measuring.set_defaults(run=lambda options: _measure(options, sets))
    measuring.add_argument("--split", choices=("dev", "test"), default="dev")
    measuring.add_argument(
        "--model", default="smollm2-135m", help="as `assistant --model`; none: quotes"
    )
    measuring.add_argument(
        "--whole", action="store_true", help="the whole assistant with it, not the model alone"
    )
    measuring.add_argument(
        "--untaught", action="store_true", help="ask it with the best prompt for an untaught one"
    )
    measuring.add_argument("--adapter", type=Path, help="another one over the bundled model")
    measuring.add_argument("--data", type=Path, help="folder of public data sets, for SQuAD 2.0")
    measuring.add_argument("--limit", type=int, help="at most so many questions of each source")
    measuring.add_argument("--seed", type=int, default=1)

    reading = commands.add_parser("measure-reading", help="statements read alone, and selection")
    reading.set_defaults(run=lambda options: _measure_reading(options, sets))
    reading.add_argument("--split", choices=("dev", "test"), default="dev")
    reading.add_argument("--adapter", type=Path, help="another one over the bundled model")
    reading.add_argument("--data", type=Path, help="folder of public data sets, for SQuAD 2.0")
    reading.add_argument("--fit", action="store_true", help="find the constants again")


def _write_data(options: argparse.Namespace, sets: Sets) -> int:
    from assistant.training.adapter_data import lone_packs, subject_packs
    from assistant.training.adapter_squad import lone_squad_packs, squad_packs

    squad = _squad(options) if options.split == "train" else None
    chance = random.Random(options.seed)  # noqa: S311
    subjects = sets(options, options.split)
    writing = [pack for questions in subjects for pack in subject_packs(questions, chance)]
    of_squad = round(SQUAD_WRITING * options.writing)
    packs = _some(writing, options.writing - of_squad, chance)
    alone = [pack for questions in subjects for pack in lone_packs(questions, chance)]
    packs += _some(alone, options.alone, chance)
    if squad:
        packs += _some(list(squad_packs(squad, chance)), of_squad, chance)
        packs += lone_squad_packs(squad, chance)
    chance.shuffle(packs)
    with options.output.open("w", encoding="utf-8") as file:
        for pack in packs:
            file.write(json.dumps(asdict(pack), ensure_ascii=False) + "\n")
    asked = sum(len(pack.asked) for pack in packs)
    print(f"{options.output}: {len(packs)} packs, {asked} questions")
    return 0


def _some(packs: list[Pack], most: int | None, chance: random.Random) -> list[Pack]:
    """So many of them at most; all where no number is given."""
    return packs if most is None else chance.sample(packs, min(most, len(packs)))


def _train(options: argparse.Namespace) -> int:
    from assistant.tokenizer import load_tokenizer
    from assistant.training.adapter_data import read_packs, tokens_of
    from assistant.training.adapter_training import Recipe, mean_loss, train_adapter

    base = _base_file()
    tokenize = load_tokenizer(base)
    packs, dev = (
        [tokens_of(pack, tokenize) for pack in (read_packs(path) if path else ())]
        for path in (options.packs, options.dev)
    )
    total = sum(len(p.common) + sum(len(a) + len(r) for a, r in p.branches) for p in packs)
    report(f"{len(packs)} packs, {total} tokens")
    recipe = Recipe(
        rank=options.rank,
        alpha=2.0 * options.rank,
        rate=options.rate,
        epochs=options.epochs,
        seed=options.seed,
    )
    if not packs:
        raise SystemExit(f"Nothing to learn in {options.packs}.")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    try:
        network = train_adapter(base, packs, recipe, options.output, report, options.start_from)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if dev:
        report(f"dev loss {mean_loss(network, dev):.4f}")
    return 0


def _average(options: argparse.Namespace) -> int:
    from assistant.training.adapter_training import average_checkpoints

    average_checkpoints(options.checkpoints, options.output)
    return 0


def _convert(options: argparse.Namespace) -> int:
    from assistant.training.adapter_file import write_adapter
    from assistant.training.adapter_training import read_checkpoint

    network, recipe = read_checkpoint(_base_file(), options.checkpoint)
    write_adapter(network, recipe.alpha, options.output)
    digest = hashlib.sha256(options.output.read_bytes()).hexdigest()
    size = options.output.stat().st_size
    print(f"{options.output}: {size / 2**20:.1f} MiB, {size} bytes, sha256 {digest}")
    return 0


def _measure(options: argparse.Namespace, sets: Sets) -> int:
    from assistant.generation import Generator
    from assistant.training.adapter_evaluation import (
        Read,
        assistant_reader,
        model_reader,
        squad_tasks,
        subject_tasks,
        summary,
    )

    if options.whole and options.untaught:
        raise SystemExit("--whole asks with the prompt in use: leave --untaught out.")
    squad = _squad(options)
    own = [
        task for each in sets(options, options.split) for task in subject_tasks(each, options.seed)
    ]
    random.Random(options.seed).shuffle(own)  # noqa: S311
    sources = {f"subjects, {options.split}": own}
    if squad:
        sources[HELD_OUT] = squad_tasks(squad, options.split, options.seed)
    model = _model(options.model, options.adapter)
    with closing(model) if model else nullcontext():
        read = (
            assistant_reader(model, _reader(options.model, options.adapter))
            if options.whole or not model
            else model_reader(Generator(model), options.untaught)
        )
        for name, tasks in sources.items():
            chosen = tasks[: options.limit]
            replies = [Read(task, read(task)) for task in tqdm(chosen, name)]
            print(f"\n{name}\n{summary(replies)}")
    return 0


def _measure_reading(options: argparse.Namespace, sets: Sets) -> int:
    from assistant.embedder import load_embedder
    from assistant.judge import ANSWER_WEIGHTS, Judge
    from assistant.training import reading_evaluation as reading
    from assistant.training.adapter_evaluation import squad_tasks

    if options.fit and options.split == "test":
        raise SystemExit("Constants are fitted on dev, never on what is reported.")
    squad = _squad(options)
    judge = Judge(ANSWER_WEIGHTS)
    groups = reading.judge_sets(sets(options, options.split, options.statements), judge)
    ours = [*chain(*groups.values())]
    if squad:
        tasks = squad_tasks(squad, options.split, seed=1)
        groups[HELD_OUT] = reading.judge_tasks(tasks, judge, load_embedder())
    reader = _reader(BUNDLED.name, options.adapter)
    assert reader
    doubts = reading.read_alone([*chain(*groups.values())], reader)
    print(reading.summaries(groups, doubts))
    if options.fit:
        print(f"\nfitted: {reading.fit(ours, doubts)}")
    return 0


def _squad(options: argparse.Namespace) -> Path | None:
    """The file of SQuAD 2.0, where a folder of data is given."""
    path = options.data / SQUAD if options.data else None
    if path and not path.is_file():
        raise SystemExit(f"{path} is not there.")
    return path


def _model(name: str, adapter: Path | None) -> LanguageModel | None:
    """The model of that name, or the bundled one with another adapter; None for `none`."""
    from assistant.language_model import load_file, load_language_model
    from assistant.settings import Settings

    if adapter:
        return load_file(str(adapter), _base_file(), adapter)
    return load_language_model(name, Settings.from_environment().home)


def _reader(name: str, adapter: Path | None) -> StatementReader | None:
    """The reader beside the model of that name, or the bundled one with another adapter."""
    from assistant.reader import StatementReader, load_reader

    return StatementReader(_base_file(), adapter) if adapter else load_reader(name, Path())


def _base_file() -> Path:
    path = BUNDLED.path(Path())
    if path is None:
        raise SystemExit("The bundled language model is not installed.")
    return path


def report(line: str) -> None:
    """Tell how long work goes, beside what is printed."""
    print(line, file=sys.stderr, flush=True)
