"""A fork: a new run that is answered from a recording up to a step, and goes on live from there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from interlock.runtime.clock import Clock
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import BadInput, RecordingBroken
from interlock.runtime.gate.approvals import Approval
from interlock.runtime.gate.clocks import JournalledClock
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Event, ToolDone
from interlock.runtime.journal.journal import Journal, Scope
from interlock.runtime.journal.seals import Sealer
from interlock.runtime.jsondata import Checker
from interlock.runtime.models.chat import ChatModel, Price
from interlock.runtime.models.resolve import resolve
from interlock.runtime.ports import Deps, MemoryStore, Selection, Tool
from interlock.runtime.records import Caller
from interlock.runtime.replay.clocks import RecordedClock, is_draw
from interlock.runtime.replay.player import place_here
from interlock.runtime.replay.recording import Recording, Step, places_of
from interlock.runtime.replay.stand_ins import RecordedMemory, RecordedModel, RecordedSelection, RecordedTool, in_turn
from interlock.runtime.storage.database import Transaction

Edits = Mapping[str, Any]
"""By place, such as `act.1.0`: another result of a tool, or another text of a model."""


class Before:
    """What was answered before the step at which a fork parts (player.Answers).

    Raises:
        RecordingBroken: there is no such step, or an edit concerns none before it.
    """

    def __init__(self, recording: Recording, step: str, edits: Edits) -> None:
        self.recording = recording
        self.step = step
        self._turn = recording.steps[0].place.removesuffix("begin")
        steps = recording.steps[: _index(recording, step, self._turn) if step else None]
        self._edits = {self._turn + place: value for place, value in edits.items()}
        known = {one.place for one in steps}
        for place in self._edits.keys() - known:
            raise _no_step(recording, place.removeprefix(self._turn), "before the fork", "--edit")
        self._answers: dict[str, list[Step]] = {}
        for one in steps:
            self._answers.setdefault(one.place, []).append(self._edited(one))

    async def turn(self) -> None:
        """Never wait: what is new has no recorded order."""

    async def answer(self, *kinds: str) -> Step | None:
        """Give what was recorded at this place; None from the fork on."""
        found = next((step for step in self._answers.get(place_here(), ()) if step.kind in kinds), None)
        if found is not None:
            self._answers[place_here()].remove(found)
        return found

    def drawn(self, place: str, what: str) -> Any:
        """Give what a node's clock told here next, before the fork; None from there on."""
        steps = self._answers.get(place, [])
        found = next((step for step in steps if is_draw(step) and step.facts["facts"]["what"] == what), None)
        if found is None:
            return None
        steps.remove(found)
        return found.facts["facts"]["value"]

    def covers(self, place: str) -> bool:
        """Tell whether a place comes before the fork."""
        return place in self._answers

    def answered(self, approval: Approval) -> tuple[Step, Caller] | None:
        """Give how a person answered the same question before the fork."""
        steps = self._answers.get(approval.place, [])
        found = next((step for step in steps if step.kind == "approval_answered"), None)
        if found is None or found.facts["answer"] not in ("approved", "denied"):
            return None
        steps.remove(found)
        return found, Caller(user=found.facts["by"], tenant=approval.tenant, roles=tuple(found.facts["roles"]))

    def _edited(self, step: Step) -> Step:
        if step.place not in self._edits:
            return step
        value, facts = self._edits[step.place], step.facts
        if step.kind in ("tool_done", "tool_failed"):
            return replace(step, kind="tool_done", facts={**facts, "value": value})
        if step.kind == "model_done":
            return replace(step, facts={**facts, "reply": {**facts["reply"], "content": value}})
        return step


def _index(recording: Recording, step: str, turn: str) -> int:
    if step.isdigit() and 1 < int(step) <= len(recording.steps):
        return int(step) - 1
    found = next((n for n, one in enumerate(recording.steps) if one.place == turn + step), None)
    if not found:
        raise _no_step(recording, step, "at which it could part")
    return found


def _no_step(recording: Recording, step: str, what: str, where: str = "--from") -> RecordingBroken:
    turn = recording.steps[0].place.removesuffix("begin")
    places = ", ".join(place.removeprefix(turn) for place in places_of(recording.steps)[1:])
    return RecordingBroken(
        what=f"run {recording.run} has no step {step!r} {what}", where=where, fix=f"its steps: {places}"
    )


def require_fitting(recording: Recording, edits: Edits, contracts: Sequence[ToolContract]) -> None:
    """Let edits pass that could have come back: results that their tools' schemas allow, and texts of models.

    Raises:
        BadInput: one could not.
    """
    turn, known = recording.steps[0].place.removesuffix("begin"), {contract.name: contract for contract in contracts}
    for place, value in edits.items():
        for step in recording.steps:
            if step.place == turn + place and (problems := _unfit(step, value, known)):
                fix = "give what could have come back there, or change the tool's schema"
                raise BadInput(what="; ".join(problems), where=f"--edit {place}", fix=fix)


def _unfit(step: Step, value: Any, contracts: Mapping[str, ToolContract]) -> tuple[str, ...]:
    if step.kind == "model_done" and not isinstance(value, str):
        return (f"a model gives text, not {type(value).__name__}",)
    if step.kind not in ("tool_done", "tool_failed") or (contract := contracts.get(step.facts["tool"])) is None:
        return ()
    problems = Checker(contract.result, part="field").problems(value)
    return tuple(f"{contract.name} cannot give this: {problem}" for problem in problems)


class _MarkingJournal(Journal):
    """Marks results that were taken from the parent run."""

    def __init__(self, home: Home, before: Before) -> None:
        super().__init__(home.database, home.clock, Sealer(home.path))
        self._before = before

    def append(self, tx: Transaction, scope: Scope, place: str, event: Event, *, at: datetime | None = None) -> int:
        if isinstance(event, ToolDone) and self._before.covers(place):
            event = event.model_copy(update={"reused": True})
        return super().append(tx, scope, place, event, at=at)


class ForkHome(Home):
    """The real home, in which a fork runs (home.Outside)."""

    def __init__(self, home: Home | Path, before: Before, *, model: str | None) -> None:
        if isinstance(home, Home):
            super().__init__(home.path, database=home.url)
        else:
            super().__init__(home)
        self.before = before
        self.outside = self
        self.parent = f"{before.recording.run}@{before.step}"
        self.path_around = before.recording.path
        self._model = model

    @cached_property
    def journal(self) -> Journal:
        """What happens."""
        return _MarkingJournal(self, self.before)

    def model(self, declared: Any, contracts: Sequence[ToolContract], prices: Mapping[str, Price]) -> ChatModel:
        """Give a model that says again what it said, and speaks for itself from the fork on."""
        real = resolve(self._model or declared, contracts=contracts, prices=prices)
        known = {name: value for name, value in vars(real).items() if name != "_bound"}
        return RecordedModel(**known, answers=self.before)

    def tool(self, tool: Tool) -> Tool:
        """Give a tool that is not called for what it has done already."""
        return RecordedTool(inner=tool, answers=self.before)

    def memory(self, opened: Callable[[], MemoryStore]) -> MemoryStore:
        """Give a memory that brings back what it brought back, and is the real one from the fork on."""
        return RecordedMemory(answers=self.before, inner=opened())

    def selection(self, opened: Callable[[], Selection]) -> Selection:
        """Give a selection that offers what was offered."""
        return RecordedSelection(answers=self.before, opened=opened)

    def node_clock(self, clock: JournalledClock) -> Clock:
        """Give a clock that tells a node again what it told it, and goes by the time from the fork on."""
        told = RecordedClock(drawn=partial(self.before.drawn, clock.place), then=self.clock)
        return replace(clock, clock=told)

    async def entering(self, path: str) -> None:
        """Wait for nothing: branches of a fork go in an order of their own."""

    def ports(self, deps: Deps, run: OpenRun) -> Deps:
        """Give ports that know where they stand."""
        return in_turn(deps, run, self.before)
