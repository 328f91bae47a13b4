"""Baselines: a report to which later ones are held."""

from collections.abc import Iterator

from pydantic import BaseModel

from interlock.evals.report import CaseReport, Report


class Change(BaseModel, frozen=True, extra="forbid"):
    """One case that behaves differently."""

    case: str
    before: float
    after: float
    """Shares of the attempts that passed."""
    broken: tuple[str, ...] = ()
    """What does not hold now."""


class Comparison(BaseModel, frozen=True, extra="forbid"):
    """How a report stands against a baseline, case by case."""

    regressions: tuple[Change, ...]
    improvements: tuple[Change, ...]
    failing: tuple[str, ...]
    """Cases that failed before, and still do."""
    added: tuple[str, ...]
    removed: tuple[str, ...]
    """Cases of the baseline that were not run: what is not asked cannot fail."""
    pass_rate_before: float
    pass_rate_after: float

    @property
    def exit_status(self) -> int:
        """1 where a case got worse or went missing."""
        return 1 if self.regressions or self.removed else 0


def compare(report: Report, baseline: Report) -> Comparison:
    """Hold a report to a baseline. A case got worse if a smaller share of its attempts passed."""
    now, then = _by_name(report), _by_name(baseline)
    changes = [_change(now[name], then[name]) for name in sorted(now.keys() & then.keys())]
    return Comparison(
        regressions=tuple(change for change in changes if change.after < change.before),
        improvements=tuple(change for change in changes if change.after > change.before),
        failing=tuple(change.case for change in changes if change.after == change.before < 1),
        added=tuple(sorted(now.keys() - then.keys())),
        removed=tuple(sorted(then.keys() - now.keys())),
        pass_rate_before=baseline.totals.pass_rate,
        pass_rate_after=report.totals.pass_rate,
    )


def broken(case: CaseReport) -> Iterator[str]:
    """Say what did not hold, each thing once."""
    seen = set[str]()
    for attempt in case.attempts:
        failed = [f"{check.scorer}: {check.claim}; seen: {check.seen}" for check in attempt.checks if not check.passed]
        for line in ([attempt.error] if attempt.error else []) + failed:
            if line not in seen:
                seen.add(line)
                yield line


def _by_name(report: Report) -> dict[str, CaseReport]:
    return {case.name: case for case in report.cases}


def _change(now: CaseReport, then: CaseReport) -> Change:
    return Change(case=now.name, before=then.mean, after=now.mean, broken=tuple(broken(now)))
