"""Limits that many runs share: one ledger for all processes, with reservations that outlive no crash.

A reservation is a row; what is spent and all that is reserved is summed where the next one is made, in one transaction.
Those of workers that are dead count no more, and those of workers elsewhere until their time is over.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Column, Float, Index, Integer, Table, Text, bindparam, delete, func, insert, select

from interlock.runtime.clock import Clock
from interlock.runtime.database import Database, Statement, Transaction, metadata
from interlock.runtime.gate.leases import alive, here
from interlock.runtime.gate.ledger import UNITS, Amounts, Ledger, accounts, check
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Caller, Limit, Usage

_MARGIN_S = 30.0
_LONGEST_S = 3600.0
"""After which even a worker on this machine that seems to live has lost what it reserved: its id may be another's."""

reservations = Table(
    "reservations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Float, nullable=False),
    *(Column(unit, Integer, nullable=False) for unit in UNITS),
    Index("reservations_by_scope", "scope"),
)

_SPENT = Statement(select(*(accounts.c[unit] for unit in UNITS)).where(accounts.c.scope == bindparam("of")))
_HELD = Statement(
    select(*(func.coalesce(func.sum(reservations.c[unit]), 0) for unit in UNITS)).where(
        reservations.c.scope == bindparam("of")
    )
)
_HOLDERS = Statement(
    select(reservations.c.id, reservations.c.holder, reservations.c.until).where(
        reservations.c.scope == bindparam("of")
    )
)
_ADD = Statement(insert(reservations))
_DROP = Statement(delete(reservations).where(reservations.c.id == bindparam("of")))


@dataclass(kw_only=True)
class SharedPurse:
    """What one run may use of limits that it shares (ledger.Shared)."""

    database: Database
    ledger: Ledger
    clock: Clock
    holder: str
    caller: Caller
    thread: str
    limits: tuple[Limit, ...]
    _open: dict[str, list[str]] = field(default_factory=dict[str, list[str]], init=False)
    """Accounts by reservation: it is settled where it was made, also after midnight."""

    def reserve(self, amounts: Amounts, for_s: float) -> str:
        """Set amounts aside in every scope, or in none.

        Raises:
            BudgetSpent: with what is spent and reserved by all, a limit would be passed.
        """
        now = self.clock.now()
        id = self.clock.new_id()
        scopes = [(account_of(limit, self.caller, self.thread, now), limit) for limit in self.limits]
        with self.database.transaction() as tx:
            for account, limit in scopes:
                self._admit(tx, account, limit, amounts, now)
            for account in (names := sorted({account for account, _ in scopes})):
                until = now.timestamp() + for_s + _MARGIN_S
                tx.run(_ADD, id=id, scope=account, holder=self.holder, until=until, **amounts)
        self._open[id] = names
        return id

    def settle(self, id: str, used: Usage) -> None:
        """Replace what was set aside by what was used."""
        with self.database.transaction() as tx:
            tx.run(_DROP, of=id)
            for account in self._open.pop(id, ()):
                self.ledger.open(tx, account)
                self.ledger.charge(tx, account, used)

    def _admit(self, tx: Transaction, account: str, limit: Limit, amounts: Amounts, now: datetime) -> None:
        try:
            check(account, limit, _used(tx, account), amounts)
        except BudgetSpent:
            if not _freed(tx, account, now):
                raise
            check(account, limit, _used(tx, account), amounts)


def account_of(limit: Limit, caller: Caller, thread: str, now: datetime) -> str:
    """Name the account of a scope: tenant, user or thread, and the day or month in UTC."""
    owner = {"tenant": [caller.tenant], "user": [caller.tenant, caller.user], "thread": [thread]}[limit.scope]
    period = {"ever": "", "day": f" {now:%Y-%m-%d}", "month": f" {now:%Y-%m}"}[limit.per]
    return f"{limit.scope} {json.dumps(owner)}{period}"  # quoted, so that no name can look like another


def _used(tx: Transaction, account: str) -> Amounts:
    """Sum what is spent and what is reserved."""
    spent = tx.one(_SPENT, of=account) or (0,) * len(UNITS)
    held = tx.one(_HELD, of=account) or (0,) * len(UNITS)
    return {unit: a + b for unit, a, b in zip(UNITS, spent, held, strict=True)}


def _freed(tx: Transaction, account: str, now: datetime) -> bool:
    """Drop the reservations of workers that are gone; tells whether there were any."""
    gone = [id for id, holder, until in tx.all(_HOLDERS, of=account) if _is_gone(holder, until, now.timestamp())]
    for id in gone:
        tx.run(_DROP, of=id)
    return bool(gone)


def _is_gone(holder: str, until: float, now: float) -> bool:
    return not alive(holder) or until + (_LONGEST_S if here(holder) else 0.0) < now
