"""Approvals: an `ask` put to a person, bound to the digest of exactly what will happen. Each can be used once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
from sqlalchemy import Column, Float, Table, Text, bindparam, insert, select, update

from interlock.runtime.clock import Clock
from interlock.runtime.database import Database, Statement, Transaction, metadata
from interlock.runtime.errors import ApprovalRefused, NotFound
from interlock.runtime.journal.events import ApprovalAnswered
from interlock.runtime.journal.journal import Journal, Scope
from interlock.runtime.records import Caller, Decision

State = Literal["pending", "approved", "denied", "expired", "used"]
Question = Literal["policy", "in_doubt"]

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("effect", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("thread", Text, nullable=False, index=True),
    Column("run", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("source", Text, nullable=False),  # where the agent can be loaded from, if known
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # digest of the payload
    Column("decision", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("asked_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("answered_by", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
)

_NAMES = tuple(column.name for column in approvals.columns)
_GET = Statement(select(approvals).where(approvals.c.id == bindparam("of")))
_ALL = Statement(select(approvals).order_by(approvals.c.asked_at))
_ADD = Statement(insert(approvals))
_SET = Statement(
    update(approvals)
    .where(approvals.c.id == bindparam("of"), approvals.c.state == bindparam("was"))
    .values(state=bindparam("becomes"), answered_by=bindparam("by"), note=bindparam("why"))
)
_USE = Statement(
    update(approvals).where(approvals.c.id == bindparam("of"), approvals.c.state == "approved").values(state="used")
)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What a person is asked, and how they answered."""

    id: str
    effect: str
    question: Question
    digest: str
    thread: str
    run: str
    place: str
    tenant: str
    user: str
    agent: str
    source: str
    tool: str
    arguments: dict[str, Any]
    decision: Decision
    state: State
    asked_at: datetime
    expires_at: datetime
    answered_by: str
    note: str

    def shown(self) -> dict[str, Any]:
        """Give what a person must see before answering, as JSON data."""
        return {
            "id": self.id,
            "question": self.question,
            "tool": self.tool,
            "arguments": self.arguments,
            "reason": self.decision.reason,
            "policies": list(self.decision.policies),
            "roles": list(self.decision.roles),
            "for": {"user": self.user, "tenant": self.tenant},
            "agent": self.agent,
            "thread": self.thread,
            "run": self.run,
            "state": self.state,
            "asked_at": self.asked_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "answered_by": self.answered_by,
            "note": self.note,
            "digest": self.digest,
        }


class Approvals:
    """The approvals of one home."""

    def __init__(self, database: Database, journal: Journal, clock: Clock) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock

    def find(self, id: str) -> Approval | None:
        """Look one up; a pending one that is past its time reads as expired."""
        rows = self._database.read(_GET, of=id)
        return self._read(rows[0]) if rows else None

    def get(self, id: str) -> Approval:
        """Look one up.

        Raises:
            NotFound: there is none of that id.
        """
        if (found := self.find(id)) is None:
            raise NotFound(what=f"no approval {id!r}", where="approvals", fix="`interlock approvals list` names them")
        return found

    def list(self, *, state: State | None = "pending", thread: str | None = None) -> list[Approval]:
        """List approvals, oldest first."""
        found = (self._read(row) for row in self._database.read(_ALL))
        return [a for a in found if state in (None, a.state) and thread in (None, a.thread)]

    def ask(
        self, tx: Transaction, *, scope: Scope, arguments: dict[str, Any], decision: Decision, **facts: Any
    ) -> None:
        """Put a question; `facts` are the columns that name it."""
        now = self._clock.now()
        tx.run(
            _ADD,
            arguments=self._journal.store(tx, scope.subject, orjson.dumps(arguments)),
            decision=decision.model_dump_json(),
            state="pending",
            asked_at=now.timestamp(),
            expires_at=(now + timedelta(seconds=decision.expires_s)).timestamp(),
            run=scope.run,
            thread=scope.thread,
            answered_by="",
            note="",
            **facts,
        )

    def answer(self, id: str, *, approve: bool, by: Caller, note: str = "") -> Approval:
        """Approve or deny, once.

        Raises:
            NotFound: there is none of that id.
            ApprovalRefused: it was answered before or has expired, or `by` may not answer it.
        """
        approval = self.get(id)
        _may_answer(approval, by)
        answer: Literal["approved", "denied"] = "approved" if approve else "denied"
        scope = Scope(
            run=approval.run, thread=approval.thread, subject=Scope.subject_of(approval.tenant, approval.user)
        )
        with self._database.transaction(durable=True) as tx:
            changed = tx.run(_SET, of=id, was="pending", becomes=answer, by=by.user, why=note)
            if changed.rowcount != 1:
                raise _refused(approval, "it was answered by someone else at the same moment")
            event = ApprovalAnswered(approval=id, answer=answer, by=by.user, roles=by.roles, note=note)
            self._journal.append(tx, scope, approval.place, event)
        return self.get(id)

    def use(self, tx: Transaction, id: str) -> bool:
        """Mark an approved one as used; False where it was not, or no longer, approved."""
        return tx.run(_USE, of=id).rowcount == 1

    def _read(self, row: tuple[Any, ...]) -> Approval:
        values = dict(zip(_NAMES, row, strict=True))
        values["arguments"] = self._journal.payload(values["arguments"]) or {}
        values["decision"] = Decision.model_validate_json(values["decision"])
        for name in ("asked_at", "expires_at"):
            values[name] = datetime.fromtimestamp(values[name], self._clock.now().tzinfo)
        if values["state"] == "pending" and values["expires_at"] <= self._clock.now():
            values["state"] = "expired"
        return Approval(**values)


def _may_answer(approval: Approval, by: Caller) -> None:
    if approval.state != "pending":
        raise _refused(approval, f"it is {approval.state} already")
    if by.tenant != approval.tenant:
        raise _refused(approval, "it belongs to another tenant")
    if by.user == approval.user:
        raise _refused(approval, f"{by.user!r} asked for it and cannot answer it", fix="let another person answer")
    wanted = approval.decision.roles
    if wanted and not set(wanted) & set(by.roles):
        raise _refused(approval, f"it needs the role {' or '.join(wanted)}", fix=f"--role {wanted[0]}, if that is you")


def _refused(approval: Approval, why: str, fix: str = "nothing was changed") -> ApprovalRefused:
    return ApprovalRefused(what=f"approval {approval.id} cannot be answered: {why}", where=approval.tool, fix=fix)
