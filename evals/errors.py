"""What can go wrong in the evals, as part of the assistant's error tree."""

import importlib.util

from assistant.errors import AssistantError


class EvalsError(AssistantError):
    """A question set, a result file or a public data set is missing, empty or malformed."""


def need_package(name: str) -> None:
    """Fail before long work that would end in the lack of a package.

    Raises:
        EvalsError: it is not installed.
    """
    if importlib.util.find_spec(name) is None:
        raise EvalsError(
            f"{name} is not installed; `make evals` installs it, and so does: "
            ".venv/bin/pip install --no-deps -r requirements-test.lock"
        )
