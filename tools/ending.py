"""An end for coroutines that swallow their cancellation."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def ended(coroutine: Coroutine[Any, Any, T], when: float) -> T:
    """Await a coroutine, and close it if it is still there at a time of the loop.

    One that catches even that (`except:` around an `await`) cannot be ended by anything but its process.

    Raises:
        TimeoutError: it was closed.
    """
    task, closed = asyncio.current_task(), False
    assert task is not None  # noqa: S101  # a coroutine runs in one

    def close() -> None:
        nonlocal closed
        try:
            coroutine.close()
        except RuntimeError:
            return  # it caught that, too
        closed = True
        task.cancel()  # wakes whoever waits for it

    handle = asyncio.get_running_loop().call_at(when, close)
    try:
        return await coroutine
    except RuntimeError as error:
        if not closed:
            raise
        task.uncancel()
        raise TimeoutError("it did not end when it was cancelled") from error
    finally:
        handle.cancel()
