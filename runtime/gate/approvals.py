"""Approvals: an `ask` put to people, bound to the digest of exactly what will happen. Each can be used once."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import orjson
from pydantic import ValidationError
from sqlalchemy import Column, Float, Table, Text, bindparam, insert, or_, select, update

from interlock.runtime.clock import Clock
from interlock.runtime.errors import ApprovalRefused, BadInput, JournalBroken, NotFound
from interlock.runtime.gate.answers import Answer, Given, add, given, hindrance
from interlock.runtime.journal.events import ApprovalAnswered, Refused
from interlock.runtime.journal.journal import Journal, Scope
from interlock.runtime.records import Caller, Decision
from interlock.runtime.storage.database import Database, Statement, Transaction, metadata
from interlock.runtime.text import mended

State = Literal["pending", "approved", "denied", "edited", "happened", "expired", "superseded", "used"]
Question = Literal["policy", "in_doubt"]
NOBODY = "nobody in time"
"""Stands as the answerer where the end of the time was put on record."""
ID = 32
"""Hexadecimal digits of an id: the beginning of the digest that it is bound to."""
_LEAST = 6
"""Digits from which on the beginning of an id stands for all of it."""
_OPEN: tuple[State, ...] = ("pending", "approved")
"""States that time still ends."""

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
    Column("arguments", Text, nullable=False),  # digest of a payload: the arguments, and what else is shown
    Column("decision", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("asked_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("answered_by", Text, nullable=False, server_default=""),
    Column("note", Text, nullable=False, server_default=""),
)

_NAMES = tuple(column.name for column in approvals.columns)
_GET = Statement(select(approvals).where(approvals.c.id == bindparam("of")))
_BEGINNING = Statement(
    select(approvals.c.id).where(approvals.c.id.startswith(bindparam("digits"), autoescape=False)).limit(2)
)
_ALL = Statement(select(approvals).order_by(approvals.c.asked_at))
_ADD = Statement(insert(approvals))
_SET = Statement(
    update(approvals)
    .where(approvals.c.id == bindparam("of"))
    .values(state=bindparam("becomes"), answered_by=bindparam("by"), note=bindparam("why"))
)
_USE = Statement(
    update(approvals)
    .where(
        approvals.c.id == bindparam("of"),
        approvals.c.state == "approved",
        approvals.c.expires_at > bindparam("at"),
    )
    .values(state="used")
)
_SUPERSEDE = Statement(
    update(approvals)
    .where(
        approvals.c.thread == bindparam("of"),
        approvals.c.place == bindparam("there"),
        approvals.c.id != bindparam("but"),
        or_(approvals.c.state == "pending", approvals.c.state == "approved"),
    )
    .values(state="superseded")
)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What people are asked, and how they answered."""

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
    about: dict[str, Any]
    """What else is shown: the effect, its cost, the label of what chose it, the policies' version, what led here."""
    decision: Decision
    state: State
    asked_at: datetime
    expires_at: datetime
    answered_by: str
    note: str
    answers: tuple[Given, ...]

    @property
    def approved_by(self) -> list[str]:
        """Who has approved so far."""
        return [one.by for one in self.answers if one.answer == "approved"]

    @property
    def quorum(self) -> int:
        """How many different people must approve."""
        return self.decision.quorum

    @property
    def scope(self) -> Scope:
        """Where its events belong."""
        return Scope(run=self.run, thread=self.thread, subject=Scope.subject_of(self.tenant, self.user))

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
            "quorum": self.quorum,
            "approved_by": self.approved_by,
            **self.about,
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
        """Look one up; one that is past its time and was not used reads as expired."""
        rows = self._database.read(_GET, of=id)
        return self._read(rows[0]) if rows else None

    def get(self, id: str) -> Approval:
        """Look one up by its id, or by how that begins, as people write it.

        Raises:
            NotFound: there is none of that id, or several begin like that.
        """
        fix = "`interlock approvals list` names them"
        if (found := self.find(id)) is not None:
            return found
        meant = self._database.read(_BEGINNING, digits=id) if len(id) >= _LEAST and id.isalnum() else []
        if len(meant) > 1:
            raise NotFound(what=f"several approvals begin with {id!r}", where="approvals", fix=fix)
        if not meant or (found := self.find(meant[0][0])) is None:
            raise NotFound(what=f"no approval {id!r}", where="approvals", fix=fix)
        return found

    def behind(self, interrupt: object) -> str:
        """Give the id of the approval that a graph's interrupt waits for; empty where it waits for something else."""
        id: object = cast(dict[str, object], interrupt).get("id") if isinstance(interrupt, dict) else None
        return id if isinstance(id, str) and self.find(id) is not None else ""

    def list(self, *, state: State | None = "pending", thread: str | None = None) -> list[Approval]:
        """List approvals, oldest first."""
        found = (self._read(row) for row in self._database.read(_ALL))
        return [a for a in found if state in (None, a.state) and thread in (None, a.thread)]

    def ask(
        self,
        tx: Transaction,
        *,
        scope: Scope,
        arguments: dict[str, Any],
        about: dict[str, Any],
        decision: Decision,
        **facts: Any,
    ) -> None:
        """Put a question; `facts` are the columns that name it. Earlier ones about the same call are superseded."""
        now = self._clock.now()
        self.supersede(tx, scope.thread, facts["place"], but=facts["id"])
        tx.run(
            _ADD,
            arguments=self._journal.store(tx, scope.subject, orjson.dumps({"arguments": arguments, "about": about})),
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
        """Approve or deny. One denial denies; approvals count until the quorum is there.

        Of an effect in doubt, to approve is to have it done again, to deny is to leave it.

        Raises:
            NotFound: there is none of that id.
            ApprovalRefused: it was answered before or has expired, or `by` may not answer it.
        """
        answer: Answer = "approved" if approve else "denied"
        return self._give(id, Given(by=by.user, answer=answer, note=note, arguments=""), by)

    def happened(self, id: str, *, by: Caller, note: str = "") -> Approval:
        """Settle an effect in doubt: it took place, and is not done again.

        Raises:
            NotFound, ApprovalRefused: as for `answer`.
        """
        if self.get(id).question != "in_doubt":
            raise _refused(self.get(id), "it is not in doubt whether it took place", "approve it, or deny it")
        return self._give(id, Given(by=by.user, answer="happened", note=note, arguments=""), by)

    def edit(self, id: str, arguments: dict[str, Any], *, by: Caller, note: str = "") -> Approval:
        """Put other arguments in place. The policies decide on them again when the run goes on.

        Raises:
            NotFound, ApprovalRefused: as for `answer`.
            BadInput: the arguments have no JSON form.
        """
        approval = self.get(id)
        if approval.question == "in_doubt":
            raise _refused(approval, "what may have happened cannot be edited", "say whether it happened")
        body = _body(arguments)
        with self._database.transaction() as tx:
            new = self._journal.store(tx, approval.scope.subject, body)
        return self._give(id, Given(by=by.user, answer="edited", note=note, arguments=new), by)

    def edited_arguments(self, approval: Approval) -> dict[str, Any]:
        """Give the arguments that a person put in place; empty where they were erased."""
        edits = [one.arguments for one in approval.answers if one.answer == "edited"]
        return (self._journal.payload(edits[-1]) or {}) if edits else {}

    def _give(self, id: str, one: Given, by: Caller) -> Approval:
        one = replace(one, note=mended(one.note).replace("\0", "\ufffd"))
        try:
            with self._database.transaction(durable=True) as tx:
                self._count(tx, self.get(id), one, by)
        except ApprovalRefused as error:
            self._put_on_record(self.get(id), one, error)
            raise
        return self.get(id)

    def _count(self, tx: Transaction, approval: Approval, one: Given, by: Caller) -> None:
        if approval.state != "pending":
            raise _refused(approval, f"it is {approval.state} already")
        whose = Caller(user=approval.user, tenant=approval.tenant)
        why, fix = hindrance(by, asked_for=whose, decision=approval.decision, before=approval.answers)
        if why:
            raise _refused(approval, why, fix)
        add(tx, approval.id, one, self._clock.now().timestamp())
        approving = [*approval.approved_by, one.by] if one.answer == "approved" else []
        becomes: State = one.answer
        if one.answer == "approved" and len(approving) < approval.quorum:
            becomes = "pending"
        names = ", ".join(approving) or one.by
        tx.run(_SET, of=approval.id, becomes=becomes, by="" if becomes == "pending" else names, why=one.note)
        event = ApprovalAnswered(
            approval=approval.id, answer=one.answer, by=one.by, roles=by.roles, note=one.note, state=becomes,
            arguments=(self._journal.payload(one.arguments) or {}) if one.arguments else {},
        )  # fmt: skip
        self._journal.append(tx, approval.scope, approval.place, event)

    def _put_on_record(self, approval: Approval, one: Given, error: ApprovalRefused) -> None:
        event = Refused(
            action="answer", code=error.code, told=str(error),
            request={"approval": approval.id, "answer": one.answer, "by": one.by},
        )  # fmt: skip
        with self._database.transaction() as tx:
            self._journal.append(tx, approval.scope, approval.place, event)
            self.end_if_over(tx, approval.id)

    def use(self, tx: Transaction, id: str) -> bool:
        """Mark an approved one as used; False where it was not, or no longer, approved."""
        return tx.run(_USE, of=id, at=self._clock.now().timestamp()).rowcount == 1

    def supersede(self, tx: Transaction, thread: str, place: str, *, but: str = "") -> None:
        """End what was asked about a call and is not to be answered or used any more."""
        tx.run(_SUPERSEDE, of=thread, there=place, but=but)

    def end_if_over(self, tx: Transaction, id: str) -> bool:
        """End one whose time is over, so that it stays so; tells whether that was needed."""
        approval = self.get(id)
        if approval.state != "expired" or approval.answered_by == NOBODY:
            return False
        self.end(tx, approval)
        return True

    def end(self, tx: Transaction, approval: Approval) -> None:
        """Put on record that the time of an approval is over."""
        tx.run(_SET, of=approval.id, becomes="expired", by=NOBODY, why="")
        event = ApprovalAnswered(approval=approval.id, answer="expired", by="", roles=(), state="expired")
        self._journal.append(tx, approval.scope, approval.place, event)

    def _read(self, row: tuple[Any, ...]) -> Approval:
        values = dict(zip(_NAMES, row, strict=True))
        kept: dict[str, Any] = self._journal.payload(values["arguments"]) or {}
        values["arguments"], values["about"] = kept.get("arguments", {}), kept.get("about", {})
        try:
            values["decision"] = Decision.model_validate_json(values["decision"])
        except ValidationError as error:
            raise JournalBroken(what=f"approval {values['id']} cannot be read: its decision was changed") from error
        for name in ("asked_at", "expires_at"):
            values[name] = datetime.fromtimestamp(values[name], UTC)
        if values["state"] in _OPEN and values["expires_at"] <= self._clock.now():
            values["state"] = "expired"
        found = Approval(**values, answers=given(self._database, values["id"]))
        if found.state == "approved" and len(found.approved_by) < found.quorum:
            raise JournalBroken(what=f"approval {found.id} is marked approved, but was not approved by {found.quorum}")
        return found


def _body(arguments: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(arguments)
    except TypeError as error:
        raise BadInput(
            what=f"the arguments cannot be kept: {error}", where="edited arguments", fix="give them as JSON has them"
        ) from error


def _refused(approval: Approval, why: str, fix: str = "nothing was changed") -> ApprovalRefused:
    return ApprovalRefused(what=f"approval {approval.id} cannot be answered: {why}", where=approval.tool, fix=fix)


__all__ = ["ID", "NOBODY", "Answer", "Approval", "Approvals", "Question", "State", "approvals"]
