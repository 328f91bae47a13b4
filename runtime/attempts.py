"""Doing something again after a passing failure, with exponential backoff and full jitter.

Source: Brooker 2015, "Exponential Backoff and Jitter" (AWS Architecture Blog).
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from interlock.runtime.clock import Clock

T = TypeVar("T")

TRANSIENT: tuple[type[Exception], ...] = (ConnectionError, TimeoutError)
_BASE_S = 0.2
_MOST_S = 10.0


async def attempt(
    do: Callable[[], Awaitable[T]], *, retries: int, transient: tuple[type[Exception], ...], clock: Clock
) -> tuple[T, int]:
    """Do it up to `retries` more times while it fails with a transient error.

    Returns:
        The result, and how many attempts it took.
    """
    for tried in range(retries):
        try:
            return await do(), tried + 1
        except transient:
            await clock.sleep(min(_MOST_S, _BASE_S * 2**tried) * clock.random())
    return await do(), retries + 1
