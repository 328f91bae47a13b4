"""How often, and how often at once, a tool may be called. A call waits its turn for as long as the tool may take."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakKeyDictionary

from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ToolFailed
from interlock.runtime.records import ToolContext

_RATE: Final = re.compile(r"([1-9]\d*)/([smh])")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def rate_of(text: str) -> tuple[int, float] | None:
    """Read `10/s` as 10 calls in 1.0 seconds; None where it is no rate."""
    match = _RATE.fullmatch(text)
    return (int(match[1]), _SECONDS[match[2]]) if match else None


class Rate:
    """So many calls in any stretch of time: a call that comes too early waits."""

    def __init__(
        self,
        run: Callable[[dict[str, Any], ToolContext], Awaitable[Any]],
        contract: ToolContract,
        clock: Clock,
        rate: tuple[int, float],
    ) -> None:
        self._run, self._contract, self._clock = run, contract, clock
        self._calls, self._seconds = rate
        self._starts: list[float] = []
        """When each of the last calls was let through, oldest first; some may lie ahead."""

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        now = self._clock.monotonic()
        turn = max(now, self._starts[0] + self._seconds) if len(self._starts) == self._calls else now
        wait = turn - now
        if wait > self._contract.timeout_s:
            reason = f"no more than {self._calls} calls in {self._seconds:g} s are allowed; try again in {wait:.0f} s"
            raise ToolFailed(tool=self._contract.name, reason=reason)
        self._starts = [*self._starts, turn][-self._calls :]
        if wait > 0:
            await self._clock.sleep(wait)
        return await self._run(arguments, context)


class Concurrency:
    """So many calls at the same time, in one event loop."""

    def __init__(
        self, run: Callable[[dict[str, Any], ToolContext], Awaitable[Any]], contract: ToolContract, calls: int
    ) -> None:
        self._run, self._contract, self._calls = run, contract, calls
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        async with self._turn():
            return await self._run(arguments, context)

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        # A semaphore belongs to one loop, and a process may run several, one after the other or in threads.
        semaphore = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._calls))
        try:
            async with asyncio.timeout(self._contract.timeout_s):
                await semaphore.acquire()
        except TimeoutError as error:
            reason = f"{self._calls} calls were under way for {self._contract.timeout_s:g} s; try again later"
            raise ToolFailed(tool=self._contract.name, reason=reason) from error
        try:
            yield
        finally:
            semaphore.release()
