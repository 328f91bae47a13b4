"""The gate: the one passage for model calls, tool calls, memory access and replies.

label and decide, reserve, journal intent, do, validate, settle, journal outcome. The ports around it say what each of
these means for a model, a tool, the memory or a reply; the order is here, once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from interlock.runtime.checks import changed
from interlock.runtime.gate.backstop import Passage, passing
from interlock.runtime.gate.leases import keep, lasting
from interlock.runtime.gate.purse import Reserved
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.gate.stops import BudgetSpent, PolicyDenied
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Event, Noted, Refused
from interlock.runtime.ports import Policies, Request
from interlock.runtime.records import UNTRACED, Decision, Label, Origin, Usage
from interlock.runtime.storage.database import Transaction
from interlock.runtime.time_limits import TimeLimit

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
    """Whether intent and outcome must survive a power cut."""
    foretold: bool = True
    """Whether the intent is written before it is done; what neither changes nor tells the world anything can wait."""


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A call that may be done now."""

    at: datetime
    started: float
    reserved: Reserved


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets one agent's calls through."""

    home: Home
    policies: Policies

    def decide(
        self,
        run: OpenRun,
        action: str,
        arguments: dict[str, Any],
        label: Label,
        *,
        origin: Origin = UNTRACED,
        value: Any = None,
    ) -> Decision:
        """Ask the policies about a request of this run."""
        caller = run.caller
        if (version := self.policies.version) != run.policy_version:
            if run.policy_version:
                self.record(run, "policy", Noted(what="policy changed", facts={"version": version}))
            run.policy_version = version
        return self.policies.decide(
            Request(
                user=caller.user,
                tenant=caller.tenant,
                roles=caller.roles,
                agent=run.header["agent"],
                action=action,
                arguments=arguments,
                label=label,
                origin=origin,
                value=value,
            )
        )

    def require(
        self, run: OpenRun, at: str, action: str, arguments: dict[str, Any], label: Label, *, changes: bool = False
    ) -> Decision:
        """Decide on something without which the run cannot go on.

        Args:
            changes: whether what a policy changes goes on as changed. If not, it may not go on where that would matter.

        Raises:
            PolicyDenied: it is not allowed.
        """
        decision = self.decide(run, action, arguments, label)
        as_it_is = changes or not decision.changes or changed(arguments, decision.changes) == arguments
        if decision.outcome in ("allow", "transform") and as_it_is:
            return decision
        self.refuse(run, at, Refused(action=action, decision=decision, code="denied", request=arguments, label=label))
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
        wanted_s = call.limit_s + _GRACE_S
        limit_s = run.time_for(wanted_s, self.home.clock.monotonic())
        begun = self._begin(run, call, limit_s)
        result: T | None = None
        error: BaseException | None = None
        try:
            with passing(call.passage):
                async with TimeLimit(self._left(run, begun, limit_s)):
                    result = await call.do()
            return result
        except BaseException as caught:
            error = caught
            if isinstance(caught, TimeoutError) and limit_s < wanted_s:
                raise self._out_of_time(run) from caught
            raise
        finally:
            self._end(run, call, begun, result, error)

    def _begin(self, run: OpenRun, call: Call[T], limit_s: float) -> "_Begun":
        clock, now = self.home.clock, self.home.clock.now()
        reserved: Reserved | None = None
        try:
            if not call.foretold:
                reserved = run.purse.reserve(call.wanted(), for_s=limit_s)
                return _Begun(at=now, started=clock.monotonic(), reserved=reserved)
            with self.home.database.transaction(durable=call.durable) as tx:
                if call.durable or not lasting(run.lease, clock, limit_s):
                    keep(tx, run.lease, clock, limit_s + _GRACE_S)
                event = call.intended(tx)
                reserved = run.purse.reserve(call.wanted(), for_s=limit_s)
                self.home.journal.append(tx, run.scope, run.place(call.at), event)
            return _Begun(at=now, started=clock.monotonic(), reserved=reserved)
        except BaseException:
            if reserved is not None:
                run.purse.settle(reserved, Usage())
            raise

    def _end(self, run: OpenRun, call: Call[T], begun: "_Begun", result: T | None, error: BaseException | None) -> None:
        ms = (self.home.clock.monotonic() - begun.started) * 1000
        used = call.used(result)
        run.purse.settle(begun.reserved, used)
        with self.home.database.transaction(durable=call.durable) as tx:
            place = run.place(call.at)
            if not call.foretold:
                self.home.journal.append(tx, run.scope, place, call.intended(tx), at=begun.at)
            run.purse.charge(tx, self.home.ledger, used)
            event = call.done(tx, result, ms) if error is None else call.failed(tx, error, ms)  # type: ignore[arg-type]  # no error means a result
            self.home.journal.append(tx, run.scope, place, event)

    def _left(self, run: OpenRun, begun: "_Begun", limit_s: float) -> Callable[[], float]:
        """Make what tells how long a call may still take: it pays for nothing that is opened meanwhile."""
        clock = self.home.clock
        opened = run.openings.seconds(begun.started)

        def left_s() -> float:
            now = clock.monotonic()
            return begun.started + limit_s + run.openings.seconds(now) - opened - now

        return left_s

    def _out_of_time(self, run: OpenRun) -> BudgetSpent:
        """Make the error of a call whose time was cut short by a limit, which is up now."""
        try:
            run.time_for(0.001, self.home.clock.monotonic())
        except BudgetSpent as error:
            return error
        return run.out_of_time(self.home.clock.monotonic())
