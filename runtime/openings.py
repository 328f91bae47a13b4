"""The time in which something is opened that a run needs: loaded weights, an index. No run is charged for it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from interlock.runtime.clock import Clock


@dataclass(kw_only=True)
class Openings:
    """How long things were being opened for one run; what parallel branches open at once passes once."""

    clock: Clock
    outer: "Openings | None" = None
    """Of the run inside which this one goes on."""
    _total_s: float = field(default=0.0, init=False)
    _since: float = field(default=0.0, init=False)
    _depth: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def seconds(self, now: float) -> float:
        """Tell how long, up to now on the monotonic clock."""
        return self._total_s + (now - self._since if self._depth else 0.0)

    def begin(self) -> None:
        """Note that something is being opened."""
        with self._lock:
            if not self._depth:
                self._since = self.clock.monotonic()
            self._depth += 1

    def end(self) -> None:
        """Note that it is open."""
        with self._lock:
            self._depth -= 1
            if not self._depth:
                self._total_s += self.clock.monotonic() - self._since


_of_run: ContextVar[Openings | None] = ContextVar("interlock_openings", default=None)


@contextmanager
def opening_for(openings: Openings) -> Generator[None]:
    """Let what is opened in this block be noted for a run."""
    token = _of_run.set(openings)
    try:
        yield
    finally:
        _of_run.reset(token)


@contextmanager
def opening() -> Generator[None]:
    """Note, for the run that waits for it and those around it, that something is opened in this block."""
    noted: list[Openings] = []
    here = _of_run.get()
    while here is not None:
        here.begin()
        noted.append(here)
        here = here.outer
    try:
        yield
    finally:
        for each in noted:
            each.end()
