"""Limits that many runs share: one ledger for all processes (see `reservations`)."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from interlock.runtime.clock import Clock
from interlock.runtime.gate import reservations
from interlock.runtime.gate.ledger import Amounts, Ledger, amounts_of
from interlock.runtime.gate.purse import check
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Caller, Limit, Usage
from interlock.runtime.storage.database import Database, Transaction

_STEP = Usage(steps=1)


@dataclass(kw_only=True)
class SharedPurse:
    """What one run may use of limits that it shares."""

    database: Database
    ledger: Ledger
    clock: Clock
    holder: str
    caller: Caller
    thread: str
    limits: tuple[Limit, ...]
    outer: "SharedPurse | None" = None
    """Of the run inside which this one goes on. An account that both name is charged once."""
    _time: str = field(init=False)
    """Id of the reservation of the run's time."""
    _covered_s: float = field(default=0.0, init=False)
    """How long the run may work by that reservation."""
    _open: dict[str, list[str]] = field(default_factory=dict[str, list[str]], init=False)
    """Accounts by reservation: it is settled where it was made, also after midnight."""

    def __post_init__(self) -> None:
        self._time = self.clock.new_id()

    def reserve(self, amounts: Amounts, for_s: float) -> str:
        """Set amounts aside in every scope, or in none.

        Raises:
            BudgetSpent: with what is spent and reserved by all, a limit would be passed.
        """
        now, id = self.clock.now(), self.clock.new_id()
        scopes = self._scopes(now)
        with self.database.transaction() as tx:
            for account, limit in scopes:
                _admit(tx, account, limit, amounts, now)
            for account in (names := _names(scopes)):
                reservations.hold(tx, id, account, self.holder, now, for_s, amounts=amounts)
        self._open[id] = names
        return id

    def settle(self, id: str, used: Usage) -> None:
        """Replace what was set aside by what was used."""
        with self.database.transaction() as tx:
            reservations.drop(tx, id)
            self._charge(tx, self._open.pop(id, []), used)

    def step(self) -> None:
        """Count one step in every scope, or in none.

        Raises:
            BudgetSpent: it would be one too many in one of them.
        """
        now = self.clock.now()
        scopes = self._scopes(now)
        with self.database.transaction() as tx:
            for account, limit in scopes:
                _admit(tx, account, limit, amounts_of(_STEP), now)
            self._charge(tx, _names(scopes), _STEP)

    def cover(self, worked_s: float, for_s: float) -> float:
        """Reserve the time that the run has worked and what it is about to work, as far as there is any.

        Args:
            worked_s: seconds since the run was opened here.
            for_s: seconds that it asks for.

        Returns:
            the seconds that it may take.

        Raises:
            BudgetSpent: there are none left.
        """
        now = self.clock.now()
        timed = [(account, limit) for account, limit in self._own(now) if limit.seconds is not None]
        if not timed:
            return for_s
        with self.database.transaction() as tx:
            granted = min(for_s, *(self._seconds_left(tx, account, limit, worked_s, now) for account, limit in timed))
            self._covered_s = max(self._covered_s, worked_s + granted)  # another call may be at it for longer
            reservations.drop(tx, self._time)
            for account in _names(timed):
                reservations.hold(tx, self._time, account, self.holder, now, granted, seconds=self._covered_s)
        return granted

    def worked(self, seconds: float) -> None:
        """Charge the time that the run has worked since it was opened here."""
        with self.database.transaction() as tx:
            reservations.drop(tx, self._time)
            self._charge(tx, _names(self._own(self.clock.now())), Usage(seconds=seconds))

    def _scopes(self, now: datetime) -> list[tuple[str, Limit]]:
        """Name the accounts that a call is charged to, those of the runs around this one included."""
        around = self.outer._scopes(now) if self.outer else []
        return [*((account_of(limit, self.caller, self.thread, now), limit) for limit in self.limits), *around]

    def _own(self, now: datetime) -> list[tuple[str, Limit]]:
        """Name the accounts that no run around this one has: time that passes in both passes once."""
        around = set(_names(self.outer._scopes(now))) if self.outer else set[str]()
        return [(account, limit) for account, limit in self._scopes(now) if account not in around]

    def _seconds_left(self, tx: Transaction, account: str, limit: Limit, worked_s: float, now: datetime) -> float:
        most = limit.seconds or 0.0
        if (left := most - worked_s - reservations.used_s(tx, account, but=self._time)) > 0:
            return left
        if reservations.freed(tx, account, now):
            return self._seconds_left(tx, account, limit, worked_s, now)
        spent = Decimal(f"{most - left:.3f}")
        raise BudgetSpent(scope=account, unit="seconds", limit=Decimal(str(most)), spent=spent, needed=Decimal(0))

    def _charge(self, tx: Transaction, names: list[str], used: Usage) -> None:
        for account in names:
            self.ledger.open(tx, account)
            self.ledger.charge(tx, account, used)


def account_of(limit: Limit, caller: Caller, thread: str, now: datetime) -> str:
    """Name the account of a scope: tenant, user or thread, and the day or month in UTC."""
    owner = {"tenant": [caller.tenant], "user": [caller.tenant, caller.user], "thread": [thread]}[limit.scope]
    period = {"ever": "", "day": f" {now:%Y-%m-%d}", "month": f" {now:%Y-%m}"}[limit.per]
    return f"{limit.scope} {json.dumps(owner)}{period}"  # quoted, so that no name can look like another


def _names(scopes: list[tuple[str, Limit]]) -> list[str]:
    return sorted({account for account, _limit in scopes})


def _admit(tx: Transaction, account: str, limit: Limit, amounts: Amounts, now: datetime) -> None:
    try:
        check(account, limit, reservations.used(tx, account), amounts)
    except BudgetSpent:
        if not reservations.freed(tx, account, now):
            raise
        check(account, limit, reservations.used(tx, account), amounts)
