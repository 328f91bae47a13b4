"""A home in which a recording is played: its clock, its journal and its stand-ins answer from the recording."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from interlock.runtime.clock import Clock, ManualClock
from interlock.runtime.contract import ToolContract
from interlock.runtime.gate.clocks import JournalledClock
from interlock.runtime.gate.leases import leases
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Event, read_event
from interlock.runtime.journal.journal import Journal, Scope
from interlock.runtime.models.chat import ChatModel, Price
from interlock.runtime.models.resolve import resolve
from interlock.runtime.ports import Deps, MemoryStore, Selection, Tool
from interlock.runtime.records import Caller
from interlock.runtime.replay.clocks import RecordedClock
from interlock.runtime.replay.losses import LosingSaver
from interlock.runtime.replay.player import Happened, Player
from interlock.runtime.replay.recording import Portable, Step
from interlock.runtime.replay.stand_ins import RecordedMemory, RecordedModel, RecordedSelection, RecordedTool, in_turn
from interlock.runtime.storage.database import Database, Statement, Transaction
from interlock.runtime.storage.sqlite import MEMORY, SqliteDatabase

if TYPE_CHECKING:
    from interlock.runtime.storage.checkpoints import Saver

_FREE = Statement(update(leases).values(until=0.0))
_OUT_OF_TIME = re.compile(r"needs \S+ seconds, (\S+) of ")


class ReplayClock(ManualClock):
    """Tells the recorded time, and gives the recorded identifiers in the order in which they were made."""

    def __init__(self, player: Player) -> None:
        super().__init__(datetime.fromisoformat(player.recording.steps[0].at))
        self._player = player

    def now(self) -> datetime:
        """Tell when the step that comes now was recorded."""
        step = self._player.next
        return datetime.fromisoformat(step.at) if step else self._after()

    def _after(self) -> datetime:
        return datetime.fromisoformat(self._player.recording.steps[-1].at) + timedelta(microseconds=1)

    def monotonic(self) -> float:
        """Stand still; durations are taken from the recorded events. Only a run that ran out of time sees it pass."""
        step = self._player.next
        if step is not None and step.kind == "run_ended" and step.facts["code"] == "budget":
            found = _OUT_OF_TIME.search(step.facts["reason"])
            return float(found[1]) if found else 0.0
        return 0.0

    def new_id(self) -> str:
        """Give the identifier that was made here."""
        step = self._player.next
        if step is not None and step.kind == "run_started":
            return step.run
        if step is not None and step.kind == "model_intended":
            return str(step.facts["call"])
        return super().new_id()


class ComparingJournal(Journal):
    """A journal that takes only what the recording says must come."""

    def __init__(self, home: Home, player: Player) -> None:
        super().__init__(home.database, home.clock)
        self._player = player
        self._portable = Portable(self)

    def append(self, tx: Transaction, scope: Scope, place: str, event: Event, *, at: datetime | None = None) -> int:
        """Add one event, if it is the one that must come now.

        Raises:
            Diverged: it is not.
            CutOff: the recorded run was cut off here.
        """
        player = self._player
        player.let_people_act()
        step, event = player.next, player.measured(event)
        facts = self._portable.facts(event)
        player.losses.note(place)
        player.expect(
            Happened(run=scope.run, place=place, kind=event.kind, facts=facts), self._portable.bodies
        )  # raises before anything is written
        return super().append(tx, scope, place, event, at=datetime.fromisoformat(step.at) if step else at)


class ReplayHome(Home):
    """A throw-away home that plays a recording (home.Outside)."""

    def __init__(self, path: Path, player: Player) -> None:
        super().__init__(path, clock=ReplayClock(player))
        self.player = player
        self.outside = self
        self.parent = player.recording.started["parent"]
        self.path_around = player.recording.path
        player.perform = self._perform

    @cached_property
    def database(self) -> Database:
        """What is thrown away when the replay is over."""
        return SqliteDatabase(MEMORY)

    def saver(self, channels: Mapping[str, Any] | None = None) -> "Saver":
        """Open checkpoints that are thrown away too."""
        return LosingSaver(channels, self.player.losses, lambda: self.player.played)

    @cached_property
    def journal(self) -> Journal:
        """What happens, compared with what happened."""
        return ComparingJournal(self, self.player)

    def model(self, declared: Any, contracts: Sequence[ToolContract], prices: Mapping[str, Price]) -> ChatModel:
        """Give a model that answers from the recording; no package, key or network is needed for it."""
        real = _model_by_name(declared, contracts, prices, self.player) if _is_remote(declared) else None
        real = real or resolve(declared, contracts=contracts, prices=prices)
        known = {name: value for name, value in vars(real).items() if name != "_bound"}
        return RecordedModel(**known, answers=self.player)

    def tool(self, tool: Tool) -> Tool:
        """Give a tool that answers from the recording."""
        return RecordedTool(inner=tool, answers=self.player)

    def memory(self, opened: Callable[[], MemoryStore]) -> MemoryStore:
        """Give a memory that answers from the recording."""
        return RecordedMemory(answers=self.player, inner=None)

    def selection(self, opened: Callable[[], Selection]) -> Selection:
        """Give a selection that offers what was offered."""
        return RecordedSelection(answers=self.player, opened=opened)

    async def entering(self, path: str) -> None:
        """Wait until a run began there, or went on."""
        await self.player.turn_to_enter(path)

    def ports(self, deps: Deps, run: OpenRun) -> Deps:
        """Give ports that wait for their turn."""
        self.player.runs.append(run)
        return in_turn(deps, run, self.player)

    def node_clock(self, clock: JournalledClock) -> Clock:
        """Give a clock that tells a node what it told it."""
        return RecordedClock(drawn=partial(self.player.drawn, clock.place), then=self.clock)

    def die(self) -> None:
        """Free what a worker that was killed had held; that it is dead is seen by its process, not by a clock."""
        self.player.losses.forget()
        with self.database.transaction() as tx:
            tx.run(_FREE)

    def _perform(self, step: Step) -> None:
        """Do again what a person did to the run."""
        if step.kind == "approval_answered":
            self._answer(step.facts)
            return
        scope = Scope(run=step.run, thread=self.player.recording.thread, subject="")
        with self.database.transaction() as tx:
            self.journal.append(tx, scope, step.place, read_event(step.kind, step.facts))

    def _answer(self, facts: dict[str, Any]) -> None:
        approvals, id, note = self.approvals, facts["approval"], facts["note"]
        asked = approvals.get(id)
        by = Caller(user=facts["by"], tenant=asked.tenant, roles=tuple(facts["roles"]))
        match facts["answer"]:
            case "expired":
                with self.database.transaction() as tx:
                    approvals.end(tx, asked)
            case "edited":
                approvals.edit(id, facts["arguments"], by=by, note=note)
            case "happened":
                approvals.happened(id, by=by, note=note)
            case answer:
                approvals.answer(id, approve=answer == "approved", by=by, note=note)


def _is_remote(declared: Any) -> bool:
    return isinstance(declared, str) and declared != "embedded"


def _model_by_name(
    name: str, contracts: Sequence[ToolContract], prices: Mapping[str, Price], player: Player
) -> ChatModel:
    """Stand for a provider's model with what the manifest says of it."""
    from interlock.runtime.models.scripted import ScriptedChatModel

    known: dict[str, Any] = player.recording.manifest.get("model_settings") or {}
    return ChatModel(
        model=ScriptedChatModel([]),
        name=name,
        price=prices.get(name),
        contracts=tuple(contracts),
        max_output_tokens=known.get("max_output_tokens", 1024),
    )
