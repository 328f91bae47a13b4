"""The ports for memory, replies and notes, with the gate before them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interlock.runtime.checks import changed
from interlock.runtime.database import Transaction
from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.labels import ungrounded
from interlock.runtime.memories import Note, Owner, Recall, Written
from interlock.runtime.ports import MemoryStore
from interlock.runtime.records import Decision, Label, Usage


@dataclass(frozen=True, kw_only=True)
class GatedMemory:
    """The long-term memory of the run's own user (ports.Memory)."""

    gate: Gate
    run: OpenRun
    store: MemoryStore

    @property
    def _owner(self) -> Owner:
        caller = self.run.caller
        return Owner(tenant=caller.tenant, user=caller.user)

    async def recall(self, query: str, *, at: str) -> Recall:
        """Bring back what answers the query and may be read."""
        decision = self.gate.require(self.run, at, "read_memory", {"query": query}, Label())

        def read(found: Recall | None, ms: float) -> events.MemoryRead:
            return events.MemoryRead(
                query=query,
                items=[item.model_dump(mode="json") for item in found.items] if found else [],
                withheld=[item.model_dump(mode="json") for item in found.withheld] if found else [],
                decision=decision,
                ms=round(ms, 3),
            )

        return await self.gate.pass_through(
            self.run,
            Call(
                at=at,
                passage="tool",
                do=lambda: self.store.recall(query, self._owner, roles=self.run.caller.roles),
                intended=lambda _tx: events.Noted(what="recall", facts={}),
                done=lambda _tx, found, ms: read(found, ms),
                failed=lambda _tx, error, ms: _failed("read_memory", error, decision),
                used=lambda _found: Usage(),
            ),
        )

    async def remember(self, note: Note, *, at: str) -> Written:
        """Offer a note to the memory; its write policy decides."""
        note = note.model_copy(update={"run": self.run.scope.run, "event": self.run.place(at)})
        facts = {"text": note.text, "kind": note.kind, "said_by": note.said_by, "sensitivity": note.sensitivity}
        decision = self.gate.require(self.run, at, "write_memory", facts, note.label)
        note = note.model_copy(update={"text": _changed(note.text, decision)})

        def written(_tx: Transaction, made: Written, ms: float) -> events.MemoryWritten:
            return events.MemoryWritten(
                memory=made.id, kept=made.kept, code=made.code, reason=made.reason, replaced=list(made.replaced),
                conflicts=list(made.conflicts), policy=made.policy, ms=round(ms, 3),
            )  # fmt: skip

        return await self.gate.pass_through(
            self.run,
            Call(
                at=at,
                passage="tool",
                do=lambda: self.store.remember(note, self._owner),
                intended=lambda _tx: events.MemoryIntended(note=note.model_dump(mode="json"), decision=decision),
                done=written,
                failed=lambda _tx, error, ms: _failed("write_memory", error, decision),
                used=lambda _made: Usage(),
            ),
        )


def _changed(text: str, decision: Decision) -> str:
    """Do to a text what a policy asks for; what is dropped leaves nothing."""
    return str(changed({"text": text}, decision.changes).get("text", "")) if decision.changes else text


def _failed(action: str, error: BaseException, decision: Decision) -> events.Refused:
    return events.Refused(action=action, decision=decision, code="failed", told=f"{type(error).__name__}: {error}")


@dataclass(frozen=True, kw_only=True)
class GatedDoor:
    """The way out (ports.Door)."""

    gate: Gate
    run: OpenRun

    async def enter(self, text: str, *, at: str) -> str:
        """Let a request in."""
        decision = self.gate.require(self.run, at, "take_input", {"text": text}, Label())
        if not decision.changes:
            return text
        facts = {"action": "take_input", "decision": decision.model_dump(mode="json")}
        self.gate.record(self.run, at, events.Noted(what="transform", facts=facts))
        return _changed(text, decision)

    async def reply(self, text: str, *, at: str, label: Label, given: Callable[[], str] = str) -> str:
        """Let a reply out."""
        facts: dict[str, Any] = {"text": text}
        if self.gate.policies.looks_at("reply", "ungrounded"):
            facts["ungrounded"] = ungrounded(text, given())
        decision = self.gate.require(self.run, at, "reply", facts, label)
        text = _changed(text, decision)
        self.gate.record(self.run, at, events.Replied(text=text, decision=decision, label=label))
        return text


@dataclass(frozen=True, kw_only=True)
class JournalNotebook:
    """Puts what nodes decide among themselves on record (ports.Notebook)."""

    gate: Gate
    run: OpenRun

    async def note(self, kind: str, at: str, facts: dict[str, Any]) -> None:
        """Write it down."""
        self.gate.record(self.run, at, events.Noted(what=kind, facts=facts))
