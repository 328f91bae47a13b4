"""A thread that deletes what has expired, from time to time."""

import threading
from collections.abc import Callable
from contextlib import suppress

from interlock.runtime.errors import InterlockError


class Sweeper:
    """Sweeps every so often until it is stopped. A sweep that fails is made up for by the next."""

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, minutes: float) -> None:
        if not self.running:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, args=(60 * minutes,), name="ttl-sweeper", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float | None = None) -> bool:
        """End it; gives whether it has ended within the time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.running

    def _run(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            with suppress(InterlockError):
                self._sweep()
