"""`python -m assistant.training`: train and measure the small models that ship."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.settings import keep_private
from assistant.training.adapter_commands import add_adapter_commands, report

if TYPE_CHECKING:
    from assistant.judge import Judge
    from assistant.training.judge_data import Example
    from assistant.training.question_sets import QuestionSet

# How many examples of each public source: the ones nearest to the task count most.
ANSWERING = {"squad2_dev": 7000, "xquad_en": 2400, "nqg_squad": 5000, "selqa": 4900, "qamr": 1900}
ANSWERING_REPLAYED = {"squad2_dev": 2500, "xquad_en": 400, "nqg_squad": 300, "selqa": 800}
SUPPORTING = {
    "snli": 8000,
    "cf_snli": 6000,
    "scitail": 3400,
    "negation_nli": 4500,
    "breaking_nli": 1200,  # nearly all of them contradictions
    "med": 4000,
    "fm2": 1200,
    "begin": 4400,
}
SUPPORTING_REPLAYED = {name: count // 6 for name, count in SUPPORTING.items()}
# Of the slips that are measured.
SLIP_SEED = 5
# Of the questions of the subjects, with slips of the fingers added.
MISSPELT = 0.15


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    keep_private()
    return int(options.run(options))


def _train_answering(options: argparse.Namespace) -> int:
    """The judge of answers: trained, calibrated on the dev questions, in the file that ships."""
    from assistant.training.judge_data import misspelt, public_examples, subject_examples
    from assistant.training.judge_training import mix

    public = public_examples(options.data, options.seed)
    subjects = subject_examples(_sets(options, "train"), options.seed, options.share)
    subjects = misspelt(subjects, MISSPELT, options.seed)
    general = mix(public, ANSWERING, options.seed)
    own = [*subjects, *mix(public, ANSWERING_REPLAYED, options.seed + 1)]
    return _train(options, general, own, lambda judge: _calibrate_answering(options, judge))


def _train_supporting(options: argparse.Namespace) -> int:
    """The judge of support, likewise."""
    from assistant.training.judge_training import mix
    from assistant.training.support_data import corrupted_claims, public_claims, subject_claims
    from assistant.training.support_evaluation import calibrate_support

    public = public_claims(options.data, options.seed)
    training = _sets(options, "train")
    subjects = [claim for each in training for claim in subject_claims(each)]
    subjects += [claim for each in training for claim in corrupted_claims(each, options.seed)]
    unseen = [claim for each in _sets(options, "dev") for claim in subject_claims(each)]
    general = mix(public, SUPPORTING, options.seed)
    own = [*subjects, *mix(public, SUPPORTING_REPLAYED, options.seed + 1)]
    return _train(options, general, own, lambda judge: calibrate_support(unseen, judge))


def _train(
    options: argparse.Namespace,
    general: Sequence[Example],
    own: Sequence[Example],
    calibrate: Callable[[Judge], tuple[float, float]],
) -> int:
    from assistant.judge import Judge, save_weights
    from assistant.training.judge_training import Stage, train

    if not own or not (general or options.start_from):
        raise SystemExit(f"Nothing to learn in {options.data} and {options.subjects}.")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    report(f"{len(general)} general examples, {len(own)} of the subjects and again of those")
    stages = [
        Stage("general", general, options.general_epochs, options.rate),
        Stage("subjects", own, options.epochs, options.rate),
    ]
    network = train(
        stages[1:] if options.start_from else stages,
        options.seed,
        options.output,
        report,
        options.start_from,
    )
    save_weights(network, options.output)
    slope, offset = calibrate(Judge(options.output))
    save_weights(network, options.output, (slope, offset))
    size = options.output.stat().st_size / 2**20
    report(f"saved {options.output}, {size:.1f} MiB, calibrated {slope:.3f} {offset:.3f}")
    return 0


def _average(options: argparse.Namespace) -> int:
    """The mean of the weights of two judges of answers, calibrated."""
    from assistant.judge import Judge, load_network, save_weights

    network, other = (load_network(path)[0] for path in options.weights)
    for own, its in zip(network.parameters(), other.parameters(), strict=True):
        own.data.lerp_(its.data, 0.5)
    save_weights(network, options.output)
    slope, offset = _calibrate_answering(options, Judge(options.output))
    save_weights(network, options.output, (slope, offset))
    report(f"saved {options.output}, calibrated {slope:.3f} {offset:.3f}")
    return 0


def _measure_supporting(options: argparse.Namespace) -> int:
    """Print which good and which wrong sentences pass, by threshold."""
    from assistant.judge import SUPPORT_WEIGHTS, Judge
    from assistant.training.support_evaluation import check_claims, summary

    judge = Judge(options.weights or SUPPORT_WEIGHTS)
    sets = _sets(options, options.split)
    print(summary([claim for each in sets for claim in check_claims(each, judge, SLIP_SEED)]))
    return 0


def _measure_answering(options: argparse.Namespace) -> int:
    """Print what the assistant makes of the questions by the judge alone."""
    from assistant.judge import ANSWER_WEIGHTS, Judge
    from assistant.training.reading_evaluation import judge_sets, summaries

    judge = Judge(options.weights or ANSWER_WEIGHTS)
    sets = _sets(options, options.split, options.statements)
    print(summaries(judge_sets(sets, judge), {}))
    return 0


def _calibrate_answering(options: argparse.Namespace, judge: Judge) -> tuple[float, float]:
    from assistant.training.reading_evaluation import calibrate, judge_found

    sets = _sets(options, "dev", options.statements)
    return calibrate([judged for questions in sets for judged in judge_found(questions, judge)])


def _sets(options: argparse.Namespace, split: str, *more: Path) -> list[QuestionSet]:
    """The subjects that have a split, and more folders."""
    from assistant.embedder import load_embedder
    from assistant.training.question_sets import read_question_set

    folders = sorted(path.parents[1] for path in options.subjects.glob(f"*/qrels/{split}.tsv"))
    if not folders:
        raise SystemExit(f"{options.subjects} has no questions of the {split} split.")
    for folder in more:
        if not (folder / "qrels" / f"{split}.tsv").is_file():
            raise SystemExit(f"{folder} has no questions of the {split} split.")
    embedder = load_embedder()
    return [read_question_set(folder, split, embedder) for folder in [*folders, *more]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m assistant.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, run, what in (
        ("judge", _train_answering, "train what says whether a sentence answers"),
        ("support", _train_supporting, "train what says whether a sentence carries a claim"),
    ):
        training = commands.add_parser(name, help=what)
        training.set_defaults(run=run)
        training.add_argument("--data", type=Path, required=True, help="folder of public data sets")
        training.add_argument("--output", type=Path, required=True, help="the .safetensors file")
        training.add_argument("--general-epochs", type=float, default=2.0, help="over public data")
        training.add_argument("--epochs", type=float, default=3.0, help="over the subjects")
        training.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
        training.add_argument("--seed", type=int, default=1)
        training.add_argument(
            "--start-from", type=Path, help="a checkpoint of the general stage, or a judge to go on"
        )
    commands.choices["judge"].add_argument(
        "--share",
        type=float,
        default=1.0,
        help="of the questions over subjects that are no dispute",
    )
    averaging = commands.add_parser("judge-average", help="the mean of two judges of answers")
    averaging.set_defaults(run=_average)
    averaging.add_argument("weights", type=Path, nargs=2, help="the .safetensors files")
    averaging.add_argument("--output", type=Path, required=True, help="the .safetensors file")
    for name, run, what in (
        ("measure", _measure_answering, "the judge of answers: figures"),
        ("measure-support", _measure_supporting, "the judge of support: what passes"),
    ):
        measuring = commands.add_parser(name, help=what)
        measuring.set_defaults(run=run)
        measuring.add_argument("--split", choices=("dev", "test"), default="dev")
        measuring.add_argument("--weights", type=Path, help="default: those that ship")
    add_adapter_commands(commands, _sets)
    for command in commands.choices.values():
        command.add_argument("--subjects", type=Path, default=Path("evals/subjects"))
        command.add_argument("--statements", type=Path, default=Path("evals/statements"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
