"""A home whose models, tools and memory answer from a recording, whatever they are asked, and never live."""

from pathlib import Path

from interlock.runtime.errors import RecordingBroken
from interlock.runtime.replay.fork import Before, ForkHome
from interlock.runtime.replay.player import place_here
from interlock.runtime.replay.recording import Recording, Step


class Whole(Before):
    """All that was answered in a run (player.Answers)."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(recording, "", {})

    async def answer(self, *kinds: str) -> Step | None:
        """Give what was recorded at this place.

        Raises:
            RecordingBroken: nothing was.
        """
        if (found := await super().answer(*kinds)) is None:
            raise RecordingBroken(
                what=f"nothing is recorded that answers at {place_here()}: the run takes another way now",
                where=f"run {self.recording.run}",
                fix="`interlock replay` shows where it parts; record a new run if that is meant",
            )
        return found


class RecordedHome(ForkHome):
    """A fresh home in which a recorded run is asked for again, with today's prompts, code and policies."""

    def __init__(self, path: Path, recording: Recording) -> None:
        super().__init__(path, Whole(recording), model=None)
