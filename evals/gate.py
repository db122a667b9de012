"""The gate: has the share of right answers fallen below the committed result?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evals.bootstrap import Interval
from evals.errors import EvalsError
from evals.report import in_words
from evals.results import Result


@dataclass(frozen=True, slots=True)
class GateResult:
    """What the gate found.

    Attributes:
        now: share of right answers now.
        committed: the same of the committed result, on the same questions.
    """

    now: Interval
    committed: Interval

    @property
    def passed(self) -> bool:
        """True unless the share is below the committed one by more than its interval."""
        return self.now.value >= self.committed.low

    def in_words(self) -> str:
        """The finding in one line."""
        found = (
            f'"right" is {in_words(self.now)} on {self.now.count} questions; '
            f"the committed result is {in_words(self.committed)}"
        )
        if self.passed:
            return f"gate passed: {found}"
        return f"gate failed: {found}, and it may not fall below {self.committed.low:.2f}"


def check(result: Result, baseline: Result) -> GateResult:
    """Compare a result with the committed one, on the questions of the result.

    A slice (`answers --limit`) is compared with the same slice of the committed result, whose
    interval is wider then.

    Raises:
        EvalsError: either is not a result of `answers`, they are of different language models, or
            the result asks questions that the committed one does not have.
    """
    for given in (result, baseline):
        if given.task != "answers":
            raise EvalsError(f"the gate needs results of `answers`, found {given.task}")
    model, committed = (given.models.get("model") for given in (result, baseline))
    if model != committed:
        raise EvalsError(
            f"the result is of the model {model}, the committed one of {committed}; "
            "give one of the same with --baseline"
        )
    asked = {record.id for record in result.records}
    missing = asked - {record.id for record in baseline.records}
    if missing:
        raise EvalsError(
            f"the committed result lacks {len(missing)} of the questions "
            f'("{min(missing)}" among them); measure and commit it again'
        )
    records = tuple(record for record in baseline.records if record.id in asked)
    shared = replace(baseline, records=records)
    return GateResult(
        now=result.overall[result.systems[0]]["right"],
        committed=shared.overall[shared.systems[0]]["right"],
    )
