"""One question to the journal: who asked for what, who approved it, under which policies, and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal


@dataclass(kw_only=True)
class Action:
    """A tool call, or anything else that the gate decided on, and how it ended. Refusals included."""

    row: int
    at: datetime
    run: str
    thread: str
    asked_by: str
    """User and tenant for whom the run acts."""
    agent: str
    action: str
    arguments: Any
    outcome: str
    """`done`, `failed`, `in doubt`, `waiting`, `refused: CODE`, or `unfinished`."""
    result: Any = None
    policies: tuple[str, ...] = ()
    policy_version: str = ""
    reason: str = ""
    approval: str = ""
    answers: list[str] = field(default_factory=list[str])
    """Who answered what, oldest first."""


def actions(journal: Journal) -> list[Action]:
    """List everything that was asked of the gate by runs, oldest first."""
    return list(_Reading().actions(journal.everything()))


@dataclass(kw_only=True)
class _Reading:
    """What earlier rows have told."""

    runs: dict[str, events.RunStarted] = field(default_factory=dict[str, events.RunStarted])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    calls: dict[tuple[str, str], Action] = field(default_factory=dict[tuple[str, str], Action])
    asked: dict[str, Action] = field(default_factory=dict[str, Action])

    def actions(self, entries: Iterator[Entry]) -> Iterator[Action]:
        made = [self._read(entry) for entry in entries]  # all are read before any is given: later rows complete them
        return (action for action in made if action is not None)

    def _read(self, entry: Entry) -> Action | None:
        match entry.event:
            case events.RunStarted() as event:
                self.runs[entry.run], self.versions[entry.run] = event, event.policy
            case events.RunResumed(policy=version) if version:
                self.versions[entry.run] = version
            case events.Noted(what="policy changed", facts=facts):
                self.versions[entry.run] = str(facts.get("version", ""))
            case events.ApprovalRequested() as event:
                return self._requested(entry, event)
            case events.ApprovalAnswered() as event if event.approval in self.asked:
                self._answered(self.asked[event.approval], event)
            case events.ToolIntended() as event:
                return self._intended(entry, event)
            case events.ToolDone() as event:
                self._ended(entry, event.call, "done", event.value)
            case events.ToolFailed() as event:
                self._ended(entry, event.call, "in doubt" if event.happened == "maybe" else "failed", event.error)
            case events.Refused() as event:
                return self._refused(entry, event)
            case _:
                pass
        return None

    def _answered(self, action: Action, event: events.ApprovalAnswered) -> None:
        roles = f" ({', '.join(event.roles)})" if event.roles else ""
        note = f": {event.note}" if event.note else ""
        action.answers.append(f"{event.answer} by {event.by}{roles}{note}" if event.by else event.answer)
        if event.answer == "expired":
            action.outcome = "expired"

    def _requested(self, entry: Entry, event: events.ApprovalRequested) -> Action | None:
        known = self.calls.get((entry.run, event.call))
        made = known or self._made(entry, event.tool, event.arguments, "waiting", event.decision)
        made.outcome, made.approval = "waiting", event.approval
        self.asked[event.approval] = self.calls[entry.run, event.call] = made
        return None if known else made

    def _intended(self, entry: Entry, event: events.ToolIntended) -> Action | None:
        known = self.calls.get((entry.run, event.call))
        if known is not None and known.outcome in ("waiting", "unfinished", "in doubt"):
            known.outcome, known.arguments = "unfinished", event.arguments
            return None
        made = self._made(entry, event.tool, event.arguments, "unfinished", event.decision)
        self.calls[entry.run, event.call] = made
        return made

    def _ended(self, entry: Entry, call: str, outcome: str, result: Any) -> None:
        if (known := self.calls.get((entry.run, call))) is not None:
            known.outcome, known.result = outcome, result

    def _refused(self, entry: Entry, event: events.Refused) -> Action | None:
        known = self.calls.get((entry.run, event.call)) if event.call else None
        if known is not None and known.outcome == "waiting":
            known.outcome, known.result = f"refused: {event.code}", event.told
            return None
        made = self._made(entry, event.action, event.request, f"refused: {event.code}", event.decision)
        made.result = event.told
        return made

    def _made(self, entry: Entry, action: str, arguments: Any, outcome: str, decision: Any) -> Action:
        started = self.runs.get(entry.run)
        caller = started.caller if started else None
        return Action(
            row=entry.seq, at=entry.at, run=entry.run, thread=entry.thread, agent=started.agent if started else "",
            asked_by=f"{caller.user} of {caller.tenant}" if caller else "", action=action, arguments=arguments,
            outcome=outcome, policies=decision.policies if decision else (),
            policy_version=self.versions.get(entry.run, ""), reason=decision.reason if decision else "",
        )  # fmt: skip
