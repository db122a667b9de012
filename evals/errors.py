"""What can go wrong in the evals, as part of the assistant's error tree."""

from assistant.errors import AssistantError


class EvalsError(AssistantError):
    """A question set, a result file or a public data set is missing, empty or malformed."""
