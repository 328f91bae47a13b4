"""Run suites: every attempt at a place of its own, some at once, each judged by all that its case expects."""

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from interlock.evals.places import Setup, environment, prepared, setup_of
from interlock.evals.report import Attempt, CaseReport, Report, case_report, report_of
from interlock.evals.scorers import Check, score, unforeseen_failure
from interlock.evals.suite import Case, Exchange, Suite
from interlock.evals.target import Answer, Observation, Place, Say, Subject, Target, Turn, whole
from interlock.runtime.clock import Clock, SystemClock
from interlock.runtime.errors import BadInput
from interlock.runtime.records import Caller


class Watch(Protocol):
    """Somebody who watches a run."""

    def begin(self, attempts: int) -> None: ...

    def done(self, case: Case, attempt: Attempt) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """How suites are run."""

    repeats: int | None = None
    """Attempts at each case; None: as each suite says."""
    concurrency: int = 1
    """Attempts under way at once. Those whose setup changes the environment still take turns."""
    only: tuple[str, ...] = ()
    """Names (`suite/case`), case ids or tags, with * as in file names; empty: all."""
    case_seconds: float = 300.0
    keep: Path | None = None
    """Where the cases' folders are left; None: they are removed."""


@dataclass(frozen=True, kw_only=True)
class _Job:
    suite: Suite
    case: Case
    attempt: int
    setup: Setup | None


@dataclass(frozen=True, kw_only=True)
class _Bench:
    """What all attempts of one run share."""

    target: Target
    root: Path
    clock: Clock
    seconds: float
    watch: Watch | None
    free: asyncio.Semaphore
    # The environment belongs to the whole process, so attempts that change it cannot overlap.
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)


async def run_suites(
    suites: Sequence[Suite],
    target: Target,
    *,
    options: Options | None = None,
    clock: Clock | None = None,
    watch: Watch | None = None,
    about: dict[str, str] | None = None,
) -> Report:
    """Run every case as often as asked, and report. A case that breaks is a result, not an error.

    Raises:
        SuiteBroken: a suite's setup is not there.
        BadInput: no case is of the names asked for.
    """
    options, clock = options or Options(), clock or SystemClock()
    jobs = _jobs(suites, options)
    started, since = clock.now(), clock.monotonic()
    with TemporaryDirectory(prefix="interlock-eval-") if options.keep is None else nullcontext(options.keep) as root:
        bench = _Bench(
            target=target,
            root=Path(root),
            clock=clock,
            seconds=options.case_seconds,
            watch=watch,
            free=asyncio.Semaphore(options.concurrency),
        )
        if watch:
            watch.begin(len(jobs))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_attempt(job, bench)) for job in jobs]
    cases = _gathered(jobs, [task.result() for task in tasks])
    return report_of(cases, about=about or {}, started_at=started, seconds=clock.monotonic() - since)


def _jobs(suites: Sequence[Suite], options: Options) -> list[_Job]:
    jobs = [
        _Job(suite=suite, case=case, attempt=attempt, setup=setup)
        for suite, setup in [(suite, setup_of(suite)) for suite in suites]
        for case in suite.cases
        if _wanted(suite, case, options.only)
        for attempt in range(1, (options.repeats or suite.repeats) + 1)
    ]
    if not jobs:
        names = ", ".join(suite.suite for suite in suites)
        raise BadInput(
            what=f"no case is called {' or '.join(options.only)}", where=f"suites {names}", fix="name a case or a tag"
        )
    return jobs


def _wanted(suite: Suite, case: Case, only: Sequence[str]) -> bool:
    names = (f"{suite.suite}/{case.id}", suite.suite, case.id, *case.tags)
    return not only or any(fnmatchcase(name, pattern) for name in names for pattern in only)


def _gathered(jobs: Sequence[_Job], attempts: Sequence[Attempt]) -> list[CaseReport]:
    of_case: dict[tuple[str, str], tuple[_Job, list[Attempt]]] = {}
    for job, attempt in zip(jobs, attempts, strict=True):
        of_case.setdefault((job.suite.suite, job.case.id), (job, []))[1].append(attempt)
    return [case_report(job.suite.suite, job.case.id, job.case.tags, made) for job, made in of_case.values()]


async def _attempt(job: _Job, bench: _Bench) -> Attempt:
    async with bench.free:
        since = bench.clock.monotonic()
        turns, checks, error = list[Observation](), list[Check](), ""
        try:
            async with asyncio.timeout(bench.seconds):
                await _run(job, bench, turns, checks)
        except TimeoutError:
            error = f"not done after {bench.seconds:g} s"
        except Exception as broke:  # whatever a target raises is what the case found
            error = f"{type(broke).__name__}: {broke}"
        attempt = Attempt(
            attempt=job.attempt,
            passed=not error and all(check.passed for check in checks),
            checks=tuple(checks),
            turns=tuple(turns),
            seconds=round(bench.clock.monotonic() - since, 3),
            error=error,
        )
        if bench.watch:
            bench.watch.done(job.case, attempt)
        return attempt


async def _run(job: _Job, bench: _Bench, turns: list[Observation], checks: list[Check]) -> None:
    """Take the case's turns at a fresh place, noting what is seen and what is checked as it goes."""
    folder = bench.root / job.suite.suite / job.case.id / str(job.attempt)
    await asyncio.to_thread(folder.mkdir, parents=True)
    env = await prepared(job.setup, folder)
    recording = job.suite.path.parent / job.case.recording if job.case.recording else None
    place = Place(
        case=job.case.id, attempt=job.attempt, folder=folder, home=folder / "home", env=env, recording=recording
    )
    database = folder / job.suite.database if job.suite.database else None
    async with bench.alone if env else nullcontext():
        with environment(env):
            async with bench.target(place) as subject:
                await _take_turns(job, subject, turns, checks, database)
        checks += score(job.case.expect, whole(turns), database)


async def _take_turns(
    job: _Job, subject: Subject, turns: list[Observation], checks: list[Check], database: Path | None
) -> None:
    exchanges = job.case.exchanges()
    for exchange in exchanges:
        seen = await subject(_turn(exchange, job.case, job.suite))
        turns.append(seen)
        checks += score(exchange.expect, seen, database)
        foretold = exchange.expect.status or (job.case.expect.status if exchange is exchanges[-1] else None)
        checks += [] if foretold else unforeseen_failure(seen)


def _turn(exchange: Exchange, case: Case, suite: Suite) -> Turn:
    if exchange.say is not None:
        user = exchange.user or case.user or suite.user
        caller = Caller(user=user, tenant=suite.tenant, roles=case.roles)
        return Say(text=exchange.say, caller=caller, thread=exchange.thread)
    tool = exchange.deny if exchange.approve is None else exchange.approve
    return Answer(
        tool="" if tool in (None, "*") else tool,
        approve=exchange.approve is not None,
        by=Caller(user=exchange.by, tenant=suite.tenant, roles=exchange.roles),
        thread=exchange.thread,
        reason=exchange.reason,
    )
