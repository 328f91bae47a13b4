"""Calls that are made at the same time are done together: one transaction, one request to the embedder."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from weakref import WeakKeyDictionary

from langgraph.store.base import Op, Result

Do = Callable[[Sequence[Op]], Awaitable[list[Result]]]
Waiting = list[tuple[Sequence[Op], "asyncio.Future[list[Result]]"]]


class Gathering:
    """The calls that wait, by the event loop that they wait in."""

    def __init__(self, do: Do) -> None:
        self._do = do
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()

    async def run(self, ops: Sequence[Op]) -> list[Result]:
        """Do operations together with those of other calls, and give the results of these."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Result]] = loop.create_future()
        self._waiting.setdefault(loop, []).append((ops, answer))
        if (task := self._running.get(loop)) is None or task.done():
            self._running[loop] = loop.create_task(self._drain(self._waiting[loop]))
        return await answer

    async def _drain(self, waiting: Waiting) -> None:
        while waiting:
            calls = [call for call in waiting if not call[1].done()]
            waiting.clear()
            try:
                if len(calls) < 2 or not await self._together(calls):  # noqa: PLR2004  # one is not several
                    for call in calls:
                        await self._alone(*call)
            finally:
                for _, answer in calls:
                    answer.cancel()  # nobody waits for ever where this task was cancelled; else all have answers

    async def _together(self, calls: Waiting) -> bool:
        """Do several calls at once; gives False where they do not all succeed, and none has its answer then."""
        try:
            results = await self._do([op for ops, _ in calls for op in ops])
        except Exception:  # whose it is shows when each is done alone
            return False
        place = 0
        for ops, answer in calls:
            _answer(answer, results[place : place + len(ops)])
            place += len(ops)
        return True

    async def _alone(self, ops: Sequence[Op], answer: "asyncio.Future[list[Result]]") -> None:
        try:
            _answer(answer, await self._do(ops))
        except Exception as error:
            if not answer.done():
                answer.set_exception(error)


def _answer(answer: "asyncio.Future[list[Result]]", results: list[Result]) -> None:
    if not answer.done():  # who asked may have given up
        answer.set_result(results)
