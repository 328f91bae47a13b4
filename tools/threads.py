"""Threads for synchronous tools: one that hangs holds up neither the other tools nor the end of the process."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
_Job = Callable[[], None]
_KEPT = 8
"""Idle threads that stay for the next call."""
_idle: "deque[SimpleQueue[_Job]]" = deque()


async def in_thread(function: Callable[[], T]) -> T:
    """Run the function in a thread, with this task's context.

    Unlike `asyncio.to_thread` there is no queue behind a few threads that may hang, and the interpreter does not
    wait for the threads at its end. When the caller is cancelled the thread runs on, and its outcome is dropped.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()
    _hand_over(partial(_run, partial(contextvars.copy_context().run, function), loop, done))
    # The outcome travels as a value: a future takes no StopIteration, and logs errors that nobody fetched.
    value, error = await done
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # None only where T is None


def _run(function: Callable[[], Any], loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Any]") -> None:
    value, error = None, None
    try:
        value = function()
    except BaseException as raised:  # also SystemExit: a tool may end itself, not this process
        error = raised
    try:
        loop.call_soon_threadsafe(_settle, done, (value, error))
    except RuntimeError:
        return  # the loop was closed while the tool ran on; nobody waits any more


def _settle(done: "asyncio.Future[Any]", outcome: Any) -> None:
    if not done.done():
        done.set_result(outcome)


def _hand_over(job: _Job) -> None:
    try:
        _idle.pop().put(job)
    except IndexError:
        jobs: SimpleQueue[_Job] = SimpleQueue()
        jobs.put(job)
        threading.Thread(target=_work, args=(jobs,), name="interlock-tool", daemon=True).start()


def _work(jobs: "SimpleQueue[_Job]") -> None:
    while True:
        jobs.get()()
        if len(_idle) >= _KEPT:
            return
        _idle.append(jobs)
