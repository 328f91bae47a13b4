"""The ports for requests, replies and notes, with the gate before them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.memory import changed_text
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.grounding import ungrounded
from interlock.runtime.journal import events
from interlock.runtime.outputs import fitting
from interlock.runtime.records import Label


@dataclass(frozen=True, kw_only=True)
class GatedDoor:
    """The way out (ports.Door)."""

    gate: Gate
    run: OpenRun
    output: type[BaseModel] | None = None
    """What replies must be JSON of."""

    async def enter(self, text: str, *, at: str) -> str:
        """Let a request in."""
        decision = self.gate.require(self.run, at, "take_input", {"text": text}, Label(), changes=True)
        if not decision.changes:
            return text
        facts = {"action": "take_input", "decision": decision.model_dump(mode="json")}
        self.gate.record(self.run, at, events.Noted(what="transform", facts=facts))
        return changed_text(text, decision)

    async def reply(self, text: str, *, at: str, label: Label, given: Callable[[], str] = str) -> str:
        """Let a reply out."""
        facts: dict[str, Any] = {"text": text}
        if self.gate.policies.looks_at("reply", "ungrounded"):
            facts["ungrounded"] = ungrounded(text, given())
        decision = self.gate.require(self.run, at, "reply", facts, label, changes=True)
        text = changed_text(text, decision)
        if self.output is not None:
            fitting(self.output, text)  # what a policy has changed must fit, too
        schema = self.output.__name__ if self.output else ""
        replied = events.Replied(text=text, schema_name=schema, decision=decision, label=label)
        self.gate.record(self.run, at, replied)
        return text


@dataclass(frozen=True, kw_only=True)
class JournalNotebook:
    """Puts what nodes decide among themselves on record (ports.Notebook)."""

    gate: Gate
    run: OpenRun

    async def note(self, kind: str, at: str, facts: dict[str, Any]) -> None:
        """Write it down."""
        self.gate.record(self.run, at, events.Noted(what=kind, facts=facts))
