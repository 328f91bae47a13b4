"""Reports add up, last, and are held to baselines."""

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from interlock.evals import Observation, Report, compare, load_report
from interlock.evals.report import Attempt, case_report, report_of
from interlock.evals.scorers import Check
from interlock.evals.show import show_comparison, show_report, watching
from interlock.evals.statistics import wilson
from interlock.evals.suite import Case
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput
from interlock.runtime.records import Usage


def report(**passes: list[bool]) -> Report:
    """A report of one check for each attempt at each case."""
    cases = [
        case_report("s", name, ("refund",), [attempt(number, passed) for number, passed in enumerate(attempts, 1)])
        for name, attempts in passes.items()
    ]
    return report_of(cases, about={"model": "embedded"}, started_at=ManualClock().now(), seconds=1.5)


def attempt(number: int, passed: bool) -> Attempt:
    check = Check(scorer="reply", claim="says 'hi'", passed=passed, seen="" if passed else "[bold]nothing")
    turn = Observation(status="done", usage=Usage(input_tokens=5, usd=Decimal("0.01"), model_calls=1))
    return Attempt(attempt=number, passed=passed, checks=(check,), turns=(turn,), seconds=0.5)


def printed(show: str, made: Report, against: Report | None = None) -> str:
    console = Console(file=StringIO(), width=100)
    show_report(made, console, every=show == "every") if against is None else show_comparison(
        compare(made, against), console
    )
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_totals_add_up() -> None:
    totals = report(a=[True, True], b=[True, False]).totals

    assert (totals.cases, totals.passed, totals.pass_rate, totals.score) == (2, 1, 0.75, 0.75)
    assert (totals.scorers["reply"].passed, totals.scorers["reply"].total) == (3, 4)
    assert (totals.tags["refund"].passed, totals.tags["refund"].total) == (1, 2)
    assert totals.usage == Usage(input_tokens=20, usd=Decimal("0.04"), model_calls=4)


def test_a_report_survives_its_json_form(tmp_path: Path) -> None:
    made = report(a=[True], b=[False])
    path = tmp_path / "report.json"
    path.write_text(made.model_dump_json())

    assert load_report(path) == made


def test_a_report_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(report(a=[True]).model_copy(update={"schema_version": 2}).model_dump_json(warnings=False))

    with pytest.raises(BadInput, match="is no report of this version: schema_version"):
        load_report(path)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.json"):
        load_report(tmp_path / "gone.json")


def test_a_case_that_passes_less_often_is_a_regression() -> None:
    found = compare(report(a=[True, False], b=[True, True]), report(a=[True, True], b=[False, False]))

    assert [(change.case, change.before, change.after) for change in found.regressions] == [("s/a", 1.0, 0.5)]
    assert found.regressions[0].broken == ("reply: says 'hi'; seen: [bold]nothing",)
    assert [change.case for change in found.improvements] == ["s/b"]
    assert found.exit_status == 1


def test_a_case_that_is_no_longer_run_counts_as_worse() -> None:
    found = compare(report(a=[True]), report(a=[True], b=[True]))

    assert (found.removed, found.exit_status) == (("s/b",), 1)


def test_new_cases_and_old_failures_are_no_regression() -> None:
    found = compare(report(a=[False], c=[True]), report(a=[False]))

    assert (found.failing, found.added, found.exit_status) == (("s/a",), ("s/c",), 0)


def test_what_broke_is_printed_as_it_was_seen() -> None:
    text = printed("every", report(a=[True], b=[False]))

    assert "s/a" in text and "FAIL s/b" in text
    assert "    reply: says 'hi'; seen: [bold]nothing" in text
    assert "1 of 2 cases passed; pass rate in [9.5%, 90.5%]" in text


def test_a_comparison_is_printed() -> None:
    text = printed("", report(a=[False]), report(a=[True], b=[True]))

    assert "worse: s/a 100% -> 0%" in text
    assert "not run: s/b" in text


def test_where_there_is_no_terminal_each_attempt_is_a_plain_line() -> None:
    console = Console(file=StringIO(), width=20)

    with watching(console) as watch:
        watch.begin(1)
        watch.done(Case(id="a-case-with-a-long-name", say="x"), attempt(1, False))

    assert isinstance(console.file, StringIO)
    assert console.file.getvalue() == "1/1 FAIL a-case-with-a-long-name (0.50 s)\n"


def test_on_a_terminal_a_bar_moves() -> None:
    console = Console(file=StringIO(), width=80, force_terminal=True)

    with watching(console) as watch:
        watch.begin(2)
        watch.done(Case(id="first", say="x"), attempt(1, True))

    assert isinstance(console.file, StringIO)
    assert "1/2" in console.file.getvalue()


@given(st.integers(1, 500), st.data())
def test_the_interval_holds_the_rate_and_stays_inside_0_and_1(trials: int, data: st.DataObject) -> None:
    passed = data.draw(st.floats(0, trials))
    low, high = wilson(passed, trials)

    assert 0 <= low <= passed / trials + 1e-9 and passed / trials - 1e-9 <= high <= 1


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, table I: 81 of 263.
    low, high = wilson(81, 263)

    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
