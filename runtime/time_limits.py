"""A time limit that asks, whenever its time seems over, whether it is."""

import asyncio
from collections.abc import Callable
from types import TracebackType

_SHORTEST_S = 0.02
"""How soon it looks again at most."""


class TimeLimit:
    """Ends a block of work with a TimeoutError when no time is left."""

    def __init__(self, left_s: Callable[[], float]) -> None:
        """Take what tells the seconds that are left: asked at the beginning, and again whenever they are over."""
        self._left_s = left_s
        self._timeout = asyncio.timeout(None)
        self._next: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "TimeLimit":
        left = self._left_s()
        await self._timeout.__aenter__()
        self._wait(left)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def expired(self) -> bool:
        """Tell whether it was this limit that ended the block."""
        return self._timeout.expired()

    def _wait(self, left: float) -> None:
        loop = asyncio.get_running_loop()
        if left > 0:
            self._next = loop.call_later(max(left, _SHORTEST_S), self._look)
        else:
            self._timeout.reschedule(loop.time())

    def _look(self) -> None:
        self._wait(self._left_s())
