"""Which memories were of use, and how often. Counted in main memory, so that reading a memory writes nothing."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from interlock.memory.truth import Truth, as_text
from interlock.runtime.errors import HomeUnusable

KEPT = 512
"""So many memories' uses are held back at most. They are lost with the process: a hint for pruning, no truth."""


class Uses:
    """The uses that are not written down yet, of one user's memories."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._counted: dict[str, tuple[int, str]] = {}
        self._mutex = threading.Lock()

    def count(self, ids: Iterable[str], now: datetime) -> None:
        at = as_text(now)
        with self._mutex:
            for id in ids:
                times, _ = self._counted.get(id, (0, ""))
                self._counted[id] = times + 1, at
            full = len(self._counted) > KEPT
        if full:
            self.write()

    def write(self) -> None:
        """Write them down. A home that cannot be written can still be read."""
        with self._mutex:
            counted, self._counted = self._counted, {}
        if not counted:
            return
        with suppress(HomeUnusable), self._truth.transaction(durable=False) as db:
            db.executemany(
                "UPDATE memories SET uses = uses + ?, last_used = ? WHERE id = ?",
                [(times, last, id) for id, (times, last) in counted.items()],
            )
