"""The gate: the one passage for model calls, tool calls, memory access and replies.

label and decide, reserve, journal intent, do, validate, settle, journal outcome. The ports around it say what each of
these means for a model, a tool, the memory or a reply; the order is here, once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from interlock.runtime.database import Transaction
from interlock.runtime.gate.backstop import Passage, passing
from interlock.runtime.gate.leases import keep
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.gate.stops import BudgetSpent, PolicyDenied
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Event, Refused
from interlock.runtime.ports import Policies, Request
from interlock.runtime.records import Decision, Label, Usage

T = TypeVar("T")

_GRACE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """One thing to be done, and how it is put on record."""

    at: str
    passage: Passage
    do: Callable[[], Awaitable[T]]
    """Does it, and validates the result."""
    intended: Callable[[Transaction], Event]
    done: Callable[[Transaction, T, float], Event]
    """Makes the outcome's event; milliseconds are given."""
    failed: Callable[[Transaction, BaseException, float], Event]
    used: Callable[[T | None], Usage]
    """What it used; None where it failed."""
    wanted: Callable[[], Usage] = Usage
    """What is to be reserved. Asked after `intended`."""
    limit_s: float = 60.0
    durable: bool = False
    """Whether the intent must survive a power cut."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets one agent's calls through."""

    home: Home
    policies: Policies

    def decide(self, run: OpenRun, action: str, arguments: dict[str, Any], label: Label) -> Decision:
        """Ask the policies about a request of this run."""
        caller = run.caller
        return self.policies.decide(
            Request(
                user=caller.user,
                tenant=caller.tenant,
                roles=caller.roles,
                agent=run.header["agent"],
                action=action,
                arguments=arguments,
                label=label,
            )  # fmt: skip
        )

    def require(self, run: OpenRun, at: str, action: str, arguments: dict[str, Any], label: Label) -> Decision:
        """Decide on something without which the run cannot go on.

        Raises:
            PolicyDenied: it is not allowed.
        """
        decision = self.decide(run, action, arguments, label)
        if decision.outcome == "allow":
            return decision
        self.refuse(run, at, Refused(action=action, decision=decision, code="denied", request=arguments))
        raise PolicyDenied(action=action, decision=decision)

    def refuse(self, run: OpenRun, at: str, event: Event) -> None:
        """Put a refusal on record."""
        self.record(run, at, event)

    def record(self, run: OpenRun, at: str, *events: Event) -> None:
        """Put events on record that have no intent and no effect of their own."""
        with self.home.database.transaction() as tx:
            for event in events:
                self.home.journal.append(tx, run.scope, run.place(at), event)

    async def pass_through(self, run: OpenRun, call: Call[T]) -> T:
        """Reserve, journal the intent, do it, settle, and journal the outcome.

        Raises:
            BudgetSpent: a limit would be passed; nothing was done.
            LeaseLost: another worker holds the thread; nothing was done.
            JournalBroken: the intent could not be written; nothing was done.
        """
        clock = self.home.clock
        left_s = self._seconds_left(run)
        limit_s = min(call.limit_s + _GRACE_S, left_s)
        with self.home.database.transaction(durable=call.durable) as tx:
            now = clock.now()
            keep(tx, run.lease, now, limit_s + _GRACE_S)
            self.home.journal.append(tx, run.scope, run.place(call.at), call.intended(tx))
            reserved = self.home.ledger.reserve(
                tx, run.account, run.budget, call.wanted(), id=clock.new_id(), now=now, lease_s=limit_s + _GRACE_S
            )
        started = clock.monotonic()
        result: T | None = None
        error: BaseException | None = None
        try:
            with passing(call.passage):
                async with asyncio.timeout(limit_s):
                    result = await call.do()
            return result
        except BaseException as caught:
            error = caught
            if isinstance(caught, TimeoutError) and limit_s >= left_s:
                raise self._out_of_time(run) from caught
            raise
        finally:
            ms = (clock.monotonic() - started) * 1000
            with self.home.database.transaction(durable=call.durable) as tx:
                self.home.ledger.settle(tx, reserved, call.used(result))
                event = call.done(tx, result, ms) if error is None else call.failed(tx, error, ms)  # type: ignore[arg-type]  # no error means a result
                self.home.journal.append(tx, run.scope, run.place(call.at), event)

    def _seconds_left(self, run: OpenRun) -> float:
        left = run.budget.seconds - run.seconds_before - (self.home.clock.monotonic() - run.opened_at)
        if left <= 0:
            raise self._out_of_time(run)
        return left

    def _out_of_time(self, run: OpenRun) -> BudgetSpent:
        spent = run.seconds_before + self.home.clock.monotonic() - run.opened_at
        return BudgetSpent(
            scope=run.account,
            unit="seconds",
            limit=Decimal(str(run.budget.seconds)),
            spent=Decimal(f"{spent:.3f}"),
            needed=Decimal(0),
        )
