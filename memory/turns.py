"""Whose turn it is to change one user's vectors: one process and one thread at a time, and nobody for long."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from interlock.memory.layout import LOCK_WAIT_S, WriterLock, usable

IDLE_S = 1.0


class Turns:
    """The writer's lock of a folder, taken when it is needed.

    It is kept while there is work, and given back when there was none for a while, so that other processes get their
    turn; where others may work at the same time, after each use.
    """

    def __init__(self, folder: Path, *, kept: bool, idle: Callable[[], None], idle_s: float = IDLE_S) -> None:
        """Name the folder.

        Args:
            kept: whether the lock is kept between uses.
            idle: what to do when there was no work for a while. It holds no turn.
        """
        self._folder = folder
        self._writer = WriterLock(folder)
        self._kept = kept
        self._idle = idle
        self._idle_s = idle_s
        self._mutex = threading.RLock()
        self._depth = 0
        self._timer: threading.Timer | None = None
        self._used = False

    @contextmanager
    def taken(self, wait_s: float = LOCK_WAIT_S) -> Generator[None]:
        """Hold the turn, for this thread alone.

        Raises:
            MemoryBusy: another process holds it for longer than `wait_s`.
        """
        with self._mutex:
            if not self._writer.held:
                with usable(self._folder):
                    self._writer.acquire(wait_s)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if not self._depth and not self._kept:
                    self._writer.release()
                self.watch()

    def watch(self) -> None:
        """Wait for a while without work."""
        with self._mutex:
            self._used = True
            if self._timer is None:
                self._start()

    @contextmanager
    def ending(self) -> Generator[None]:
        """Give it back after this block, and wait for nothing any more."""
        with self._mutex:
            yield
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._writer.release()

    def _start(self) -> None:
        self._timer = threading.Timer(self._idle_s, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._mutex:
            if self._timer is None:  # it has ended meanwhile
                return
            busy, self._used = self._used, False
            self._timer = None
            if busy:
                self._start()
                return
        self._idle()
