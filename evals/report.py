"""Reports: what a run of suites found, as data that later versions can read."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from interlock.evals.scorers import Check
from interlock.evals.statistics import wilson
from interlock.evals.target import Observation
from interlock.runtime.errors import BadInput
from interlock.runtime.records import Usage
from interlock.runtime.stated import field_error


class Attempt(BaseModel, frozen=True, extra="forbid"):
    """One run of one case."""

    attempt: int
    passed: bool
    checks: tuple[Check, ...] = ()
    turns: tuple[Observation, ...] = ()
    seconds: float = 0.0
    error: str = ""
    """What broke, where the case could not be run to its end."""

    @property
    def score(self) -> float:
        """Share of the checks that held."""
        return sum(check.passed for check in self.checks) / len(self.checks) if self.checks else float(self.passed)


class CaseReport(BaseModel, frozen=True, extra="forbid"):
    """All attempts at one case."""

    suite: str
    case: str
    tags: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = Field(min_length=1)
    passed: bool
    """Every attempt passed: what the suite is judged by."""
    mean: float
    """Share of the attempts that passed."""

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.case}"


class Share(BaseModel, frozen=True, extra="forbid"):
    """How many of how many."""

    passed: int
    total: int


class Totals(BaseModel, frozen=True, extra="forbid"):
    """What all cases come to."""

    cases: int
    passed: int
    """Cases of which every attempt passed (pass^k)."""
    repeats: int
    """k: the most attempts that any case had."""
    pass_rate: float
    """Mean over cases of the share of attempts that passed."""
    low: float
    high: float
    """95 % interval of the pass rate, with cases as trials."""
    score: float
    scorers: dict[str, Share]
    """Checks by scorer."""
    tags: dict[str, Share]
    """Cases by tag."""
    usage: Usage
    seconds: float


class Report(BaseModel, frozen=True, extra="forbid"):
    """What a run of suites found."""

    schema_version: Literal[1] = 1
    about: dict[str, str] = {}
    """What was evaluated: agent, model, versions; compared with a baseline's for the reader only."""
    started_at: datetime
    totals: Totals
    cases: tuple[CaseReport, ...]

    @property
    def exit_status(self) -> int:
        return 0 if self.totals.passed == self.totals.cases else 1


def case_report(suite: str, case: str, tags: Sequence[str], attempts: Sequence[Attempt]) -> CaseReport:
    """Gather the attempts at a case."""
    passed = [attempt.passed for attempt in attempts]
    mean = sum(passed) / len(passed)
    return CaseReport(suite=suite, case=case, tags=tuple(tags), attempts=tuple(attempts), passed=all(passed), mean=mean)


def report_of(cases: Sequence[CaseReport], *, about: dict[str, str], started_at: datetime, seconds: float) -> Report:
    """Add the cases up."""
    attempts = [attempt for case in cases for attempt in case.attempts]
    rate = sum(case.mean for case in cases)
    low, high = wilson(rate, len(cases))
    totals = Totals(
        cases=len(cases),
        passed=sum(case.passed for case in cases),
        repeats=max((len(case.attempts) for case in cases), default=0),
        pass_rate=rate / len(cases) if cases else 0.0,
        low=low,
        high=high,
        score=sum(attempt.score for attempt in attempts) / len(attempts) if attempts else 0.0,
        scorers=_shares((check.scorer, check.passed) for attempt in attempts for check in attempt.checks),
        tags=_shares((tag, case.passed) for case in cases for tag in case.tags),
        usage=_used(attempts),
        seconds=seconds,
    )
    return Report(about=about, started_at=started_at, totals=totals, cases=tuple(cases))


def load_report(path: Path) -> Report:
    """Read a report that `Report.model_dump_json` wrote.

    Raises:
        BadInput: it cannot be read, or another version wrote it.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(
            what=f"no report: {error.strerror}", where=str(path), fix="write one with --json first"
        ) from error
    except ValidationError as error:
        raise BadInput(
            what=f"is no report of this version: {field_error(error.errors()[0])}",
            where=str(path),
            fix="run the suite again to make a new one",
        ) from error


def _shares(pairs: Iterable[tuple[str, bool]]) -> dict[str, Share]:
    counts = defaultdict[str, list[bool]](list)
    for name, passed in pairs:
        counts[name].append(passed)
    return {name: Share(passed=sum(held), total=len(held)) for name, held in sorted(counts.items())}


def _used(attempts: Iterable[Attempt]) -> Usage:
    used = Usage()
    for attempt in attempts:
        for turn in attempt.turns:
            used = used.plus(turn.usage)
    return used
