"""`python -m assistant.training`: train and measure the small models that ship."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.judge import Judge
    from assistant.training.judge_evaluation import Judged

# How many examples of each public source: the ones nearest to the task count most, and the rest
# is what half an hour on two cores has time for.
GENERAL = {"squad2_dev": 4000, "xquad_en": 600, "nqg_squad": 700, "selqa": 700, "qamr": 150}
REPLAYED = {"squad2_dev": 2500, "xquad_en": 400, "nqg_squad": 300, "selqa": 800}
# Of the questions of the subjects, with slips of the fingers added.
MISSPELT = 0.15
# Of the time, for the general examples; the rest is for the subjects.
GENERAL_SHARE = 0.35


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    return int(options.run(options))


def _train(options: argparse.Namespace) -> int:
    """Train, calibrate on the dev questions, and write the file that ships."""
    from assistant.judge import Judge, save_weights
    from assistant.training.judge_data import misspelt, public_examples, subject_examples
    from assistant.training.judge_evaluation import calibrate
    from assistant.training.judge_training import Stage, mix, train

    public = public_examples(options.data, options.seed)
    folders = _folders(options, "train")
    subjects = misspelt(subject_examples(folders, "train"), MISSPELT, options.seed)
    general = mix(public, GENERAL, options.seed)
    _report(f"{len(general)} general examples, {len(subjects)} of {len(folders)} subjects")
    own = [*subjects, *mix(public, REPLAYED, options.seed + 1)]
    minutes = options.minutes * GENERAL_SHARE
    stages = [
        Stage("general", general, 1.0, options.rate, minutes),
        Stage("subjects", own, options.epochs, options.rate, options.minutes - minutes),
    ]
    network = train(
        stages[1:] if options.start_from else stages,
        options.seed,
        options.output,
        _report,
        options.start_from,
    )
    save_weights(network, options.output)
    slope, offset = calibrate(_judged(options, "dev", Judge(options.output)))
    save_weights(network, options.output, (slope, offset))
    size = options.output.stat().st_size / 2**20
    _report(f"saved {options.output}, {size:.1f} MiB, calibrated {slope:.3f} {offset:.3f}")
    return 0


def _measure(options: argparse.Namespace) -> int:
    """Choose thresholds on the dev questions; print how the judge does on dev or test."""
    import numpy as np

    from assistant.judge import WEIGHTS, Judge
    from assistant.training.judge_evaluation import summary, tune, tune_similarity

    judge = Judge(options.weights or WEIGHTS)
    judged = _judged(options, "dev", judge)
    thresholds, similar = tune(judged), tune_similarity(judged)
    print(f"chosen on dev: {thresholds}, similarity of the baseline {similar:.2f}")
    if options.split == "test":
        judged = _judged(options, "test", judge)
    sets = np.array([j.set_name for j in judged])
    shipped = sets == options.statements.name
    for name, chosen in (("subjects", ~shipped), (options.statements.name, shipped)):
        part = [j for j, is_chosen in zip(judged, chosen, strict=True) if is_chosen]
        print(f"\n{name}, {options.split}\n{summary(part, thresholds, similar)}")
    return 0


def _judged(options: argparse.Namespace, split: str, judge: Judge) -> list[Judged]:
    from assistant.embedder import load_embedder
    from assistant.training.judge_evaluation import judge_questions
    from assistant.training.question_sets import read_question_set

    embedder = load_embedder()
    folders = [*_folders(options, split), options.statements]
    sets = [read_question_set(folder, split, embedder) for folder in folders]
    return [judged for questions in sets for judged in judge_questions(questions, judge)]


def _folders(options: argparse.Namespace, split: str) -> list[Path]:
    return sorted(path.parents[1] for path in options.subjects.glob(f"*/qrels/{split}.tsv"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assistant.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    judge = commands.add_parser("judge", help="train what says whether a sentence answers")
    judge.set_defaults(run=_train)
    judge.add_argument("--data", type=Path, required=True, help="folder of public data sets")
    judge.add_argument("--output", type=Path, required=True, help="the .safetensors file to write")
    judge.add_argument("--minutes", type=float, default=32.0, help="when to be done training")
    judge.add_argument("--epochs", type=float, default=2.0, help="over the subjects, at most")
    judge.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    judge.add_argument("--seed", type=int, default=1)
    judge.add_argument("--start-from", type=Path, help="a checkpoint after the general stage")
    measure = commands.add_parser("measure", help="thresholds from dev, figures with intervals")
    measure.set_defaults(run=_measure)
    measure.add_argument("--split", choices=("dev", "test"), default="dev")
    measure.add_argument("--weights", type=Path, help="default: those that ship")
    for command in (judge, measure):
        command.add_argument("--subjects", type=Path, default=Path("evals/subjects"))
        command.add_argument("--statements", type=Path, default=Path("evals/statements"))
    return parser


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
