"""Time, chance and identity: the only door by which they come in, so that a run can be replayed."""

import asyncio
import random
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """What a run may know of time, chance and identity."""

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Tell seconds since some fixed point; never goes back."""
        ...

    def boot(self) -> str:
        """Name what `monotonic` counts from: all who are told the same name can compare what it tells them."""
        ...

    def new_id(self) -> str:
        """Make an identifier that no other call returns: 32 hexadecimal digits, later ones sort later."""
        ...

    def random(self) -> float:
        """Draw from [0, 1)."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


_of_run: ContextVar[Clock | None] = ContextVar("interlock_clock", default=None)


@contextmanager
def keeping_time(clock: Clock) -> Generator[None]:
    """Let what is asked in this block go by a run's clock."""
    token = _of_run.set(clock)
    try:
        yield
    finally:
        _of_run.reset(token)


def clock_of_run() -> Clock | None:
    """Give the clock of the run that asks; None outside of any."""
    return _of_run.get()


@cache
def _boot() -> str:
    """Name this start of the machine, which all its processes share; without a name for it, this process alone."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return f"process-{uuid.uuid4().hex}"


class SystemClock:
    """The machine's own time and chance."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot(self) -> str:
        return _boot()

    def new_id(self) -> str:
        # Time first, so that identifiers sort by age (the layout of RFC 9562's version 7).
        stamp = time.time_ns() // 1_000_000
        return f"{stamp:012x}7{uuid.uuid4().hex[13:]}"

    def random(self) -> float:
        return random.random()  # noqa: S311  # jitter, not a secret

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until told otherwise. For tests and replay."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), *, seed: int = 0) -> None:
        self._now = start
        self._passed = 0.0
        self._boot = f"manual-{uuid.uuid4().hex}"
        self._ids = 0
        self._random = random.Random(seed)  # noqa: S311  # jitter, not a secret

    def advance(self, seconds: float, *, monotonic: bool = True) -> None:
        """Let time pass at once; if not `monotonic`, only the time of day is set, forward or back."""
        self._now += timedelta(seconds=seconds)
        self._passed += seconds if monotonic else 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._passed

    def boot(self) -> str:
        return self._boot

    def new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    def random(self) -> float:
        return self._random.random()

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)
        await asyncio.sleep(0)
