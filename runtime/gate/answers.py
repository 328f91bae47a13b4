"""What people answered to an approval, each of them once, and who may answer."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Column, Float, Table, Text, bindparam, insert, select

from interlock.runtime.records import Caller, Decision
from interlock.runtime.storage.database import Database, Statement, Transaction, metadata

Answer = Literal["approved", "denied", "edited", "happened"]
"""`happened` settles an effect in doubt: it took place. For one in doubt `approved` means: do it again."""

answers = Table(
    "answers",
    metadata,
    Column("approval", Text, primary_key=True),
    Column("by", Text, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("arguments", Text, nullable=False),  # digest of the edited arguments' payload; empty where not edited
    Column("at", Float, nullable=False),
    sqlite_with_rowid=False,
)

_ADD = Statement(insert(answers))
_OF = Statement(
    select(answers.c.by, answers.c.answer, answers.c.note, answers.c.arguments)
    .where(answers.c.approval == bindparam("of"))
    .order_by(answers.c.at)
)


@dataclass(frozen=True, kw_only=True)
class Given:
    """One person's answer."""

    by: str
    answer: Answer
    note: str
    arguments: str


def given(database: Database, approval: str) -> tuple[Given, ...]:
    """List the answers to an approval, oldest first."""
    rows = database.read(_OF, of=approval)
    return tuple(Given(by=by, answer=answer, note=note, arguments=new) for by, answer, note, new in rows)


def add(tx: Transaction, approval: str, one: Given, at: float) -> None:
    """Keep an answer."""
    tx.run(_ADD, approval=approval, by=one.by, answer=one.answer, note=one.note, arguments=one.arguments, at=at)


def hindrance(by: Caller, *, asked_for: Caller, decision: Decision, before: tuple[Given, ...]) -> tuple[str, str]:
    """Tell why somebody may not answer, and what to do; two empty texts where they may."""
    if by.tenant != asked_for.tenant:
        return "it belongs to another tenant", "nothing was changed"
    if by.user == asked_for.user:
        return f"{by.user!r} asked for it and cannot answer it", "let another person answer"
    if decision.roles and not set(decision.roles) & set(by.roles):
        needed = " or ".join(decision.roles)
        return f"it needs the role {needed}", f"--role {decision.roles[0]}, if that is you"
    if any(one.by == by.user for one in before):
        return f"{by.user!r} has answered it already", "let another person answer"
    return "", ""
