"""The tables beside the journal, held against it: effects, approvals, answers and accounts are derived from its rows.

Only what the journal tells is checked. Rows whose runs were pruned or erased are beyond it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import select

from interlock.runtime.database import Database, Statement
from interlock.runtime.errors import JournalBroken
from interlock.runtime.gate.answers import answers
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.gate.ledger import Ledger
from interlock.runtime.journal.contents import Contents
from interlock.runtime.journal.findings import Finding
from interlock.runtime.records import Usage

Facts = dict[str, Any]

_EFFECTS = Statement(
    select(effects.c.key, effects.c.run, effects.c.tool, effects.c.digest, effects.c.state, effects.c.outcome)
)
_APPROVALS = Statement(select(approvals.c.id, approvals.c.run, approvals.c.tool, approvals.c.digest, approvals.c.state))
_ANSWERS = Statement(select(answers.c.approval, answers.c.by, answers.c.answer))
_SPENT = ("input_tokens", "output_tokens", "model_calls", "tool_calls", "usd")


def disagreements(database: Database, contents: Contents) -> Iterator[Finding]:
    """Name the rows of other tables that do not say what the journal says."""
    told = _Told.by(contents)
    yield from _effects(database, contents, told)
    yield from _approvals(database, told)
    yield from _accounts(database, told)


@dataclass(kw_only=True)
class _Told:
    """What the journal tells about the other tables."""

    runs: set[str] = field(default_factory=set[str])
    """Runs whose rows are all there, content too."""
    intended: dict[str, Facts] = field(default_factory=dict[str, Facts])
    """By key of the effect: how it was claimed last, with its run."""
    results: dict[tuple[str, str], Facts] = field(default_factory=dict[tuple[str, str], Facts])
    """By run and call: how it ended."""
    asked: dict[str, Facts] = field(default_factory=dict[str, Facts])
    answered: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """By approval: who answered what."""
    used: set[str] = field(default_factory=set[str])
    """Approvals by which something was done."""
    ended: dict[str, Facts] = field(default_factory=dict[str, Facts])

    @staticmethod
    def by(contents: Contents) -> "_Told":
        made = _Told()
        gone: set[str] = set(contents.erased_runs)
        for (_seq, run, _thread, kind, _head, _hash), head in contents.rows:
            content = contents.content(head)
            if kind == "run_started":
                made.runs.add(run)
            if content is None:
                gone.add(run)
            else:
                made._take(run, kind, head["facts"] | content)
        made.runs -= gone
        return made

    def _take(self, run: str, kind: str, facts: Facts) -> None:
        match kind:
            case "tool_intended":
                if facts["effect"]:
                    self.intended[facts["effect"]] = {**facts, "run": run}
                self.used.add(facts["approval"])
            case "tool_done" | "tool_failed":
                if not facts.get("reused"):
                    self.results[run, facts["call"]] = {**facts, "kind": kind}
            case "approval_requested":
                self.asked[facts["approval"]] = {**facts, "run": run}
            case "approval_answered" if facts["answer"] != "expired":
                self.answered.setdefault(facts["approval"], {})[facts["by"]] = facts["answer"]
            case "run_ended":
                self.ended[run] = facts
            case "run_resumed":
                self.ended.pop(run, None)
            case _:
                pass


def _effects(database: Database, contents: Contents, told: _Told) -> Iterator[Finding]:
    present: set[str] = set()
    for key, run, tool, digest, state, outcome in database.read(_EFFECTS):
        present.add(key)
        intended = told.intended.get(key)
        if intended is None:
            if run in told.runs:
                yield Finding(table="effects", id=key, problem="no row of the journal tells of this effect")
            continue
        if (tool, digest) != (intended["tool"], intended["digest"]):
            yield Finding(table="effects", id=key, problem="it was changed: the journal tells of another request")
        ended = told.results.get((intended["run"], intended["call"]))
        if ended is not None and (problem := _ends_otherwise(ended, state, contents.bodies.get(outcome))):
            yield Finding(table="effects", id=key, problem=problem)
    for key, intended in told.intended.items():
        if key not in present and intended["run"] in told.runs:
            yield Finding(
                table="effects", id=key, problem=f"it was removed: {intended['tool']} was begun by {intended['run']}"
            )


def _ends_otherwise(ended: Facts, state: str, outcome: bytes | None) -> str:
    if ended["kind"] == "tool_done":
        if state != "done":
            return f"it was changed: it is {state}, and the journal tells that it was done"
        if outcome is not None and orjson.loads(outcome).get("value") != ended["value"]:
            return "it was changed: the journal tells of another result"
    elif ended["happened"] == "no" and state != "failed":
        return f"it was changed: it is {state}, and the journal tells that it failed"
    return ""


def _approvals(database: Database, told: _Told) -> Iterator[Finding]:
    present: set[str] = set()
    for id, run, tool, digest, state in database.read(_APPROVALS):
        present.add(id)
        asked = told.asked.get(id)
        if asked is None:
            if run in told.runs:
                yield Finding(table="approvals", id=id, problem="no row of the journal tells that it was asked")
        elif (tool, digest) != (asked["tool"], asked["digest"]):
            yield Finding(table="approvals", id=id, problem="it was changed: the journal tells of another question")
        elif problem := _stands_otherwise(id, state, told):
            yield Finding(table="approvals", id=id, problem=problem)
    for id, asked in told.asked.items():
        if id not in present and asked["run"] in told.runs:
            yield Finding(table="approvals", id=id, problem=f"it was removed: it was asked about {asked['tool']}")
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


def _accounts(database: Database, told: _Told) -> Iterator[Finding]:
    ledger = Ledger(database)
    for run, ended in told.ended.items():
        if run not in told.runs:
            continue
        said = Usage.model_validate(ended["usage"])
        try:
            spent = ledger.usage(f"run {run}")
        except JournalBroken as error:
            yield Finding(table="accounts", id=f"run {run}", problem=error.what)
            continue
        different = [name for name in _SPENT if getattr(spent, name) != getattr(said, name)]
        if different:
            problem = f"it was changed: the journal tells of other {', '.join(different)}"
            yield Finding(table="accounts", id=f"run {run}", problem=problem)
