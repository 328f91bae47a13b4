"""One worker at a time on a thread: a lease with a fencing token that grows with every take-over.

Workers on the machine of the holder tell by its process and by the seconds since the machine was started whether the
lease lasts, so that a clock that is set changes nothing; those on other machines go by the time of day.

Source: fencing tokens after Kleppmann 2016, "How to do distributed locking".
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, select, update

from interlock.runtime.clock import Clock
from interlock.runtime.errors import ThreadBusy
from interlock.runtime.gate.holders import alive
from interlock.runtime.gate.stops import LeaseLost
from interlock.runtime.storage.database import Statement, Transaction, in_place, metadata

TTL_S = 300.0
"""Seconds a lease lasts. A dead worker on this machine is noticed at once; one elsewhere, after this."""

leases = Table(
    "leases",
    metadata,
    Column("thread", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("until", Float, nullable=False),  # seconds since 1970; 0 when released
    Column("boot", Text, nullable=False),  # in which `until_monotonic` counts
    Column("until_monotonic", Float, nullable=False),
)

_COLUMNS = (leases.c.holder, leases.c.run, leases.c.fence, leases.c.until, leases.c.boot, leases.c.until_monotonic)
_GET = Statement(select(*_COLUMNS).where(leases.c.thread == bindparam("of")))
_ALL = Statement(select(leases.c.thread, *_COLUMNS).where(leases.c.until > 0))
_TAKE = in_place(leases)
_MINE = (leases.c.thread == bindparam("of"), leases.c.fence == bindparam("mine"))
_KEEP = Statement(
    update(leases).where(*_MINE).values(until=bindparam("later"), boot=bindparam("on"), until_monotonic=bindparam("at"))
)
_RELEASE = Statement(update(leases).where(*_MINE).values(until=0.0))
_SET_S = 1.0
"""By how much the time of day and the seconds since the start may part before the clock counts as set."""


_given_up: set[str] = set()
"""Holders of this process that work no more, and could not say so."""
_ticket: ContextVar[tuple[str, str]] = ContextVar("interlock_ticket", default=("", ""))
"""The thread that is held, and under which name."""


@contextmanager
def holding(lease: "Lease") -> Generator[None]:
    """Let what begins in this block take over the thread that is held, and what is in it."""
    token = _ticket.set((lease.thread, lease.holder))
    try:
        yield
    finally:
        _ticket.reset(token)


def is_in_hand(thread: str) -> bool:
    """Tell whether the thread was held before anything was read of it: it is known what it has come to."""
    return _ticket.get()[0] == thread


@dataclass(kw_only=True)
class Lease:
    """A hold on a thread."""

    thread: str
    holder: str
    fence: int
    until: float
    """Seconds since 1970."""
    until_monotonic: float
    """The same moment, on the monotonic clock."""


def take(tx: Transaction, thread: str, run: str, holder: str, clock: Clock) -> Lease:
    """Take the thread for a run; one that is held under the ticket in force is taken over.

    Raises:
        ThreadBusy: a living worker holds it, or one has held it since we did: what we have read of it is old.
    """
    row = tx.one(_GET, of=thread)
    holder = _ticket.get()[1] or holder
    if row is not None and row[0] != holder and (is_in_hand(thread) or _is_held(row, clock)):
        raise ThreadBusy(thread=thread, holder=row[1])
    now, since = clock.now().timestamp(), clock.monotonic()
    fence = 1 if row is None else row[2] + 1
    lease = Lease(thread=thread, holder=holder, fence=fence, until=now + TTL_S, until_monotonic=since + TTL_S)
    tx.run(
        _TAKE, thread=thread, holder=holder, run=run, fence=fence, until=lease.until, boot=clock.boot(),
        until_monotonic=lease.until_monotonic,
    )  # fmt: skip
    _given_up.discard(holder)
    return lease


def keep(tx: Transaction, lease: Lease, clock: Clock, for_s: float = 0.0) -> None:
    """Make sure that the lease is still ours, and that it lasts for the coming work.

    Raises:
        LeaseLost: another worker has taken the thread.
    """
    row = tx.one(_GET, of=lease.thread)
    if row is None or row[2] != lease.fence or row[3] == 0:
        raise LeaseLost(thread=lease.thread)
    *_, lease.until, boot, lease.until_monotonic = row
    if boot == clock.boot() and lasting(lease, clock, for_s):
        return
    since = clock.monotonic()
    if boot != clock.boot() or lease.until_monotonic <= since + for_s:
        lease.until_monotonic = since + for_s + TTL_S
    lease.until = clock.now().timestamp() + lease.until_monotonic - since
    tx.run(_KEEP, of=lease.thread, mine=lease.fence, later=lease.until, on=clock.boot(), at=lease.until_monotonic)


def keep_out(tx: Transaction, lease: Lease) -> None:
    """Refuse a worker that lost its thread while it stood still, whether or not the thread is free again.

    Raises:
        ThreadBusy: another one has held it since.
    """
    row = tx.one(_GET, of=lease.thread)
    if row is not None and row[0] != lease.holder:
        raise ThreadBusy(thread=lease.thread, holder=row[1])


def lasting(lease: Lease, clock: Clock, for_s: float) -> bool:
    """Tell, without asking the database, whether nobody can have taken the lease, or will during the coming work.

    Not after the clock was set: others may have gone by the time that it told before.
    """
    left = lease.until_monotonic - clock.monotonic()
    return for_s < left and abs(lease.until - clock.now().timestamp() - left) < _SET_S


def release(tx: Transaction, lease: Lease) -> None:
    """Give the thread up; a lease that was lost stays with its new holder."""
    tx.run(_RELEASE, of=lease.thread, mine=lease.fence)


@contextmanager
def giving_up(lease: Lease) -> Generator[None]:
    """Let the thread go in this block. Where the database cannot be told, this process's other workers know it."""
    _given_up.add(lease.holder)
    yield
    _given_up.discard(lease.holder)


def held(tx: Transaction, clock: Clock) -> dict[str, str]:
    """Name the threads, and places in threads, that workers hold, with their runs."""
    return {thread: row[1] for thread, *row in tx.all(_ALL) if _is_held(row, clock)}


def _is_held(row: "tuple[Any, ...] | list[Any]", clock: Clock) -> bool:
    holder, _run, _fence, until, boot, until_monotonic = row
    if until == 0 or holder in _given_up or not alive(holder):
        return False
    return bool(until_monotonic > clock.monotonic() if boot == clock.boot() else until > clock.now().timestamp())
