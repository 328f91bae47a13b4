"""What a node was told of time, chance and identity, told again."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from interlock.runtime.clock import Clock
from interlock.runtime.gate.clocks import DREW
from interlock.runtime.replay.recording import Step

Drawn = Callable[[str], Any]
"""Gives what was drawn next of a kind; None where nothing was."""


def is_draw(step: Step) -> bool:
    """Tell whether a step holds what a clock told a node."""
    return step.kind == "noted" and step.facts["what"] == DREW


@dataclass(frozen=True, kw_only=True)
class RecordedClock:
    """Tells again what was told, and then what another clock tells (clock.Clock)."""

    drawn: Drawn
    then: Clock

    def now(self) -> datetime:
        """Tell the recorded time."""
        found = self.drawn("now")
        return self.then.now() if found is None else datetime.fromisoformat(found)

    def monotonic(self) -> float:
        """Tell the recorded seconds."""
        found = self.drawn("monotonic")
        return self.then.monotonic() if found is None else float(found)

    def boot(self) -> str:
        """Give the recorded name of what the seconds count from."""
        found = self.drawn("boot")
        return self.then.boot() if found is None else str(found)

    def new_id(self) -> str:
        """Give the recorded identifier."""
        found = self.drawn("new_id")
        return self.then.new_id() if found is None else str(found)

    def random(self) -> float:
        """Give the recorded number."""
        found = self.drawn("random")
        return self.then.random() if found is None else float(found)

    async def sleep(self, seconds: float) -> None:
        """Let others go on; a replay waits for nothing."""
        await asyncio.sleep(0)
