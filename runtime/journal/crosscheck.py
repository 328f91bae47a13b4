"""The tables beside the journal, held against it: effects, approvals and answers are derived from its rows.

Only what the journal tells is checked. Rows whose runs were pruned or erased are beyond it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from interlock.runtime.gate.answers import answers
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.journal import events
from interlock.runtime.journal.contents import Contents
from interlock.runtime.journal.findings import Finding
from interlock.runtime.storage.database import Database, Statement

Ended = events.ToolDone | events.ToolFailed

_EFFECTS = Statement(
    select(effects.c.key, effects.c.run, effects.c.tool, effects.c.digest, effects.c.state, effects.c.outcome)
)
_APPROVALS = Statement(select(approvals.c.id, approvals.c.run, approvals.c.tool, approvals.c.digest, approvals.c.state))
_ANSWERS = Statement(select(answers.c.approval, answers.c.by, answers.c.answer))
_TELLING = frozenset(
    kind.model_fields["kind"].default
    for kind in (
        events.ToolIntended, events.ToolDone, events.ToolFailed, events.ApprovalRequested, events.ApprovalAnswered,
        events.RunEnded,
    )
)  # fmt: skip


def disagreements(database: Database, contents: Contents) -> Iterator[Finding]:
    """Name the rows of other tables that do not say what the journal says."""
    told = _Told.by(contents)
    yield from told.unreadable
    yield from _effects(database, contents, told)
    yield from _approvals(database, told)


@dataclass(kw_only=True)
class _Told:
    """What the journal tells about the other tables."""

    runs: set[str] = field(default_factory=set[str])
    """Runs whose rows are all there, content too."""
    unreadable: list[Finding] = field(default_factory=list[Finding])
    intended: dict[str, tuple[str, events.ToolIntended]] = field(
        default_factory=dict[str, tuple[str, events.ToolIntended]]
    )
    """By key of the effect: how it was claimed last, with its run."""
    results: dict[tuple[str, str], Ended] = field(default_factory=dict[tuple[str, str], Ended])
    """By run and call: how it ended."""
    asked: dict[str, tuple[str, events.ApprovalRequested]] = field(
        default_factory=dict[str, tuple[str, events.ApprovalRequested]]
    )
    """By approval: what was asked, with its run."""
    answered: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """By approval: who answered what."""
    used: set[str] = field(default_factory=set[str])
    """Approvals by which something was done."""

    @staticmethod
    def by(contents: Contents) -> "_Told":
        made = _Told()
        gone: set[str] = set(contents.erased_runs)
        for (seq, run, _thread, kind, _head, _hash), head in contents.rows:
            content = contents.content(head)
            if kind == "run_started":
                made.runs.add(run)
            if content is None:
                gone.add(run)
            elif kind in _TELLING:
                try:
                    made._take(run, events.read_event(kind, head["facts"] | content))
                except ValidationError:
                    gone.add(run)
                    made.unreadable.append(Finding(row=seq, problem=f"it cannot be read as {kind}"))
        made.runs -= gone
        return made

    def _take(self, run: str, event: events.Event) -> None:
        match event:
            case events.ToolIntended():
                if event.effect:
                    self.intended[event.effect] = (run, event)
                self.used.add(event.approval)
            case events.ToolDone(reused=False) | events.ToolFailed():
                self.results[run, event.call] = event
            case events.ApprovalRequested():
                self.asked[event.approval] = (run, event)
            case events.ApprovalAnswered() if event.answer != "expired":
                self.answered.setdefault(event.approval, {})[event.by] = event.answer
            case _:
                pass


def _effects(database: Database, contents: Contents, told: _Told) -> Iterator[Finding]:
    present: set[str] = set()
    for key, run, tool, digest, state, outcome in database.read(_EFFECTS):
        present.add(key)
        if key not in told.intended:
            if run in told.runs:
                yield Finding(table="effects", id=key, problem="no row of the journal tells of this effect")
            continue
        by, intended = told.intended[key]
        if (tool, digest) != (intended.tool, intended.digest):
            yield Finding(table="effects", id=key, problem="it was changed: the journal tells of another request")
        ended = told.results.get((by, intended.call))
        if ended is not None and (problem := _ends_otherwise(ended, state, contents.parsed(outcome))):
            yield Finding(table="effects", id=key, problem=problem)
    for key, (by, intended) in told.intended.items():
        if key not in present and by in told.runs:
            yield Finding(table="effects", id=key, problem=f"it was removed: {intended.tool} was begun by {by}")


def _ends_otherwise(ended: Ended, state: str, outcome: Any) -> str:
    if isinstance(ended, events.ToolDone):
        if state != "done":
            return f"it was changed: it is {state}, and the journal tells that it was done"
        if outcome is not None and (not isinstance(outcome, dict) or outcome.get("value") != ended.value):
            return "it was changed: the journal tells of another result"
    elif ended.happened == "no" and state != "failed":
        return f"it was changed: it is {state}, and the journal tells that it failed"
    return ""


def _approvals(database: Database, told: _Told) -> Iterator[Finding]:
    present: set[str] = set()
    for id, run, tool, digest, state in database.read(_APPROVALS):
        present.add(id)
        if id not in told.asked:
            if run in told.runs:
                yield Finding(table="approvals", id=id, problem="no row of the journal tells that it was asked")
            continue
        _, asked = told.asked[id]
        if (tool, digest) != (asked.tool, asked.digest):
            yield Finding(table="approvals", id=id, problem="it was changed: the journal tells of another question")
        elif problem := _stands_otherwise(id, state, told):
            yield Finding(table="approvals", id=id, problem=problem)
    for id, (by, asked) in told.asked.items():
        if id not in present and by in told.runs:
            yield Finding(table="approvals", id=id, problem=f"it was removed: it was asked about {asked.tool}")
    given = {(approval, by): answer for approval, by, answer in database.read(_ANSWERS)}
    for (approval, by), answer in given.items():
        if approval in told.asked and told.answered.get(approval, {}).get(by) != answer:
            yield Finding(table="answers", id=f"{approval} by {by}", problem="the journal does not tell of this answer")
    for approval, people in told.answered.items():
        for by in people:
            if approval in present and (approval, by) not in given:
                yield Finding(table="answers", id=f"{approval} by {by}", problem="it was removed")


def _stands_otherwise(id: str, state: str, told: _Told) -> str:
    answers = set(told.answered.get(id, {}).values())
    if state in ("approved", "used") and "approved" not in answers:
        return f"it was changed: it is {state}, and the journal tells of nobody who approved it"
    if state in ("denied", "edited", "happened") and state not in answers:
        return f"it was changed: it is {state}, and the journal does not tell so"
    if state in ("pending", "approved") and id in told.used and "approved" in answers:
        return f"it was changed: it is {state}, and the journal tells that it was used"
    return ""
