"""Guards are wrappers around a tool's run, each of which is the run it wraps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from interlock.runtime.clock import Clock, SystemClock
from interlock.runtime.contract import ToolContract
from interlock.runtime.ports import Tool
from interlock.runtime.records import ToolContext
from interlock.tools.guards.breaker import Breaker
from interlock.tools.guards.cache import Cache
from interlock.tools.guards.fallback import Fallback, check_fallback
from interlock.tools.guards.limits import Concurrency, Rate, rate_of
from interlock.tools.pauses import longest_pause_s
from interlock.tools.places import Place

Run = Callable[[dict[str, Any], ToolContext], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Guards:
    """What a tool declares beside its contract. All of it holds within one process."""

    cache_s: float = 0.0
    """Seconds for which a result may be given again; 0: never."""
    shared: Literal["user", "everyone"] = "user"
    """Whose cached results are given to whom."""
    rate: str = ""
    """Calls in a time, as in `10/s`, `100/m` or `1000/h`; empty: no limit."""
    concurrency: int = 0
    """Calls at the same time; 0: no limit."""
    breaker: int = 0
    """Failures in a row after which it is left alone for a while; 0: never."""
    pause_s: float = 30.0
    """How long it is left alone."""
    fallback: Tool | None = None
    """Who is asked instead when it fails without having done anything."""

    def check(self, contract: ToolContract, place: Place, *, takes_context: bool) -> None:
        """Refuse what cannot be kept.

        Raises:
            ContractBroken: naming the guard.
        """
        if min(self.cache_s, self.concurrency, self.breaker) < 0 or not self.pause_s > 0:
            raise place.broken("a guard is below 0", "give 0 for none, and a pause above 0")
        if self.cache_s and not contract.read_only:
            raise place.broken("its results are cached, but it is not read_only", "drop cache_s, or say that it is")
        if self.cache_s and self.shared == "everyone" and takes_context:
            raise place.broken("it is told who asks, and shares its results with everyone", 'use shared="user"')
        if self.rate and rate_of(self.rate) is None:
            raise place.broken(f"rate is {self.rate!r}", "write it as in rate='10/s', with s, m or h")
        if self.fallback is not None:
            check_fallback(contract, self.fallback, place)

    def longest_s(self, timeout_s: float, retries: int) -> float:
        """Tell how long a call may take with all that belongs to it: no longer than the gate waits for it."""
        turns = timeout_s * (bool(self.rate) + bool(self.concurrency))
        second = 0.0 if self.fallback is None else self.fallback.contract.whole_s
        return turns + timeout_s * (retries + 1) + sum(map(longest_pause_s, range(retries))) + second

    def around(self, run: Run, contract: ToolContract, clock: Clock) -> Run:
        """Put the declared guards around a run: cache first, so that a hit costs nothing."""
        if self.concurrency:
            run = Concurrency(run, contract, self.concurrency)
        if rate := rate_of(self.rate):
            run = Rate(run, contract, clock, rate)
        if self.breaker:
            run = Breaker(run, contract, clock, failures=self.breaker, pause_s=self.pause_s)
        if self.fallback is not None:
            run = Fallback(run, self.fallback)
        if self.cache_s:
            run = Cache(run, contract, clock, seconds=self.cache_s, shared=self.shared)
        return run


class Guarded:
    """Any tool, with guards around it. Is a tool itself (ports.Tool)."""

    def __init__(self, inner: Tool, guards: Guards, clock: Clock) -> None:
        self.inner = inner
        self.guards = guards
        self._run = guards.around(inner.run, inner.contract, clock)
        longest_s = guards.longest_s(inner.contract.timeout_s, inner.contract.retries)
        self._contract = replace(inner.contract, limit_s=longest_s)

    @property
    def contract(self) -> ToolContract:
        return self._contract

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self.inner.check(arguments)

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        return await self._run(arguments, context)


def guarded(inner: Tool, guards: Guards, *, clock: Clock | None = None) -> Guarded:
    """Put guards around a tool that was not made by `@tool`.

    Raises:
        ContractBroken: a guard cannot be kept.
    """
    guards.check(inner.contract, Place(name=inner.contract.name, where="guarded"), takes_context=True)
    return Guarded(inner, guards, clock or SystemClock())
