"""The progress bar draws on a terminal and is silent elsewhere."""

import io
import sys
from contextlib import redirect_stderr

import pytest

from assistant.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(stream: io.StringIO, *steps: tuple[str, int, int]) -> str:
    with redirect_stderr(stream), ProgressBar() as progress:
        for step in steps:
            progress(*step)
    return stream.getvalue()


def test_nothing_is_drawn_where_nobody_watches() -> None:
    assert drawn(io.StringIO(), ("Embedding", 0, 10), ("Loading", 0, 1)) == ""


def test_nothing_is_drawn_when_standard_error_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with ProgressBar() as progress:
        progress("Embedding", 0, 10)


def test_what_can_be_counted_is_a_bar_and_the_rest_a_line_and_both_are_cleared() -> None:
    shown = drawn(Terminal(), ("Loading", 0, 1), ("Embedding", 1, 4), ("Embedding", 4, 4))
    assert "Loading" in shown
    assert "Embedding" in shown
    assert not shown.rpartition("\r")[2].strip("\x1b[K ")


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_bar_is_cleared_when_the_work_breaks_off(error: type[BaseException]) -> None:
    def pull() -> None:
        with ProgressBar("B") as progress:
            progress("Pulling", 1, 4)
            raise error

    terminal = Terminal()
    with redirect_stderr(terminal), pytest.raises(error):
        pull()
    assert not terminal.getvalue().rpartition("\r")[2].strip()
