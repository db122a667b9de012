"""The command line of the evals: `python -m evals COMMAND`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from assistant.errors import AssistantError
from evals import commands
from evals.product import Opening, open_subject
from evals.public import NAMES
from evals.selection import Ranker
from evals.support import Checker

INTERRUPTED = 130


def main(
    arguments: Sequence[str],
    opening: Opening = open_subject,
    checkers: Mapping[str, tuple[Checker, float]] | None = None,
    rankers: Mapping[str, Ranker] | None = None,
) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name.
        opening: how to open what is measured.
        checkers: what `support` measures, by name, and from which support on each accepts a
            claim; None for the assistant's own.
        rankers: what `selection` measures, by name; None for the assistant's own judge.

    Returns:
        0, or 1 after one line on stderr, or 130 when interrupted. Wrong usage exits with 2.
    """
    handed = argparse.Namespace(opening=opening, checkers=checkers, rankers=rankers)
    options = _parser().parse_args(arguments, handed)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except AssistantError as error:
        print(f"evals: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("evals: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has seen enough; nothing is left to tell it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals",
        description="Measure retrieval and answering over a question set, with 95 % intervals.",
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    retrieval = subparsers.add_parser("retrieval", help="how well the right statements are found")
    retrieval.set_defaults(command=commands.run_retrieval, name="retrieval")
    _add_datasets(retrieval)
    retrieval.add_argument("--run", type=Path, metavar="FILE", help="write a TREC run file")
    retrieval.add_argument("--report", type=Path, metavar="FILE", help="write a Markdown report")

    fusion = subparsers.add_parser("fusion", help="ways to fuse dense and lexical, compared")
    fusion.set_defaults(command=commands.run_fusion, name="fusion")
    _add_datasets(fusion)
    fusion.add_argument("--report", type=Path, metavar="FILE", help="write a Markdown report")

    answers = subparsers.add_parser("answers", help="how good the answers are, beside baselines")
    answers.set_defaults(command=commands.run_answers, name="answers")
    _add_datasets(answers)
    answers.add_argument(
        "--ablations", action="store_true", help="also without abstention, checker, judge"
    )
    answers.add_argument(
        "--without-tutorial",
        action="store_true",
        help="leave out the tutorial chain, which takes longest",
    )
    answers.add_argument(
        "--found", type=_positive, nargs="+", default=[], metavar="N",
        help="also with so many statements found and judged, side by side",
    )  # fmt: skip
    answers.add_argument(
        "--limit", type=_positive, metavar="N", help="ask only N of each set, kinds in turn"
    )
    answers.add_argument("--model", metavar="NAME", help="the language model, as `assistant ask`")
    answers.add_argument("--picture", type=Path, metavar="FILE", help="write the picture, a PNG")
    answers.add_argument("--report", type=Path, metavar="FILE", help="write a Markdown report")

    compare = subparsers.add_parser("compare", help="what differs between two results, paired")
    compare.set_defaults(command=commands.run_compare)
    compare.add_argument("before", type=Path, metavar="A.json", help="a result written by --json")
    compare.add_argument("after", type=Path, metavar="B.json", help="another, the newer one")

    draft = subparsers.add_parser("draft", help="start a question set from a corpus")
    draft.set_defaults(command=commands.run_draft)
    draft.add_argument("corpus", type=Path, metavar="CORPUS", help="file or folder of statements")
    draft.add_argument("--output", type=Path, metavar="FOLDER", help="default: CORPUS-evals")

    convert = subparsers.add_parser("convert", help="turn a public data set into a question set")
    convert.set_defaults(command=commands.run_convert)
    convert.add_argument("name", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    convert.add_argument("data_folder", type=Path, metavar="DATA_FOLDER", help="holds NAME/")
    convert.add_argument("output_folder", type=Path, metavar="OUTPUT_FOLDER", help="written anew")

    support = subparsers.add_parser("support", help="how well the checker tells supported claims")
    support.set_defaults(command=commands.run_support)
    _add_file(support, "a support.jsonl")

    follow_ups = subparsers.add_parser("follow-ups", help="what is searched for in a conversation")
    follow_ups.set_defaults(command=commands.run_follow_ups, name="follow-ups")
    _add_file(follow_ups, "a follow_ups.jsonl")

    selection = subparsers.add_parser("selection", help="how well the judge picks what answers")
    selection.set_defaults(command=commands.run_selection, name="selection")
    _add_file(selection, "a selection.jsonl")

    gate = subparsers.add_parser("gate", help='fail when "right" falls below the committed result')
    gate.set_defaults(command=commands.run_gate)
    gate.add_argument(
        "result", type=Path, nargs="?", metavar="RESULT",
        help="written by `answers --json` (default: measure the shipped set now)",
    )  # fmt: skip
    gate.add_argument("--baseline", type=Path, default=commands.BASELINE, metavar="FILE")
    return parser


def _add_datasets(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "datasets", type=Path, nargs="*", default=[commands.SHIPPED_SET], metavar="DATASET",
        help="folder in BEIR layout (default: the set over the shipped statements), or a folder "
        "of such folders; the questions of several are pooled",
    )  # fmt: skip
    parser.add_argument("--split", default="test", metavar="NAME", help="dev or test (default)")
    parser.add_argument(
        "--after-another",
        action="store_true",
        help="ask each question that stands alone after another one, as in a conversation",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")


def _add_file(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=what)
    parser.add_argument("--split", metavar="NAME", help="only this split (default: all rows)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number
