"""Leave a tool alone that keeps failing, and try it again after a pause."""

from collections.abc import Awaitable, Callable
from typing import Any

from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ToolFailed
from interlock.runtime.records import ToolContext
from interlock.tools.refused import Refused


class Breaker:
    """Opens after some failures in a row. After the pause one call tries whether the tool is back; the others wait."""

    def __init__(
        self,
        run: Callable[[dict[str, Any], ToolContext], Awaitable[Any]],
        contract: ToolContract,
        clock: Clock,
        *,
        failures: int,
        pause_s: float,
    ) -> None:
        self._run, self._contract, self._clock = run, contract, clock
        self._failures, self._pause_s = failures, pause_s
        self._failed = 0
        self._open_until = 0.0
        self._trying = False

    async def __call__(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        tries = self._enter()
        try:
            result = await self._run(arguments, context)
        except ToolFailed as failed:
            if not isinstance(failed.__cause__, Refused):
                self._count()
            raise
        finally:
            self._trying = self._trying and not tries
        self._failed = 0
        return result

    def _enter(self) -> bool:
        """Let the call through, and tell whether it is the one that tries if the tool is back."""
        if self._failed < self._failures:
            return False
        left = self._open_until - self._clock.monotonic()
        if left > 0 or self._trying:
            again = f"it is tried again in {left:.0f} s" if left > 0 else "it is being tried just now"
            reason = f"it failed {self._failed} times in a row and is left alone; {again}"
            raise ToolFailed(tool=self._contract.name, reason=reason)
        self._trying = True
        return True

    def _count(self) -> None:
        self._failed += 1
        self._open_until = self._clock.monotonic() + self._pause_s
