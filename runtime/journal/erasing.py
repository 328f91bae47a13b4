"""Erase content so that the chain stays valid: payloads go, and a sealed row says which."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, or_, select, update

from interlock.runtime.checks import texts_in
from interlock.runtime.gate.answers import answers
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.gate.ledger import accounts
from interlock.runtime.gate.reservations import reservations
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Erased, MemoryIntended, MemoryWritten, RunStarted
from interlock.runtime.journal.journal import ERASED, Scope, payloads, subjects
from interlock.runtime.memories import Owner
from interlock.runtime.storage.database import Statement, Transaction
from interlock.runtime.wording import Wording

_NOBODY = Scope(run="", thread="", subject="")

_PAYLOADS = Statement(select(payloads.c.digest, payloads.c.body).where(payloads.c.subject == bindparam("of")))
_KEY = Statement(select(subjects.c.key).where(subjects.c.subject == bindparam("of")))
_MINE = (approvals.c.tenant == bindparam("of_tenant"), approvals.c.user == bindparam("of_user"))
_ASKED = Statement(select(approvals.c.id, approvals.c.effect, approvals.c.note).where(*_MINE))
_NOTES = Statement(select(answers.c.by, answers.c.note).where(answers.c.approval == bindparam("of")))
_EFFECTS = Statement(select(effects.c.key, effects.c.run, effects.c.outcome))
_DROP_APPROVAL = Statement(delete(approvals).where(approvals.c.id == bindparam("of")))
_DROP_ANSWERS = Statement(delete(answers).where(answers.c.approval == bindparam("of")))
_DROP_EFFECT = Statement(delete(effects).where(effects.c.key == bindparam("of")))
_DROP_ACCOUNT = Statement(delete(accounts).where(accounts.c.scope == bindparam("of")))
_DROP_HELD = Statement(delete(reservations).where(reservations.c.scope == bindparam("of")))
_BLANK_OUTCOME = Statement(update(effects).where(effects.c.outcome == bindparam("of")).values(outcome=""))
_BLANK_EDIT = Statement(update(answers).where(answers.c.arguments == bindparam("of")).values(arguments=""))
_BLANK_QUESTION = Statement(update(approvals).where(approvals.c.arguments == bindparam("of")).values(arguments=""))
_END_QUESTION = Statement(  # whose arguments are gone cannot be answered any more
    update(approvals)
    .where(
        approvals.c.arguments == bindparam("of"),
        or_(approvals.c.state == "pending", approvals.c.state == "approved"),
    )
    .values(state="superseded")
)
_BLANK_NOTE = Statement(update(approvals).where(approvals.c.id == bindparam("of")).values(note=ERASED))
_BLANK_ANSWER = Statement(
    update(answers).where(answers.c.approval == bindparam("of"), answers.c.by == bindparam("who")).values(note=ERASED)
)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the journal holds of one person."""

    owner: Owner
    key: bytes
    """Under which the person's payloads are digested; empty where nothing is held."""
    bodies: dict[str, bytes]
    """Payloads by digest."""
    runs: tuple[str, ...]
    threads: tuple[str, ...]
    notes: tuple[str, ...]
    """What people wrote when they answered for the person's runs."""

    @property
    def subject(self) -> str:
        """Under which name the payloads stand."""
        return Scope.subject_of(self.owner.tenant, self.owner.user)

    def texts(self) -> set[str]:
        """List every text that stands in it."""
        return {*self.notes, *(text for body in self.bodies.values() for text in texts_in(orjson.loads(body)))}

    def about(self, wording: Wording) -> list[str]:
        """List the payloads that hold a text; of prompts also the cells after it, so that none lacks its beginning."""
        parsed = {digest: orjson.loads(body) for digest, body in self.bodies.items()}
        found = {digest for digest, value in parsed.items() if wording.in_data(value)}
        followers: dict[str, list[str]] = {}
        for digest, value in parsed.items():
            if (before := _before(value)) is not None:
                followers.setdefault(before, []).append(digest)
        reached = [*found]
        while reached:
            after = [one for one in followers.get(reached.pop(), ()) if one not in found]
            found.update(after)
            reached += after
        return sorted(found)


def _before(value: Any) -> str | None:
    return value["prev"] if isinstance(value, dict) and value.keys() == {"prev", "message"} else None  # pyright: ignore[reportUnknownVariableType]


def held_of(home: Home, owner: Owner) -> Held:
    """Find out what the journal holds of a person."""
    subject, database = Scope.subject_of(owner.tenant, owner.user), home.database
    bodies = {digest: body for digest, body in database.read(_PAYLOADS, of=subject) if body is not None}
    started = [entry for entry in home.journal.of_kind("run_started") if _runs_for(entry.event, owner)]
    keys = database.read(_KEY, of=subject)
    asked = database.read(_ASKED, of_tenant=owner.tenant, of_user=owner.user)
    answered = [note for id, _, _ in asked for _, note in database.read(_NOTES, of=id)]
    return Held(
        owner=owner,
        key=keys[0][0] if keys else b"",
        bodies=bodies,
        runs=tuple(entry.run for entry in started),
        threads=tuple(sorted({entry.thread for entry in started})),
        notes=tuple(filter(None, [*(note for _, _, note in asked), *answered])),
    )


def _runs_for(event: Any, owner: Owner) -> bool:
    return (event.caller.tenant, event.caller.user) == (owner.tenant, owner.user)


def told_as(home: Home, held: Held, memories: Collection[str]) -> set[str]:
    """Find the words from which memories were made: as they were offered, and what the person said in that run."""
    found: set[str] = set()
    for run in held.runs:
        said: list[str] = []
        note: dict[str, Any] = {}
        for entry in home.journal.of_run(run):
            match entry.event:
                case RunStarted() as event:
                    said = [text for message in event.messages for text in texts_in(message.get("content"))]
                case MemoryIntended() as event:
                    note = event.note
                case MemoryWritten() as event if event.memory in memories:
                    found.update([note.get("text", ""), *(said if note.get("said_by") == "user" else ())])
                case _:
                    pass
    return found


def erase_all(tx: Transaction, home: Home, held: Held, erasure: str) -> int:
    """Erase everything of a person, and destroy the key; gives the row that says so."""
    owner = held.owner
    asked = tx.all(_ASKED, of_tenant=owner.tenant, of_user=owner.user)
    begun = {effect for _, effect, _ in asked}
    for key, run, outcome in tx.all(_EFFECTS):
        if key in begun or run in held.runs or outcome in held.bodies:
            tx.run(_DROP_EFFECT, of=key)
    for id, _effect, _note in asked:
        tx.run(_DROP_ANSWERS, of=id)
        tx.run(_DROP_APPROVAL, of=id)
    named = [f"user {json.dumps([owner.tenant, owner.user])}", *(f"thread {json.dumps([t])}" for t in held.threads)]
    for scope in home.ledger.scopes():
        if any(scope == name or scope.startswith(f"{name} ") for name in named):
            tx.run(_DROP_ACCOUNT, of=scope)
            tx.run(_DROP_HELD, of=scope)
    row = _drop(tx, home, [*held.bodies], erasure, runs=held.runs, threads=held.threads)
    home.journal.drop_key(tx, held.subject)
    return row


def erase_some(tx: Transaction, home: Home, held: Held, wording: Wording, erasure: str) -> int:
    """Erase what holds some texts of a person; gives the row that says so, 0 where nothing did."""
    digests = held.about(wording)
    for digest in digests:
        for statement in (_BLANK_OUTCOME, _BLANK_EDIT, _END_QUESTION, _BLANK_QUESTION):
            tx.run(statement, of=digest)
    for id, _effect, note in tx.all(_ASKED, of_tenant=held.owner.tenant, of_user=held.owner.user):
        if wording.in_text(note):
            tx.run(_BLANK_NOTE, of=id)
        for by, answer in tx.all(_NOTES, of=id):
            if wording.in_text(answer):
                tx.run(_BLANK_ANSWER, of=id, who=by)
    return _drop(tx, home, digests, erasure) if digests else 0


def _drop(
    tx: Transaction,
    home: Home,
    digests: list[str],
    erasure: str,
    *,
    runs: Collection[str] = (),
    threads: Collection[str] = (),
) -> int:
    for digest in digests:
        home.journal.drop(tx, digest)
    event = Erased(
        erasure=erasure, payloads=len(digests), digests=sorted(digests), runs=sorted(runs), threads=sorted(threads)
    )
    return home.journal.append(tx, _NOBODY, "", event)
