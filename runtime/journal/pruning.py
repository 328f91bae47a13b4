"""Retention: the oldest part of the chain is removed, and a signed cut vouches for where it now begins."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select

from interlock.runtime.erasures import held
from interlock.runtime.gate.answers import answers
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.gate.leases import held as held_threads
from interlock.runtime.gate.reservations import drop_freed
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Erased, RunStarted
from interlock.runtime.journal.journal import ALL, events, payloads
from interlock.runtime.journal.seals import ERASURE
from interlock.runtime.storage.database import Statement, Transaction

Row = tuple[Any, ...]

_DROP_ROWS = Statement(delete(events).where(events.c.seq <= bindparam("upto")))
_DIGESTS = Statement(select(payloads.c.digest))
_EFFECTS = Statement(select(effects.c.key, effects.c.thread, effects.c.outcome))
_APPROVALS = Statement(select(approvals.c.id, approvals.c.thread, approvals.c.arguments))
_ANSWERS = Statement(select(answers.c.approval, answers.c.arguments))
_DROP_EFFECT = Statement(delete(effects).where(effects.c.key == bindparam("of")))
_DROP_APPROVAL = Statement(delete(approvals).where(approvals.c.id == bindparam("of")))
_DROP_ANSWERS = Statement(delete(answers).where(answers.c.approval == bindparam("of")))
_CELLS = ("prompt", "history")
_BODIES = ("tools", "manifest_kept")


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, or would be."""

    rows: int
    runs: int
    payloads: int
    threads: tuple[str, ...]
    """Threads of which nothing is left; their checkpoints may go too."""
    effects: int = 0
    approvals: int = 0
    held_by: str = ""
    """A run that is old and has not ended, or is on hold; nothing after its beginning can go before it does."""
    hold: str = ""
    """Why it is on hold."""


def prune(home: Home, *, before: datetime, dry_run: bool = False) -> Pruned:
    """Remove the runs that ended before a time, as far as they stand at the beginning of the chain.

    Payloads go with the last row that refers to them; approvals and effects go with their thread, because as long as
    that can go on, they keep its effects from happening twice. The newest row always stays, and so do runs of people
    on hold.
    """
    with home.database.transaction(durable=True) as tx:
        rows = tx.all(ALL)
        holds = _on_hold(home, rows)
        cut, held_by = _cut(rows, before.isoformat(), holds, erased=_erased_runs(home))
        left = [row for row in rows if row[0] > cut]
        gone = [row for row in rows if row[0] <= cut]
        living = {row[2] for row in left} | {thread.partition("#")[0] for thread in held_threads(tx, home.clock)}
        needless = _Needless.of(tx, living) if gone else _Needless()
        doomed = _unreferenced(home, tx, left, needless) if gone else set[str]()
        threads = {row[2] for row in gone if row[2]} - living
        if gone and not dry_run:
            home.journal.cut(tx, cut, gone[-1][5])
            tx.run(_DROP_ROWS, upto=cut)
            needless.drop(tx)
            drop_freed(tx, home.clock.now())  # whose runs, which explain them, may be among the rows that went
            for digest in doomed:
                home.journal.drop(tx, digest)
    return Pruned(
        rows=len(gone), runs=len({row[1] for row in gone if row[1]}), payloads=len(doomed),
        threads=tuple(sorted(threads)), effects=len(needless.effects), approvals=len(needless.approvals),
        held_by=held_by, hold=holds.get(held_by, ""),
    )  # fmt: skip


@dataclass(kw_only=True)
class _Needless:
    """Rows of other tables that no thread needs any more."""

    effects: set[str] = field(default_factory=set[str])
    approvals: set[str] = field(default_factory=set[str])

    @staticmethod
    def of(tx: Transaction, living: set[str]) -> "_Needless":
        return _Needless(
            effects={key for key, thread, _ in tx.all(_EFFECTS) if thread not in living},
            approvals={id for id, thread, _ in tx.all(_APPROVALS) if thread not in living},
        )

    def drop(self, tx: Transaction) -> None:
        for key in self.effects:
            tx.run(_DROP_EFFECT, of=key)
        for id in self.approvals:
            tx.run(_DROP_ANSWERS, of=id)
            tx.run(_DROP_APPROVAL, of=id)

    def digests_left(self, tx: Transaction) -> set[str]:
        """Name the payloads that the other rows refer to."""
        found = {digest for key, _, digest in tx.all(_EFFECTS) if key not in self.effects}
        found |= {digest for id, _, digest in tx.all(_APPROVALS) if id not in self.approvals}
        return found | {digest for id, digest in tx.all(_ANSWERS) if id not in self.approvals}


def _on_hold(home: Home, rows: list[Row]) -> dict[str, str]:
    """Tell which runs must stay, and why."""
    holds = held(home.database)
    if not holds:
        return {}
    started = [home.journal.entry(row) for row in rows if row[3] == "run_started"]
    return {
        entry.run: holds[whose]
        for entry in started
        if isinstance(entry.event, RunStarted)
        and (whose := (entry.event.caller.tenant, entry.event.caller.user)) in holds
    }


def _erased_runs(home: Home) -> set[str]:
    """Name the runs of people who were forgotten: they will not go on, however they stood."""
    found = [entry.event for entry in home.journal.of_kind(ERASURE)]
    return {run for event in found if isinstance(event, Erased) for run in event.runs}


def _cut(rows: list[Row], before: str, holds: Collection[str], *, erased: Collection[str]) -> tuple[int, str]:
    """Find the last row that may go: old, with no run on both sides of it; and the run that is in the way."""
    last = {run: seq for seq, run, *_ in rows}
    ended = {run: kind == "run_ended" and _status(head) != "waiting" for _, run, _, kind, head, _ in rows}
    best, reach = 0, 0
    for seq, run, _thread, kind, head, _hash in rows[:-1]:
        if orjson.loads(head)["at"] >= before:
            return best, ""
        if kind != ERASURE:  # which belongs to no run
            if not (ended[run] or run in erased) or run in holds:
                return best, run
            reach = max(reach, last[run])
        reach = max(reach, seq)
        if reach == seq:
            best = seq
    return best, ""


def _status(head: str) -> str:
    return str(orjson.loads(head)["facts"].get("status", ""))


def _unreferenced(home: Home, tx: Transaction, left: list[Row], needless: _Needless) -> set[str]:
    kept = needless.digests_left(tx)
    for row in left:
        kept.update(_references(home, row, kept))
    return {digest for (digest,) in tx.all(_DIGESTS)} - kept


def _references(home: Home, row: Row, known: set[str]) -> Iterator[str]:
    """Name the payloads that a row refers to, prompts down to their first cell."""
    head = orjson.loads(row[4])
    if head["content"]:
        yield head["content"]
    yield from (found for name in _BODIES if (found := head["facts"].get(name)))
    for name in _CELLS:
        digest: str | None = head["facts"].get(name)
        while digest and digest not in known:
            yield digest
            cell: dict[str, Any] = home.journal.payload(digest) or {}
            digest = cell.get("prev")
