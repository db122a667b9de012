"""Opening the assistant behind a page that is there already."""

from __future__ import annotations

import threading
from collections.abc import Callable

from assistant.assistant import Assistant
from assistant.index import Progress


class Loader:
    """Opens the assistant in the background and says how far it is."""

    def __init__(self, open_assistant: Callable[[Progress], Assistant]) -> None:
        self._open_assistant = open_assistant
        self._finished = threading.Event()
        self._assistant: Assistant | None = None
        self._error: BaseException | None = None
        self.message = "Starting"

    def start(self) -> None:
        """Begin; returns at once."""
        threading.Thread(target=self._load, name="loader", daemon=True).start()

    def _load(self) -> None:
        try:
            self._assistant = self._open_assistant(self._tell)
            self._tell("Warming up", 0, 1)
            self._assistant.warm_up()
        except BaseException as error:
            self._error = error
        self._finished.set()

    def _tell(self, what: str, done: int, total: int) -> None:
        self.message = f"{what} ({done} of {total})" if total > 1 else what

    @property
    def is_finished(self) -> bool:
        """Whether the assistant is open or has failed to open."""
        return self._finished.is_set()

    def wait(self) -> Assistant:
        """The assistant, once it is open.

        Raises:
            AssistantError: it could not be opened.
        """
        self._finished.wait()
        if self._error:
            raise self._error
        assert self._assistant is not None
        return self._assistant

    def close(self) -> None:
        """Close the assistant if it is open."""
        if self._assistant:
            self._assistant.close()
