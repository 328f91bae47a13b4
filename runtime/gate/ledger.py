"""The budget ledger: what is spent and what is reserved.

A run belongs to one process at a time (its thread is leased), so what it has reserved lies in memory, shared by its
parallel branches, and is gone with the process; what it has spent is written with the outcome that spent it. Reserve
before, settle after. Money is kept in whole nano-dollars.
"""

import threading
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from interlock.runtime.database import Database, Statement, Transaction, metadata
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Budget, Limit, Usage

NANO = Decimal(1_000_000_000)
UNITS = ("input_tokens", "output_tokens", "model_calls", "tool_calls", "nanos")
Amounts = dict[str, int]

accounts = Table(
    "accounts",
    metadata,
    Column("scope", Text, primary_key=True),
    *(Column(unit, Integer, nullable=False, server_default="0") for unit in UNITS),
    Column("unpriced", Integer, nullable=False, server_default="0"),  # calls whose price is not known
    Column("seconds", Float, nullable=False, server_default="0"),
)

_OPEN = Statement(upsert(accounts).values(scope=bindparam("scope")).on_conflict_do_nothing())
_SPENT = Statement(
    select(*(accounts.c[unit] for unit in (*UNITS, "unpriced", "seconds"))).where(accounts.c.scope == bindparam("of"))
)
_SHARED = Statement(select(accounts.c.scope).where(~accounts.c.scope.like("run %")).order_by(accounts.c.scope))
_CHARGE = Statement(
    update(accounts)
    .where(accounts.c.scope == bindparam("of"))
    .values(
        {unit: accounts.c[unit] + bindparam(f"more_{unit}") for unit in (*UNITS, "unpriced", "seconds")},
    )
)


class Ledger:
    """What every run has spent, kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, tx: Transaction, scope: str) -> None:
        """Make sure that the account exists."""
        tx.run(_OPEN, scope=scope)

    def charge(self, tx: Transaction, scope: str, used: Usage) -> None:
        """Add what was used."""
        more = {f"more_{unit}": amount for unit, amount in amounts_of(used).items()}
        tx.run(_CHARGE, of=scope, more_unpriced=int(used.usd is None), more_seconds=used.seconds, **more)

    def scopes(self) -> list[str]:
        """Name the accounts that runs share."""
        return [scope for (scope,) in self._database.read(_SHARED)]

    def usage(self, scope: str) -> Usage:
        """Tell what a scope has spent so far."""
        rows = self._database.read(_SPENT, of=scope)
        if not rows:
            return Usage()
        given, made, models, tools, nanos, unpriced, seconds = rows[0]
        return Usage(
            input_tokens=given,
            output_tokens=made,
            model_calls=models,
            tool_calls=tools,
            usd=None if unpriced else (Decimal(nanos) / NANO).normalize() + 0,
            seconds=seconds,
        )


@dataclass(kw_only=True)
class Purse:
    """What one run may still use: shared by its branches, opened from what the ledger says it has spent."""

    scope: str
    budget: Budget
    before: Usage
    shared: "Shared | None" = None
    """What it shares with other runs; None where its budget sets no such limits."""
    _used: Amounts = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._used = amounts_of(self.before)

    def reserve(self, wanted: Usage, *, for_s: float = 0.0) -> "Reserved":
        """Set `wanted` aside for so many seconds, or refuse.

        Raises:
            BudgetSpent: what is spent, reserved and wanted together passes a limit.
        """
        amounts = amounts_of(wanted)
        with self._lock:
            check(self.scope, self.budget, self._used, amounts)
            for unit, amount in amounts.items():
                self._used[unit] += amount
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

    def _replace(self, reserved: Amounts, used: Amounts) -> None:
        with self._lock:
            for unit in UNITS:
                self._used[unit] += used[unit] - reserved[unit]


@dataclass(frozen=True)
class Reserved:
    """What was set aside."""

    amounts: Amounts
    shared: str = ""
    """Id of the reservation in the shared ledger."""


class Shared(Protocol):
    """What a run shares with others."""

    def reserve(self, amounts: Amounts, for_s: float) -> str: ...

    def settle(self, id: str, used: Usage) -> None: ...


NOTHING: Amounts = dict.fromkeys(UNITS, 0)


def amounts_of(usage: Usage) -> Amounts:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "model_calls": usage.model_calls,
        "tool_calls": usage.tool_calls,
        "nanos": int((usage.usd * NANO).to_integral_value(ROUND_CEILING)) if usage.usd else 0,
    }


def check(scope: str, budget: Budget | Limit, used: Amounts, wanted: Amounts) -> None:
    """Refuse what would pass a limit.

    Raises:
        BudgetSpent: naming the limit.
    """
    for unit in ("model_calls", "tool_calls", "input_tokens", "output_tokens"):
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
