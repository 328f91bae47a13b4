"""Show a run of suites to a person: progress while it goes, a table and what broke when it is done."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from interlock.evals.baseline import Comparison, broken
from interlock.evals.report import Attempt, CaseReport, Report, Totals
from interlock.evals.runner import Watch
from interlock.evals.suite import Case

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.table import Table


@contextmanager
def watching(console: "Console") -> Generator[Watch]:
    """Watch a run: a bar on a terminal, a plain line for each attempt elsewhere."""
    if not console.is_terminal:
        yield Lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress)


class Lines:
    """A line for each attempt."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._all = 0
        self._done = 0

    def begin(self, attempts: int) -> None:
        self._all = attempts

    def done(self, case: Case, attempt: Attempt) -> None:
        self._done += 1
        word = "pass" if attempt.passed else "FAIL"
        line = f"{self._done}/{self._all} {word} {case.id} ({attempt.seconds:.2f} s)"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bar:
    """A bar that tells how many failed so far."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._failed = 0

    def begin(self, attempts: int) -> None:
        self._task = self._progress.add_task("evaluating", total=attempts)

    def done(self, case: Case, attempt: Attempt) -> None:
        self._failed += not attempt.passed
        text = f"{case.id}" + (f", {self._failed} failed" if self._failed else "")
        if self._task is not None:
            self._progress.update(self._task, advance=1, description=text)


def show_report(report: Report, console: "Console", *, every: bool = False) -> None:
    """Print a table of suites, what failed and why, and the totals.

    Args:
        every: a row for each case instead of each suite.
    """
    console.print(_cases(report) if every else _suites(report))
    for case in report.cases:
        if not case.passed:
            _show_broken(case, console)
    console.print(summary(report.totals), markup=False, highlight=False, soft_wrap=True)


def show_comparison(found: Comparison, console: "Console") -> None:
    """Print what changed against a baseline."""
    for title, changes in (("worse", found.regressions), ("better", found.improvements)):
        for change in changes:
            line = f"{title}: {change.case} {change.before:.0%} -> {change.after:.0%}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
            for what in change.broken:
                console.print(f"    {what}", markup=False, highlight=False, soft_wrap=True)
    for title, names in (("still failing", found.failing), ("not run", found.removed), ("new", found.added)):
        for name in names:
            console.print(f"{title}: {name}", markup=False, highlight=False, soft_wrap=True)
    rates = f"pass rate {found.pass_rate_before:.1%} -> {found.pass_rate_after:.1%}"
    console.print(rates, markup=False, highlight=False)


def summary(totals: Totals) -> str:
    """Say in one line what the run came to."""
    usage = totals.usage
    cost = "unknown cost" if usage.usd is None else f"{usage.usd:.4f} USD"
    often = f", each {totals.repeats} times (mean {totals.pass_rate:.1%})" if totals.repeats > 1 else ""
    return (
        f"{totals.passed} of {totals.cases} cases passed{often}; pass rate in [{totals.low:.1%}, {totals.high:.1%}]; "
        f"{usage.model_calls} model calls, {usage.tool_calls} tool calls, "
        f"{usage.input_tokens + usage.output_tokens} tokens, {cost}; {totals.seconds:.1f} s"
    )


def _suites(report: Report) -> "Table":
    rows: dict[str, list[CaseReport]] = {}
    for case in report.cases:
        rows.setdefault(case.suite, []).append(case)
    table = _table("suite", "cases", "passed", "score", "seconds")
    for suite, cases in rows.items():
        attempts = [attempt for case in cases for attempt in case.attempts]
        table.add_row(
            suite,
            str(len(cases)),
            str(sum(case.passed for case in cases)),
            f"{sum(attempt.score for attempt in attempts) / len(attempts):.1%}",
            f"{sum(attempt.seconds for attempt in attempts):.1f}",
        )
    return table


def _cases(report: Report) -> "Table":
    table = _table("case", "passed", "score", "calls", "seconds")
    for case in report.cases:
        calls = sum(len(turn.calls) for attempt in case.attempts for turn in attempt.turns)
        table.add_row(
            case.name,
            f"{sum(attempt.passed for attempt in case.attempts)}/{len(case.attempts)}",
            f"{sum(attempt.score for attempt in case.attempts) / len(case.attempts):.1%}",
            str(calls),
            f"{sum(attempt.seconds for attempt in case.attempts):.2f}",
        )
    return table


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left", no_wrap=not at)
    return table


def _show_broken(case: CaseReport, console: "Console") -> None:
    console.print(f"FAIL {case.name}", markup=False, highlight=False, soft_wrap=True)
    for what in broken(case):
        console.print(f"    {what}", markup=False, highlight=False, soft_wrap=True)
