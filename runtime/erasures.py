"""Erasures under way, so that one that is cut off is finished, and holds, which forbid them."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, Integer, Table, Text, bindparam, delete, insert, select, update

from interlock.runtime.clock import Clock
from interlock.runtime.errors import ErasurePending, OnHold, ThreadBusy
from interlock.runtime.gate.leases import held as held_threads
from interlock.runtime.memories import Owner
from interlock.runtime.storage.database import Database, Statement, Transaction, in_place, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("id", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("memories", Text, nullable=False),  # their ids as JSON
    Column("everything", Boolean, nullable=False),
    Column("prints", Text, nullable=False),  # what the files will be searched for, as salted fingerprints
    Column("unsearched", Integer, nullable=False),
    Column("row", Integer, nullable=False),  # of the journal, that says so; 0 before
)
holds = Table(
    "holds",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

_ADD = Statement(insert(erasures))
_ALL = Statement(select(erasures).order_by(erasures.c.id))
_OF = Statement(
    select(erasures.c.id).where(erasures.c.tenant == bindparam("tenant"), erasures.c.user == bindparam("user"))
)
_ON_RECORD = Statement(update(erasures).where(erasures.c.id == bindparam("of")).values(row=bindparam("at")))
_DONE = Statement(delete(erasures).where(erasures.c.id == bindparam("of")))
_HOLD = in_place(holds)
_RELEASE = Statement(delete(holds).where(holds.c.tenant == bindparam("tenant"), holds.c.user == bindparam("user")))
_HELD = Statement(select(holds.c.tenant, holds.c.user, holds.c.reason))


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """One erasure, from its beginning to its receipt."""

    id: str
    owner: Owner
    memories: tuple[str, ...]
    """Their ids."""
    everything: bool
    """Whether all goes that is held on the person."""
    prints: dict[str, Any]
    unsearched: int
    row: int = 0


def begin(tx: Transaction, erasure: Erasure, threads: Collection[str], clock: Clock) -> None:
    """Write down what is to be erased. From here on it is finished, by whoever opens the home next.

    Raises:
        OnHold: a hold forbids it.
        ThreadBusy: a run of the person is at work.
    """
    owner = erasure.owner
    require_no_hold({(tenant, user): reason for tenant, user, reason in tx.all(_HELD)}, owner)
    for thread, run in held_threads(tx, clock).items():
        if thread.partition("#")[0] in threads:
            raise ThreadBusy(thread=thread, holder=run)
    tx.run(
        _ADD, id=erasure.id, tenant=owner.tenant, user=owner.user, memories=json.dumps(erasure.memories),
        everything=erasure.everything, prints=json.dumps(erasure.prints), unsearched=erasure.unsearched, row=0,
    )  # fmt: skip


def pending(database: Database) -> list[Erasure]:
    """List the erasures that were begun and not finished, oldest first."""
    return [
        Erasure(
            id=id, owner=Owner(tenant=tenant, user=user), memories=tuple(json.loads(memories)),
            everything=bool(everything), prints=json.loads(prints), unsearched=unsearched, row=row,
        )
        for id, tenant, user, memories, everything, prints, unsearched, row in database.read(_ALL)
    ]  # fmt: skip


def on_record(tx: Transaction, id: str, row: int) -> None:
    """Note that the journal's part is done."""
    tx.run(_ON_RECORD, of=id, at=row)


def done(tx: Transaction, id: str) -> None:
    """Note that all of it is done."""
    tx.run(_DONE, of=id)


def require_none_pending(tx: Transaction, tenant: str, user: str) -> None:
    """Let nothing new begin for somebody who is being forgotten.

    Raises:
        ErasurePending: an erasure for them was begun and not finished.
    """
    if tx.one(_OF, tenant=tenant, user=user) is not None:
        fix = "wait for it, or finish it with `interlock memory check`"
        raise ErasurePending(what="what is held on them is being erased", where=f"user {user!r}", fix=fix)


def hold(database: Database, owner: Owner, reason: str) -> None:
    """Forbid erasing and pruning what is held on a person."""
    with database.transaction(durable=True) as tx:
        tx.run(_HOLD, tenant=owner.tenant, user=owner.user, reason=reason)


def release(database: Database, owner: Owner) -> None:
    """End a hold."""
    with database.transaction(durable=True) as tx:
        tx.run(_RELEASE, tenant=owner.tenant, user=owner.user)


def held(database: Database) -> dict[tuple[str, str], str]:
    """Tell who is on hold, by tenant and user, and why."""
    return {(tenant, user): reason for tenant, user, reason in database.read(_HELD)}


def require_no_hold(found: dict[tuple[str, str], str], owner: Owner) -> None:
    """Refuse to erase what a hold keeps.

    Raises:
        OnHold: there is one.
    """
    if reason := found.get((owner.tenant, owner.user)):
        what, fix = f"memories are on hold: {reason}", "release the hold first"
        raise OnHold(what=what, where=f"user {owner.user!r}", fix=fix)
