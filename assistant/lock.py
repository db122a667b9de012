"""One process owns a data directory: a lock that says who holds it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import TracebackType

from assistant.errors import IndexingError, system_reason
from assistant.settings import shown_name


class DirectoryLock:
    """A lock on a directory, held until closed or until the process ends, however it ends.

    Raises:
        IndexingError: another process holds it (the message names that process), or the
            directory cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        from filelock import FileLock, Timeout

        self._holder = directory / "owner.json"
        # Whoever opened it, any thread may close it.
        self._lock = FileLock(directory / "lock", thread_local=False)
        arguments = [Path(sys.argv[0]).name, *map(shown_name, sys.argv[1:])]
        command = " ".join(arguments)[:80]
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
            self._holder.write_text(json.dumps({"process": os.getpid(), "command": command}))
        except Timeout as error:
            raise IndexingError(
                f"The index in {directory} is in use by {self._describe_holder()}. "
                "Close that first, or set ASSISTANT_HOME to another folder."
            ) from error
        except OSError as error:
            self._lock.release()
            raise IndexingError(
                f"Cannot write to {directory}: {system_reason(error)}. "
                "Set ASSISTANT_HOME to a folder you can write to."
            ) from error

    def _describe_holder(self) -> str:
        try:
            holder = json.loads(self._holder.read_text())
            return f"process {holder['process']} ({holder['command']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def close(self) -> None:
        """Give the directory back; once is enough."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> DirectoryLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
