"""`python -m evals.speed`: start-up, answers and memory, measured here.

Every figure is of a whole process or of a whole question, as a user meets it; the median of
several runs is printed with the lowest and highest, for shared machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.answer import Answer
from evals.answers import questions_with_answers
from evals.commands import SHIPPED_SET
from evals.dataset import load_dataset

if TYPE_CHECKING:
    from assistant import Assistant

ASSISTANT = [sys.executable, "-m", "assistant"]
PAGE_PATIENCE_SECONDS = 60.0


def main() -> int:
    """Measure everything and print one line per figure."""
    parser = argparse.ArgumentParser(prog="python -m evals.speed", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each command (default: 5)")
    parser.add_argument(
        "--questions", type=int, default=20, help="questions asked warm (default: 20)"
    )
    parser.add_argument(
        "--busy", action="store_true", help="while another program keeps one core busy"
    )
    options = parser.parse_args()
    with _busy_core() if options.busy else nullcontext(), tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"ASSISTANT_HOME": home}
        subprocess.run([*ASSISTANT, "index"], env=environment, check=True, capture_output=True)

        def run(command: Sequence[str]) -> float:
            return _seconds(
                lambda: subprocess.run(command, env=environment, check=True, capture_output=True)
            )

        importing = [sys.executable, "-c", "import assistant"]
        bare = [sys.executable, "-c", "pass"]
        _report(
            "import assistant (less Python itself)",
            [max(0.0, run(importing) - run(bare)) for _ in range(options.runs)],
        )
        _report("assistant --help", [run([*ASSISTANT, "--help"]) for _ in range(options.runs)])
        _report(
            "assistant ask, cold",
            [
                run([*ASSISTANT, "ask", "Why is academia falling behind in AI?"])
                for _ in range(options.runs)
            ],
        )
        _report(
            "assistant chat to a page", [_page_seconds(environment) for _ in range(options.runs)]
        )
        _measure_warm(Path(home), options.questions)
    return 0


def _measure_warm(home: Path, count: int) -> None:
    from assistant import Assistant, Settings

    shipped = load_dataset(SHIPPED_SET, "test")
    alone = tuple(question for question in shipped.questions if not question.history)
    asked = questions_with_answers(replace(shipped, questions=alone), count)
    with Assistant.open(settings=Settings(home=home)) as assistant:
        assistant.warm_up()
        timed = [_answer_seconds(assistant, question.text) for question, _ in asked]
    figures = ("first evidence", "first sentence", "full answer", "of it reading", "and writing")
    for what, seconds in zip(figures, zip(*timed, strict=True), strict=True):
        _report(f"warm: {what}", seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'peak memory':<40} {peak * (1 if sys.platform == 'darwin' else 1024) / 2**30:.2f} GiB")


@contextmanager
def _busy_core() -> Iterator[None]:
    """A program that computes all the time, as another one of the user's may."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        other.terminate()
        other.wait()


def _answer_seconds(assistant: Assistant, question: str) -> tuple[float, ...]:
    """Until the statements are found, the first checked sentence, the answer; and parts of that."""
    started = time.perf_counter()
    assistant.search(question)
    evidence = time.perf_counter() - started
    started = time.perf_counter()
    stream = assistant.stream(question)
    next(piece for piece in stream if piece != "")
    first = time.perf_counter() - started
    *_, answer = stream
    whole = time.perf_counter() - started
    assert isinstance(answer, Answer)
    timings = answer.receipt.timings
    return evidence, first, whole, timings["read"], timings["write"]


def _page_seconds(environment: dict[str, str]) -> float:
    """From starting `assistant chat` to its page answering over HTTP, in seconds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    chat = subprocess.Popen(
        [*ASSISTANT, "chat", "--port", str(port)], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while time.perf_counter() - started < PAGE_PATIENCE_SECONDS:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}") as page:
                    if re.search(rb"<html", page.read()):
                        return time.perf_counter() - started
            except OSError:
                time.sleep(0.05)
        raise SystemExit("The page did not answer within a minute.")
    finally:
        chat.terminate()
        chat.wait()


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _report(what: str, seconds: Sequence[float]) -> None:
    print(
        f"{what:<40} {statistics.median(seconds):.2f} s   "
        f"({min(seconds):.2f} to {max(seconds):.2f}, n={len(seconds)})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
