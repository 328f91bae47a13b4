"""The clock of a node's visit: what it tells is put on record, so that the node can be replayed."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from interlock.runtime.clock import Clock
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Noted

T = TypeVar("T")

DREW = "drew"
"""The note that holds what a clock told a node: time, chance or an identifier."""


@dataclass(frozen=True, kw_only=True)
class JournalledClock:
    """Tells what another clock tells, and puts it on record (clock.Clock)."""

    clock: Clock
    home: Home
    run: OpenRun
    at: str

    @property
    def place(self) -> str:
        """Where in the thread it is asked."""
        return self.run.place(self.at)

    def now(self) -> datetime:
        """Tell the time, in UTC."""
        value = self.clock.now()
        self._note("now", value.isoformat())
        return value

    def monotonic(self) -> float:
        """Tell seconds since some fixed point."""
        return self._noted("monotonic", self.clock.monotonic())

    def boot(self) -> str:
        """Name what `monotonic` counts from."""
        return self._noted("boot", self.clock.boot())

    def new_id(self) -> str:
        """Make an identifier."""
        return self._noted("new_id", self.clock.new_id())

    def random(self) -> float:
        """Draw from [0, 1)."""
        return self._noted("random", self.clock.random())

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.clock.sleep(seconds)

    def _noted(self, what: str, value: T) -> T:
        self._note(what, value)
        return value

    def _note(self, what: str, value: object) -> None:
        with self.home.database.transaction() as tx:
            note = Noted(what=DREW, facts={"what": what, "value": value})
            self.home.journal.append(tx, self.run.scope, self.place, note)
