"""One worker at a time on a thread: a lease with a fencing token that grows with every take-over.

Source: fencing tokens after Kleppmann 2016, "How to do distributed locking".
"""

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, select, update

from interlock.runtime.database import Statement, Transaction, in_place, metadata
from interlock.runtime.errors import ThreadBusy
from interlock.runtime.gate.stops import LeaseLost

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
)

_GET = Statement(
    select(leases.c.holder, leases.c.run, leases.c.fence, leases.c.until).where(leases.c.thread == bindparam("of"))
)
_TAKE = in_place(leases)
_UNTIL = Statement(
    update(leases)
    .where(leases.c.thread == bindparam("of"), leases.c.fence == bindparam("mine"))
    .values(until=bindparam("later"))
)


_ticket: ContextVar[str] = ContextVar("interlock_ticket", default="")


@contextmanager
def holding(ticket: str) -> Generator[None]:
    """Let what begins in this block take over the thread that is held under a ticket."""
    token = _ticket.set(ticket)
    try:
        yield
    finally:
        _ticket.reset(token)


@dataclass(kw_only=True)
class Lease:
    """A hold on a thread. `until` is seconds since 1970."""

    thread: str
    fence: int
    until: float


def take(tx: Transaction, thread: str, run: str, holder: str, now: datetime) -> Lease:
    """Take the thread for a run; one that is held under the ticket in force is taken over.

    Raises:
        ThreadBusy: a living worker holds it.
    """
    at = now.timestamp()
    row = tx.one(_GET, of=thread)
    holder = _ticket.get() or holder
    if row is not None and row[3] > at and row[0] != holder and alive(row[0]):
        raise ThreadBusy(thread=thread, holder=row[1])
    lease = Lease(thread=thread, fence=1 if row is None else row[2] + 1, until=at + TTL_S)
    tx.run(_TAKE, thread=thread, holder=holder, run=run, fence=lease.fence, until=lease.until)
    return lease


def keep(tx: Transaction, lease: Lease, now: datetime, for_s: float = 0.0) -> None:
    """Make sure that the lease is still ours, and that it lasts for the coming work.

    Raises:
        LeaseLost: another worker has taken the thread.
    """
    row = tx.one(_GET, of=lease.thread)
    if row is None or row[2] != lease.fence or row[3] == 0:
        raise LeaseLost(thread=lease.thread)
    if row[3] < now.timestamp() + for_s:
        lease.until = now.timestamp() + for_s + TTL_S
        tx.run(_UNTIL, of=lease.thread, mine=lease.fence, later=lease.until)


def lasting(lease: Lease, now: datetime, for_s: float) -> bool:
    """Tell, without asking the database, whether nobody can have taken the lease, or will during the coming work."""
    return now.timestamp() + for_s < lease.until


def release(tx: Transaction, lease: Lease) -> None:
    """Give the thread up; a lease that was lost stays with its new holder."""
    tx.run(_UNTIL, of=lease.thread, mine=lease.fence, later=0.0)


def holder_here(token: str) -> str:
    """Name this worker, so that others on the same machine can tell whether it lives."""
    return f"{socket.gethostname()}/{os.getpid()}/{token}"


def here(holder: str) -> bool:
    """Tell whether a worker is, or was, on this machine."""
    return holder.rsplit("/", 2)[0] == socket.gethostname()


def alive(holder: str) -> bool:
    """Tell whether a worker may still be at work; of one on another machine only its lease tells."""
    host, pid, _token = holder.rsplit("/", 2) if holder.count("/") > 1 else ("", "", "")
    if host != socket.gethostname() or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _defunct(int(pid))


def _defunct(pid: int) -> bool:
    """Tell, where the system shows it, whether a process has ended and only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
