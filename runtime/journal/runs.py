"""The journal read as runs: who asked what, how it ended, what it used."""

from dataclasses import dataclass
from datetime import datetime

from interlock.runtime.errors import NotFound
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.records import Usage


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One run in a line."""

    run: str
    thread: str
    agent: str
    user: str
    tenant: str
    started_at: datetime
    status: str
    asked: str
    usage: Usage


def list_runs(journal: Journal) -> list[RunSummary]:
    """List all runs, newest first."""
    ends = {entry.run: entry.event for entry in journal.of_kind("run_ended")}
    return [_summary(entry, ends.get(entry.run)) for entry in reversed(journal.of_kind("run_started"))]


def _summary(entry: Entry, ended: events.Event | None) -> RunSummary:
    started = entry.event
    assert isinstance(started, events.RunStarted)  # noqa: S101  # asked for by kind
    end = ended if isinstance(ended, events.RunEnded) else None
    asked = str(started.messages[-1].get("content", "")) if started.messages else "[erased]"
    return RunSummary(
        run=entry.run,
        thread=entry.thread,
        agent=started.agent,
        user=started.caller.user,
        tenant=started.caller.tenant,
        started_at=entry.at,
        status=end.status if end else "unfinished",
        asked=asked,
        usage=end.usage if end else Usage(),
    )


def find_run(journal: Journal, run: str) -> list[Entry]:
    """Give the events of the run whose id begins so.

    Raises:
        NotFound: no run's id begins so, or more than one.
    """
    if entries := journal.of_run(run):
        return entries
    matches = sorted({entry.run for entry in journal.of_kind("run_started") if entry.run.startswith(run)})
    if len(matches) != 1 or not run:
        what = f"{len(matches)} runs begin with {run!r}" if matches else f"no run {run!r}"
        raise NotFound(what=what, where="journal", fix="`interlock trace` names them")
    return journal.of_run(matches[0])
