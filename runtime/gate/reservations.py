"""What runs have set aside of limits that they share, as rows that outlive no crash.

What is spent and all that is reserved is summed where the next reservation is made, in one transaction. Those of
workers that are dead count no more, and those of workers elsewhere until their time is over.
"""

from datetime import datetime

from sqlalchemy import Column, Float, Index, Integer, Table, Text, bindparam, delete, func, insert, select

from interlock.runtime.gate.holders import alive, here, surely_alive
from interlock.runtime.gate.ledger import NOTHING, UNITS, Amounts, accounts, sound
from interlock.runtime.storage.database import Statement, Transaction, metadata

_MARGIN_S = 30.0
_LONGEST_S = 3600.0
"""After which a worker on this machine that only seems to live has lost what it reserved: its id may be another's."""

reservations = Table(
    "reservations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Float, nullable=False),
    *(Column(unit, Integer, nullable=False) for unit in UNITS),
    Column("seconds", Float, nullable=False),
    Index("reservations_by_scope", "scope"),
)

_SPENT = Statement(select(*(accounts.c[unit] for unit in UNITS)).where(accounts.c.scope == bindparam("of")))
_HELD = Statement(
    select(*(func.coalesce(func.sum(reservations.c[unit]), 0) for unit in UNITS)).where(
        reservations.c.scope == bindparam("of")
    )
)
_WORKED = Statement(select(accounts.c.seconds).where(accounts.c.scope == bindparam("of")))
_HELD_TIME = Statement(
    select(func.coalesce(func.sum(reservations.c.seconds), 0.0)).where(
        reservations.c.scope == bindparam("of"), reservations.c.id != bindparam("but")
    )
)
_HOLDERS = Statement(
    select(reservations.c.id, reservations.c.holder, reservations.c.until).where(
        reservations.c.scope == bindparam("of")
    )
)
_ADD = Statement(insert(reservations))
_HOLDING = Statement(select(reservations.c.scope))
_DROP = Statement(delete(reservations).where(reservations.c.id == bindparam("of")))


def hold(  # noqa: PLR0917  # the columns of one row
    tx: Transaction, id: str, account: str, holder: str, now: datetime, for_s: float, *,
    amounts: Amounts = NOTHING, seconds: float = 0.0,
) -> None:  # fmt: skip
    """Set amounts, or seconds of work, aside for so long."""
    until = now.timestamp() + for_s + _MARGIN_S
    tx.run(_ADD, id=id, scope=account, holder=holder, until=until, seconds=seconds, **amounts)


def drop(tx: Transaction, id: str) -> None:
    """End a reservation in all its scopes."""
    tx.run(_DROP, of=id)


def used(tx: Transaction, account: str) -> Amounts:
    """Sum what is spent and what is reserved."""
    spent = sound(account, tx.one(_SPENT, of=account) or (0,) * len(UNITS))
    held = sound(account, tx.one(_HELD, of=account) or (0,) * len(UNITS))
    return {unit: a + b for unit, a, b in zip(UNITS, spent, held, strict=True)}


def used_s(tx: Transaction, account: str, *, but: str) -> float:
    """Sum the seconds that runs have worked and reserved, but for those of one reservation."""
    (worked,) = sound(account, tx.one(_WORKED, of=account) or (0.0,))
    (held,) = sound(account, tx.one(_HELD_TIME, of=account, but=but) or (0.0,))
    return float(worked + held)


def freed(tx: Transaction, account: str, now: datetime) -> bool:
    """Drop the reservations of workers that are gone; tells whether there were any."""
    gone = [id for id, holder, until in tx.all(_HOLDERS, of=account) if _is_gone(holder, until, now.timestamp())]
    for id in gone:
        drop(tx, id)
    return bool(gone)


def drop_freed(tx: Transaction, now: datetime) -> None:
    """Drop the reservations of all workers that are gone."""
    for account in {account for (account,) in tx.all(_HOLDING)}:
        freed(tx, account, now)


def _is_gone(holder: str, until: float, now: float) -> bool:
    if surely_alive(holder):
        return False
    return not alive(holder) or until + (_LONGEST_S if here(holder) else 0.0) < now
