"""What one run may still use.

A run belongs to one process at a time (its thread is leased), so what it has reserved lies in memory, shared by its
parallel branches and by the runs that go on inside it, and is gone with the process; what it has spent is written with
the outcome that spent it. Reserve before, settle after.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from interlock.runtime.gate.ledger import COUNTED, NANO, NOTHING, UNITS, Amounts, Ledger, amounts_of
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Budget, Limit, Usage
from interlock.runtime.storage.database import Transaction

if TYPE_CHECKING:
    from interlock.runtime.gate.shared import SharedPurse

_STEP = amounts_of(Usage(steps=1))


@dataclass(kw_only=True)
class Purse:
    """What one run may still use: shared by its branches, opened from what the ledger says it has spent."""

    scope: str
    budget: Budget
    before: Usage
    shared: "SharedPurse | None" = None
    """What it shares with other runs; None where no budget sets such limits."""
    parent: "Purse | None" = None
    """Of the run inside which this one goes on: what this one uses, that one uses too."""
    _used: Amounts = field(init=False)
    _unsaved: int = field(default=0, init=False)
    """Steps that the ledger has not been told of."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._used = amounts_of(self.before)

    @property
    def line(self) -> "Iterator[Purse]":
        """Give this purse, and those of the runs that it is part of."""
        here: Purse | None = self
        while here is not None:
            yield here
            here = here.parent

    @property
    def shares_time(self) -> bool:
        """Whether other runs work on the same time."""
        return self.shared is not None and any(limit.seconds is not None for limit in self.shared.limits)

    def reserve(self, wanted: Usage, *, for_s: float = 0.0) -> "Reserved":
        """Set `wanted` aside for so many seconds, or refuse.

        Raises:
            BudgetSpent: what is spent, reserved and wanted together passes a limit.
        """
        amounts = amounts_of(wanted)
        self._take(amounts)
        if self.shared is None:
            return Reserved(amounts)
        try:
            return Reserved(amounts, self.shared.reserve(amounts, for_s))
        except BaseException:
            self._replace(amounts, NOTHING)
            raise

    def settle(self, reserved: "Reserved", used: Usage) -> None:
        """Replace what was set aside by what was used."""
        self._replace(reserved.amounts, amounts_of(used))
        if self.shared is not None:
            self.shared.settle(reserved.shared, used)

    def step(self) -> None:
        """Count one step. The ledger is told with the next outcome.

        Raises:
            BudgetSpent: it would be one too many.
        """
        self._take(_STEP)
        try:
            if self.shared is not None:
                self.shared.step()
        except BaseException:
            self._replace(_STEP, NOTHING)
            raise
        for purse in self.line:
            with purse._lock:
                purse._unsaved += 1

    def charge(self, tx: Transaction, ledger: Ledger, used: Usage) -> None:
        """Tell the ledger what this run, and the runs that it is part of, have used."""
        for purse in self.line:
            with purse._lock:
                steps, purse._unsaved = purse._unsaved, 0
            ledger.charge(tx, purse.scope, used.model_copy(update={"steps": steps}) if steps else used)

    def share(self) -> float:
        """Tell which share of its scarcest limit, time aside, is spent or reserved."""
        return max(_share(purse.budget, purse._used) for purse in self.line)

    def _take(self, amounts: Amounts) -> None:
        """Set amounts aside here and in the runs that this one is part of, or nowhere."""
        with self._lock:
            check(self.scope, self.budget, self._used, amounts)
            self._change(NOTHING, amounts)
        if self.parent is None:
            return
        try:
            self.parent._take(amounts)
        except BudgetSpent:
            with self._lock:
                self._change(amounts, NOTHING)
            raise

    def _replace(self, reserved: Amounts, used: Amounts) -> None:
        for purse in self.line:
            with purse._lock:
                purse._change(reserved, used)

    def _change(self, reserved: Amounts, used: Amounts) -> None:
        for unit in UNITS:
            self._used[unit] += used[unit] - reserved[unit]


@dataclass(frozen=True)
class Reserved:
    """What was set aside."""

    amounts: Amounts
    shared: str = ""
    """Id of the reservation in the shared ledger."""


def check(scope: str, budget: Budget | Limit, used: Amounts, wanted: Amounts) -> None:
    """Refuse what would pass a limit.

    Raises:
        BudgetSpent: naming the limit.
    """
    for unit in COUNTED:
        limit: int | None = getattr(budget, unit)
        if limit is not None and wanted[unit] and used[unit] + wanted[unit] > limit:
            raise _spent(scope, unit, Decimal(limit), Decimal(used[unit]), Decimal(wanted[unit]))
    if budget.tokens is not None:
        tokens, needed = (of["input_tokens"] + of["output_tokens"] for of in (used, wanted))
        if needed and tokens + needed > budget.tokens:
            raise _spent(scope, "tokens", Decimal(budget.tokens), Decimal(tokens), Decimal(needed))
    if budget.usd is not None and wanted["nanos"] and used["nanos"] + wanted["nanos"] > budget.usd * NANO:
        raise _spent(scope, "usd", budget.usd, used["nanos"] / NANO, wanted["nanos"] / NANO)


def _spent(scope: str, unit: str, limit: Decimal, spent: Decimal, needed: Decimal) -> BudgetSpent:
    return BudgetSpent(scope=scope, unit=unit, limit=limit, spent=spent, needed=needed)


def _share(budget: Budget, used: Amounts) -> float:
    spent = [(used[unit], getattr(budget, unit)) for unit in COUNTED]
    spent.append((used["input_tokens"] + used["output_tokens"], budget.tokens))
    spent.append((used["nanos"], None if budget.usd is None else budget.usd * NANO))
    return max(
        (float(amount / limit) if limit else float(amount > 0) for amount, limit in spent if limit is not None),
        default=0.0,
    )
