"""The budget ledger: what every run, and every scope that runs share, has spent. Money is in whole nano-dollars."""

from decimal import ROUND_CEILING, Decimal
from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, select, update

from interlock.runtime.errors import JournalBroken
from interlock.runtime.records import Usage
from interlock.runtime.storage.database import Database, Statement, Transaction, metadata, unless_there

NANO = Decimal(1_000_000_000)
COUNTED = ("steps", "model_calls", "tool_calls", "input_tokens", "output_tokens")
UNITS = (*COUNTED, "nanos")
Amounts = dict[str, int]

accounts = Table(
    "accounts",
    metadata,
    Column("scope", Text, primary_key=True),
    *(Column(unit, Integer, nullable=False, server_default="0") for unit in UNITS),
    Column("unpriced", Integer, nullable=False, server_default="0"),  # calls whose price is not known
    Column("seconds", Float, nullable=False, server_default="0"),
)

_OPEN = unless_there(accounts, scope=bindparam("scope"))
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
        *counted, nanos, unpriced, seconds = sound(scope, rows[0])
        return Usage(
            **dict(zip(COUNTED, counted, strict=True)),
            usd=None if unpriced else (Decimal(nanos) / NANO).normalize() + 0,
            seconds=seconds,
        )


def sound(account: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Let a row of amounts pass that can be true: a ledger that was changed must not let anybody spend more.

    Raises:
        JournalBroken: it cannot be.
    """
    for amount in row:
        if not isinstance(amount, int | float) or not 0 <= amount < float("inf"):
            raise JournalBroken(
                what=f"the ledger of {account!r} was changed: it holds {amount!r}; nothing is spent from it"
            )
    return row


NOTHING: Amounts = dict.fromkeys(UNITS, 0)


def amounts_of(usage: Usage) -> Amounts:
    return {
        **{unit: getattr(usage, unit) for unit in COUNTED},
        "nanos": int((usage.usd * NANO).to_integral_value(ROUND_CEILING)) if usage.usd else 0,
    }
