"""Progress on a terminal: a bar for what can be counted, a line for what cannot."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm


class ProgressBar:
    """A `Progress` that draws on standard error; silent where that is no terminal."""

    def __init__(self, unit: str = "statement") -> None:
        self._unit = unit
        self._what = ""
        self._bar: tqdm[NoReturn] | None = None
        self._is_shown = bool(sys.stderr) and sys.stderr.isatty()  # None when it is closed

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` are done of what is being done."""
        if not self._is_shown:
            return
        if what != self._what:
            self.clear()
            self._what = what
        if total <= 1:
            print(f"\r\x1b[K{what} …", end="", file=sys.stderr, flush=True)
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                desc=what,
                unit=self._unit,
                unit_scale=self._unit == "B",
                leave=False,
                file=sys.stderr,
            )
        self._bar.update(done - self._bar.n)

    def clear(self) -> None:
        """Take the bar or line away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._what and self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        self._what = ""

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()
