"""The port for long-term memory, with the gate before it: decided, approved where asked, and put on record."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson

from interlock.runtime.checks import changed
from interlock.runtime.gate.approvals import Approval
from interlock.runtime.gate.asking import Asking, not_approved
from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.led_here import led_here
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.memories import Note, Owner, Pruned, Recall, Withheld, Written
from interlock.runtime.ports import MemoryPlan, MemoryStore
from interlock.runtime.records import Decision, Label, Usage
from interlock.runtime.storage.database import Transaction

WRITE = "write_memory"


@dataclass(frozen=True, kw_only=True)
class GatedMemory:
    """The long-term memory of the run's own user (ports.Memory)."""

    gate: Gate
    run: OpenRun
    store: MemoryStore
    plan: MemoryPlan
    source: str = ""
    """Where the agent can be loaded from, so that another process can go on after an approval."""

    @property
    def _owner(self) -> Owner:
        caller = self.run.caller
        return Owner(tenant=caller.tenant, user=caller.user)

    async def recall(self, query: str, *, at: str) -> Recall:
        """Bring back what answers the query and may be read."""
        facts = {"query": query}
        decision = self.gate.require(self.run, at, "read_memory", facts, Label(), changes=True)
        query = str(changed(facts, decision.changes).get("query", ""))

        async def recalled() -> Recall:
            return _changed(await self.store.recall(query, self._owner, roles=self.run.caller.roles), decision)

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
                do=recalled,
                intended=lambda _tx: events.Noted(what="recall", facts={}),
                done=lambda _tx, found, ms: read(found, ms),
                failed=lambda _tx, error, ms: _failed("read_memory", error, decision),
                used=lambda _found: Usage(),
            ),
        )

    async def remember(self, note: Note, *, at: str) -> Written:
        """Offer a note to the memory; policies, people where they are asked, and the write policy decide."""
        note = note.model_copy(update={"run": self.run.scope.run, "event": self.run.place(at)})
        while True:
            decision = self.gate.decide(self.run, WRITE, note.facts(), note.label)
            if decision.outcome == "deny":
                return self._refuse(note, at, "denied", decision.reason, decision)
            ready = note.model_copy(update={"text": changed_text(note.text, decision)})
            approvals: list[str] = []
            stands = self._unless_agreed(ready, at, decision, approvals)
            if stands is None:
                return await self._write(ready, at, decision, approvals)
            if isinstance(stands, Written):
                return stands
            note = note.model_copy(update=_edited(self.gate.home.approvals.edited_arguments(stands)))

    def _unless_agreed(
        self, note: Note, at: str, decision: Decision, approvals: list[str]
    ) -> Written | Approval | None:
        """Give what stands in the way, or the approval by which a person put another text in place.

        Args:
            approvals: takes the ids of the questions that were answered with yes.
        """
        by_rule = self.plan.asks(note, self.gate.home.clock.now())
        for place, asked in ((at, decision if decision.outcome == "ask" else None), (f"{at}.rule", by_rule)):
            if asked is None:
                continue
            if not self.run.can_wait:
                told = f"a person must agree ({asked.reason}), and this graph cannot wait"
                return self._refuse(note, at, "needs-approval", told, asked)
            found = self._asking(note, place, asked).approval()
            if found.state == "pending":
                return Written(kept=False, code="waiting", reason="waiting for approval", waiting=found.shown())
            if found.state == "edited":
                return found
            if found.state not in (
                "approved",
                "used",
            ):  # used: it was written before the worker died, or is about to be
                return self._refuse(note, at, "not-approved", not_approved(found), asked)
            approvals.append(found.id)
        return None

    def _asking(self, note: Note, at: str, decision: Decision) -> Asking:
        binds = [
            self.run.scope.thread, self.run.place(at), note.model_dump(mode="json", exclude={"run", "event"}),
            decision.policies, decision.roles, decision.quorum,
        ]  # fmt: skip
        return Asking(
            gate=self.gate, run=self.run, at=at, source=self.source, tool=WRITE, arguments=note.facts(),
            about=lambda: self._about(note), digest=hashlib.sha256(orjson.dumps(binds)).hexdigest(),
            decision=decision, label=note.label,
        )  # fmt: skip

    def _about(self, note: Note) -> dict[str, Any]:
        """Give what people must see beside the text."""
        return {
            "effect": {"what": "Keep this in the user's long-term memory."},
            "label": note.label.model_dump(mode="json"),
            "policy_version": self.gate.policies.version,
            "write_policy": self.plan.version,
            "led_here": led_here(self.gate.home.journal, self.run.scope.run),
        }

    async def _write(self, note: Note, at: str, decision: Decision, approvals: list[str]) -> Written:
        def intended(tx: Transaction) -> events.MemoryIntended:
            for id in approvals:
                self.gate.home.approvals.use(tx, id)
            return events.MemoryIntended(note=note.model_dump(mode="json"), decision=decision, approvals=approvals)

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
                do=lambda: self.store.remember(note, self._owner, approved=bool(approvals)),
                intended=intended,
                done=written,
                failed=lambda _tx, error, ms: _failed(WRITE, error, decision),
                used=lambda _made: Usage(),
            ),
        )

    async def prune(self, *, at: str) -> Pruned:
        """Erase, merge and sum up what the prune policy says."""
        decision = self.gate.require(self.run, at, "prune_memory", {}, Label())
        return await self.gate.pass_through(
            self.run,
            Call(
                at=at,
                passage="tool",
                do=lambda: self.store.tidy(self._owner),
                intended=lambda _tx: events.Noted(what="prune", facts={}),
                done=lambda _tx, done, ms: events.MemoryPruned(report=done.model_dump(mode="json"), ms=round(ms, 3)),
                failed=lambda _tx, error, ms: _failed("prune_memory", error, decision),
                used=lambda _done: Usage(),
            ),
        )

    def _refuse(self, note: Note, at: str, code: str, reason: str, decision: Decision) -> Written:
        event = events.Refused(
            action=WRITE, decision=decision, code=code, request=note.facts(), told=reason, label=note.label
        )
        self.gate.refuse(self.run, at, event)
        return Written(kept=False, code=code, reason=reason)


def changed_text(text: str, decision: Decision) -> str:
    """Do to a text what a policy asks for; what is dropped leaves nothing."""
    return str(changed({"text": text}, decision.changes).get("text", "")) if decision.changes else text


def _changed(found: Recall, decision: Decision) -> Recall:
    """Do to what was recalled what a policy asks for; what it drops is withheld."""
    if not decision.changes:
        return found
    texts = [changed_text(item.text, decision) for item in found.items]
    items = [item.model_copy(update={"text": text}) for item, text in zip(found.items, texts, strict=True) if text]
    by = ", ".join(decision.policies)
    gone = [Withheld(id=item.id, rule=by) for item, text in zip(found.items, texts, strict=True) if not text]
    return found.model_copy(update={"items": tuple(items), "withheld": (*found.withheld, *gone)})


def _edited(arguments: dict[str, Any]) -> dict[str, str]:
    """Take over the text that a person put in place; empty where it was erased since."""
    return {"text": str(arguments.get("text", ""))}


def _failed(action: str, error: BaseException, decision: Decision) -> events.Refused:
    return events.Refused(action=action, decision=decision, code="failed", told=f"{type(error).__name__}: {error}")
