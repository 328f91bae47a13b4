"""The budget ledger: what is spent and what is reserved.

A run belongs to one process at a time (its thread is leased), so what it has reserved lies in memory, shared by its
parallel branches, and is gone with the process; what it has spent is written with the outcome that spent it. Reserve
before, settle after. Money is kept in whole nano-dollars.
"""

import threading
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from interlock.runtime.database import Database, Statement, Transaction, metadata
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Budget, Usage

NANO = Decimal(1_000_000_000)
_UNITS = ("input_tokens", "output_tokens", "model_calls", "tool_calls", "nanos")
Amounts = dict[str, int]

accounts = Table(
    "accounts",
    metadata,
    Column("scope", Text, primary_key=True),
    *(Column(unit, Integer, nullable=False, server_default="0") for unit in _UNITS),
    Column("unpriced", Integer, nullable=False, server_default="0"),  # calls whose price is not known
    Column("seconds", Float, nullable=False, server_default="0"),
)

_OPEN = Statement(upsert(accounts).values(scope=bindparam("scope")).on_conflict_do_nothing())
_SPENT = Statement(
    select(*(accounts.c[unit] for unit in (*_UNITS, "unpriced", "seconds"))).where(accounts.c.scope == bindparam("of"))
)
_CHARGE = Statement(
    update(accounts)
    .where(accounts.c.scope == bindparam("of"))
    .values(
        {unit: accounts.c[unit] + bindparam(f"more_{unit}") for unit in (*_UNITS, "unpriced", "seconds")},
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
        more = {f"more_{unit}": amount for unit, amount in _amounts(used).items()}
        tx.run(_CHARGE, of=scope, more_unpriced=int(used.usd is None), more_seconds=used.seconds, **more)

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
    _used: Amounts = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._used = _amounts(self.before)

    def reserve(self, wanted: Usage) -> Amounts:
        """Set `wanted` aside, or refuse.

        Raises:
            BudgetSpent: what is spent, reserved and wanted together passes a limit.
        """
        amounts = _amounts(wanted)
        with self._lock:
            _check(self.scope, self.budget, self._used, amounts)
            for unit, amount in amounts.items():
                self._used[unit] += amount
        return amounts

    def settle(self, reserved: Amounts, used: Usage) -> None:
        """Replace what was set aside by what was used."""
        amounts = _amounts(used)
        with self._lock:
            for unit in _UNITS:
                self._used[unit] += amounts[unit] - reserved[unit]


def _amounts(usage: Usage) -> Amounts:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "model_calls": usage.model_calls,
        "tool_calls": usage.tool_calls,
        "nanos": int((usage.usd * NANO).to_integral_value(ROUND_CEILING)) if usage.usd else 0,
    }


def _check(scope: str, budget: Budget, used: Amounts, wanted: Amounts) -> None:
    for unit, limit in (("model_calls", budget.model_calls), ("tool_calls", budget.tool_calls)):
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
