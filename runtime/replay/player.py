"""Plays a recording: whose turn it is, what was answered there, and where what happens now is no longer the same."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from interlock.runtime.gate.clocks import DREW
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.gate.stops import RunStopped
from interlock.runtime.journal.events import ApprovalRequested, Event, RunEnded
from interlock.runtime.records import Usage
from interlock.runtime.replay.clocks import is_draw
from interlock.runtime.replay.losses import BOUNDS, Losses, ending, is_cut
from interlock.runtime.replay.recording import Recording, Step, path_of

UNCOMPARED = {
    "run_started": frozenset({"manifest", "manifest_kept", "policy", "source", "parent", "in_tool"}),
    "run_resumed": frozenset({"manifest", "manifest_kept", "policy"}),
}
"""Facts that name what is compared by what it does."""

_PATIENCE_S = 1.5
"""How long a branch waits for the branches before it, once nothing moves any more."""

_APART_S = 1.0
"""By how much the expiry of a question may differ: it is counted from a moment before its event."""

_QUIET_S = 0.02
"""How long a branch waits of which nothing is recorded, once all others wait too."""

_TURNS = 100
"""How many turns of the event loop a task takes at most to hand in what it made."""

_place: ContextVar[str] = ContextVar("interlock_place", default="")


@dataclass(eq=False, kw_only=True)
class Diverged(RunStopped):
    """What happens now is not what was recorded."""

    code = "diverged"
    exit_status = 1

    place: str

    def __str__(self) -> str:
        return f"the replay differs from the recording at {self.place}"


@dataclass(eq=False, kw_only=True)
class CutOff(RunStopped):
    """Here the recorded run was cut off, as by a crash."""

    code = "cut-off"

    def __str__(self) -> str:
        return "the recorded run was cut off here"


@dataclass(frozen=True, kw_only=True)
class Happened:
    """An event of the replay."""

    run: str
    place: str
    kind: str
    facts: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """The first place where the replay differs. `recorded` is None past the end, `found` where nothing came."""

    recorded: Step | None
    found: Happened | None
    bodies: dict[str, Any]
    """What `found` refers to, by content hash."""
    note: str = ""

    @property
    def place(self) -> str:
        """Where it is."""
        here = self.recorded or self.found
        return here.place if here else ""


class Answers(Protocol):
    """Where stand-ins get their answers from."""

    async def turn(self) -> None:
        """Wait until the recording has come to this place."""
        ...

    async def answer(self, *kinds: str) -> Step | None:
        """Give the recorded outcome at this place; None: ask the world itself."""
        ...


@contextmanager
def standing_at(place: str) -> Generator[None]:
    """Note for the stand-ins where in the run their call stands."""
    token = _place.set(place)
    try:
        yield
    finally:
        _place.reset(token)


def place_here() -> str:
    """Tell where in the run the current call stands."""
    return _place.get()


class Player:
    """A recording, and how far it has been played."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.played = 0
        self.divergence: Divergence | None = None
        self.perform: Callable[[Step], None] = lambda _step: None
        """Does again what people did to the run; set by who opens the home."""
        self.losses = Losses(recording)
        self.runs: list[OpenRun] = []
        """The runs that are played, those of inner graphs too."""
        self._in_tools = recording.runs_in_tools()
        """Runs that do not come again, because a replay calls no tools."""
        self._waiting = 0
        self._ahead = Counter(step.place for step in recording.steps)
        self._drawn: defaultdict[str, list[Step]] = defaultdict(list)
        for step in filter(is_draw, recording.steps):
            if step.run not in self._in_tools:
                self._drawn[step.place].append(step)
        self._moved = asyncio.Event()
        self._performing = False
        self._ended = ""

    @property
    def next(self) -> Step | None:
        """The step that must come now."""
        steps = self.recording.steps
        return steps[self.played] if self.played < len(steps) else None

    @property
    def cut(self) -> bool:
        """Whether the recorded run was cut off here."""
        step = self.next
        if step is None:
            return not self._ended and self.played > 0
        return step.kind == "run_resumed" and self.recording.is_own(step) and is_cut(self._ended)

    async def turn(self) -> None:
        """Wait until the recording has come to this place, so that branches go in their recorded order."""
        place = place_here()
        self._waiting += 1
        try:
            while not self._is_turn_of(place):
                patience = self._patience(place)
                try:
                    async with asyncio.timeout(patience):
                        await self._moved.wait()
                except TimeoutError:
                    if self._patience(place) <= patience:
                        return
        finally:
            self._waiting -= 1

    async def turn_to_enter(self, path: str) -> None:
        """Wait until a run that stood there has begun or gone on, so that graphs side by side do so in their order."""
        ahead = self.recording.steps[self.played :]
        entries = (step for step in ahead if step.kind in ("run_started", "run_resumed"))
        if (found := next((step for step in entries if path_of(step.place) == path), None)) is not None:
            with standing_at(found.place):
                await self.turn()

    def _patience(self, place: str) -> float:
        """Give the seconds to wait: few where nothing can come that would have to come first."""
        quiet = not self._ahead[place] and self._waiting >= sum(run.inside for run in self.runs)
        return _QUIET_S if quiet else _PATIENCE_S

    def _is_turn_of(self, place: str) -> bool:
        self.let_people_act()
        step = self.next
        if self.divergence is not None or step is None or self.cut or step.place == place:
            return True
        if ending(step) == "waiting" and path_of(step.place) == path_of(place):
            return True  # what the run still does is to wait, of which nothing is recorded
        # A branch of which nothing more is recorded failed or was cancelled, which is seen only at the end.
        return not self._ahead[place] and (step.kind == "run_ended" or _was_cancelled(step))

    async def answer(self, *kinds: str) -> Step | None:
        """Give the recorded outcome at this place, in its turn.

        Raises:
            CutOff: the recorded run was cut off before it.
            Diverged: there is none.
        """
        await self.turn()
        if self.cut:
            await self._let_others_end()
            raise CutOff
        place = place_here()
        ahead = self.recording.steps[self.played :]
        found = next((step for step in ahead if step.place == place and step.kind in kinds), None)
        if found is None:
            self.diverge(None, {}, note=f"nothing is recorded that answers {' or '.join(kinds)} at {place}")
            raise Diverged(place=place)
        return found

    async def _let_others_end(self) -> None:
        """Let tasks whose last step has come hand in what they made, which was kept before the process was killed."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        await asyncio.sleep(_QUIET_S)

    def let_people_act(self) -> None:
        """Do what people did to the run at this point of the recording, and pass by what a replay does not do again."""
        if self._performing:
            return
        self._performing = True
        try:
            while (step := self.next) is not None and self._comes_by_itself(step) and self.divergence is None:
                before = self.played
                if step.run not in self._in_tools:
                    self.perform(step)
                if self.played == before:
                    self.advance(step.kind)
        finally:
            self._performing = False

    def _comes_by_itself(self, step: Step) -> bool:
        return step.run in self._in_tools or from_outside(step)

    def drawn(self, place: str, what: str) -> Any:
        """Give what a node's clock told here next.

        Raises:
            Diverged: it was not asked for that.
        """
        found = next((step for step in self._drawn[place] if step.facts["facts"]["what"] == what), None)
        if found is None:
            asked = Happened(run=self.recording.run, place=place, kind="noted", facts={"what": DREW, "asked": what})
            self.divergence = self.divergence or Divergence(
                recorded=None, found=asked, bodies={}, note=f"the node asks its clock for {what!r}, as it did not then"
            )
            raise Diverged(place=place)
        self._drawn[place].remove(found)
        return found.facts["facts"]["value"]

    def end(self) -> None:
        """Note as a divergence what a clock told then, and was not asked for now."""
        left = min((step for steps in self._drawn.values() for step in steps), key=lambda s: s.number, default=None)
        if left is not None and self.divergence is None:
            self.divergence = Divergence(recorded=left, found=None, bodies={}, note="the node no longer asks its clock")

    def measured(self, event: Event) -> Event:
        """Let the recorded clock answer: how long it took is what it took then."""
        step = self.next
        if step is None or step.kind != event.kind:
            return event
        if isinstance(event, RunEnded):
            used = Usage.model_validate(step.facts["usage"])
            if not self._in_tools:  # what those used, nobody uses now
                used = event.usage.model_copy(update={"seconds": used.seconds})
            return event.model_copy(update={"usage": used})
        names = ("ms", "reused") if self.recording.started["parent"] else ("ms",)
        taken: dict[str, Any] = {name: step.facts[name] for name in names if name in step.facts}
        if isinstance(event, ApprovalRequested) and _as_long(event, step):
            taken["expires_at"] = step.facts["expires_at"]
        return event.model_copy(update=taken) if taken else event

    def expect(self, happened: Happened, bodies: dict[str, Any]) -> None:
        """Compare what happens with what must come now.

        Raises:
            CutOff: the recorded run ends here without an end.
            Diverged: it is not the same.
        """
        if self.divergence is not None:
            raise Diverged(place=self.divergence.place)
        if self.cut and happened.kind != "run_resumed":
            raise CutOff
        if not same(self.next, happened):
            self.diverge(happened, bodies)
            raise Diverged(place=happened.place)
        self.advance(happened.kind)

    def advance(self, kind: str) -> None:
        """Go on to the next step."""
        step = self.recording.steps[self.played]
        self._ahead[step.place] -= 1
        self.played += 1
        if self.recording.is_own(step) and kind in BOUNDS:
            self._ended = ending(step)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    def diverge(self, found: Happened | None, bodies: dict[str, Any], note: str = "") -> None:
        """Note the first divergence."""
        if self.divergence is None:
            self.divergence = Divergence(recorded=self.next, found=found, bodies=bodies, note=note)


def _as_long(event: ApprovalRequested, step: Step) -> bool:
    """Tell whether a question waits as long as it did; the moments from which it counts lie a little apart."""
    then = datetime.fromisoformat(step.facts["expires_at"])
    return abs((datetime.fromisoformat(event.expires_at) - then).total_seconds()) < _APART_S


def from_outside(step: Step) -> bool:
    """Tell whether this is what people did to the run, from outside it, or what a clock told it."""
    if is_draw(step):
        return True
    if step.kind == "refused":
        return bool(step.facts["action"] == "answer")
    return step.kind in ("approval_answered", "approval_reminded")


def _was_cancelled(step: Step) -> bool:
    return str(step.facts.get("error", "")).startswith("CancelledError")


def same(step: Step | None, happened: Happened) -> bool:
    """Tell whether an event is the recorded one: its run, kind, place, facts and content."""
    if step is None or (step.run, step.kind, step.place) != (happened.run, happened.kind, happened.place):
        return False
    left_out = UNCOMPARED.get(step.kind, frozenset[str]())
    return _without(step.facts, left_out) == _without(happened.facts, left_out)


def _without(facts: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names} if names else facts
