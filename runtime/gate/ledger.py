"""The budget ledger: what is spent and what is reserved, shared by all branches and processes that use one home.

Reserve before, settle after. Money is kept in whole nano-dollars.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Column, Float, Integer, Table, Text, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from interlock.runtime.database import Database, Statement, Transaction, metadata
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.records import Budget, Usage

NANO = Decimal(1_000_000_000)
_UNITS = ("input_tokens", "output_tokens", "model_calls", "tool_calls", "nanos")

accounts = Table(
    "accounts",
    metadata,
    Column("scope", Text, primary_key=True),
    *(Column(unit, Integer, nullable=False, server_default="0") for unit in _UNITS),
    Column("unpriced", Integer, nullable=False, server_default="0"),  # calls whose price is not known
    Column("seconds", Float, nullable=False, server_default="0"),
)
reservations = Table(
    "reservations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("scope", Text, nullable=False, index=True),
    *(Column(unit, Integer, nullable=False) for unit in _UNITS),
    Column("until", Float, nullable=False),
)

_OPEN = Statement(upsert(accounts).values(scope=bindparam("scope")).on_conflict_do_nothing())
_SPENT = Statement(
    select(*(accounts.c[unit] for unit in (*_UNITS, "unpriced", "seconds"))).where(accounts.c.scope == bindparam("of"))
)
_HELD = Statement(
    select(*(func.coalesce(func.sum(reservations.c[unit]), 0) for unit in _UNITS)).where(
        reservations.c.scope == bindparam("of"), reservations.c.until > bindparam("now")
    )
)
_HOLD = Statement(insert(reservations))
_FREE = Statement(delete(reservations).where(reservations.c.id == bindparam("of")))
_CHARGE = Statement(
    update(accounts)
    .where(accounts.c.scope == bindparam("of"))
    .values(
        {unit: accounts.c[unit] + bindparam(f"more_{unit}") for unit in (*_UNITS, "unpriced", "seconds")},
    )
)


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Something set aside in one scope until it is settled."""

    id: str
    scope: str


class Ledger:
    """Accounts by scope. All methods but `usage` work inside the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, tx: Transaction, scope: str) -> None:
        """Make sure that the account exists."""
        tx.run(_OPEN, scope=scope)

    def reserve(
        self, tx: Transaction, scope: str, budget: Budget, wanted: Usage, *, id: str, now: datetime, lease_s: float
    ) -> Reservation:
        """Set `wanted` aside, or refuse.

        Args:
            id: a fresh name for the reservation.
            lease_s: seconds after which a crash has freed it.

        Raises:
            BudgetSpent: what is spent, reserved and wanted together passes a limit.
        """
        at = now.timestamp()
        spent, held = tx.one(_SPENT, of=scope), tx.one(_HELD, of=scope, now=at)
        assert spent is not None and held is not None  # noqa: S101, PT018  # `open` made the row; a sum has one row
        used = dict(zip(_UNITS, (s + h for s, h in zip(spent, held, strict=False)), strict=True))
        amounts = _amounts(wanted)
        _check(scope, budget, used, amounts)
        tx.run(_HOLD, id=id, scope=scope, until=at + lease_s, **amounts)
        return Reservation(id=id, scope=scope)

    def settle(self, tx: Transaction, reservation: Reservation, used: Usage) -> None:
        """Replace a reservation by what was really used."""
        tx.run(_FREE, of=reservation.id)
        self.charge(tx, reservation.scope, used)

    def charge(self, tx: Transaction, scope: str, used: Usage) -> None:
        """Add what was used, without a reservation."""
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


def _amounts(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "model_calls": usage.model_calls,
        "tool_calls": usage.tool_calls,
        "nanos": int(((usage.usd or 0) * NANO).to_integral_value(ROUND_CEILING)) if usage.usd else 0,
    }


def _check(scope: str, budget: Budget, used: dict[str, int], wanted: dict[str, int]) -> None:
    def tokens(of: dict[str, int]) -> int:
        return of["input_tokens"] + of["output_tokens"]

    for unit, limit, spent, needed in (
        ("tokens", budget.tokens, tokens(used), tokens(wanted)),
        ("model_calls", budget.model_calls, used["model_calls"], wanted["model_calls"]),
        ("tool_calls", budget.tool_calls, used["tool_calls"], wanted["tool_calls"]),
        ("usd", budget.usd, Decimal(used["nanos"]) / NANO, Decimal(wanted["nanos"]) / NANO),
    ):
        if limit is not None and needed and spent + needed > limit:
            raise BudgetSpent(
                scope=scope, unit=unit, limit=Decimal(limit), spent=Decimal(spent), needed=Decimal(needed)
            )
