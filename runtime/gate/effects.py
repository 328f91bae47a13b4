"""The effects ledger: an effect is claimed before it happens and committed after, so that it happens once.

The key is thread, place in the graph and digest of the request; task ids change between retries and must not enter it.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Column, Integer, Table, Text, bindparam, insert, select, text, update

from interlock.runtime.contract import ToolContract
from interlock.runtime.storage.database import Database, Statement, Transaction, metadata

State = Literal["claimed", "done", "failed", "in_doubt"]

effects = Table(
    "effects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("thread", Text, nullable=False, index=True),
    Column("run", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Text, nullable=False, server_default=""),  # digest of the outcome's payload
)

_GET = Statement(
    select(effects.c.state, effects.c.fence, effects.c.attempts, effects.c.outcome).where(
        effects.c.key == bindparam("of")
    )
)
_LIKE = Statement(
    select(effects.c.thread, effects.c.run)
    .where(effects.c.digest == bindparam("what"), effects.c.state != "failed")
    .order_by(text("rowid desc"))
    .limit(20)
)
_CLAIM = Statement(insert(effects))
_AGAIN = Statement(
    update(effects)
    .where(effects.c.key == bindparam("of"))
    .values(state="claimed", fence=bindparam("mine"), attempts=effects.c.attempts + 1)
)
_END = Statement(
    update(effects)
    .where(effects.c.key == bindparam("of"), effects.c.fence == bindparam("mine"))
    .values(state=bindparam("ends"), outcome=bindparam("result"))
)
_SETTLE = Statement(
    update(effects)
    .where(effects.c.key == bindparam("of"))
    .values(state=bindparam("ends"), outcome=bindparam("result"), fence=bindparam("mine"))
)
_DOUBT = Statement(update(effects).where(effects.c.key == bindparam("of")).values(state="in_doubt"))


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A row of the ledger."""

    key: str
    state: State
    attempts: int
    outcome: str


def request_digest(contract: ToolContract, arguments: dict[str, Any]) -> str:
    """Digest exactly what will happen: tool, version and normalised arguments. Hexadecimal SHA-256."""
    body = orjson.dumps([contract.name, contract.version, arguments], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()


def effect_key(thread: str, place: str, digest: str) -> str:
    """Name one effect: 32 hexadecimal digits. Also the idempotency key that tools get."""
    return hashlib.sha256(orjson.dumps([thread, place, digest])).hexdigest()[:32]


def find(tx: Transaction, key: str) -> Effect | None:
    """Look an effect up."""
    row = tx.one(_GET, of=key)
    return None if row is None else Effect(key=key, state=row[0], attempts=row[2], outcome=row[3])


def alike(tx: Transaction, digest: str) -> list[tuple[str, str]]:
    """Name thread and run of the latest calls that ask exactly this; whether a run is over, the journal knows."""
    return [(row[0], row[1]) for row in tx.all(_LIKE, what=digest)]


def claim(
    tx: Transaction, key: str, *, thread: str, run: str, place: str, tool: str, digest: str, fence: int, again: bool
) -> None:
    """Write down that the effect is about to happen."""
    if again:
        tx.run(_AGAIN, of=key, mine=fence)
    else:
        tx.run(
            _CLAIM, key=key, thread=thread, run=run, place=place, tool=tool, digest=digest,
            state="claimed", fence=fence, attempts=1, outcome="",
        )  # fmt: skip


def end(tx: Transaction, key: str, fence: int, state: State, outcome: str = "") -> None:
    """Write down how the effect ended; a worker whose claim was taken over changes nothing."""
    tx.run(_END, of=key, mine=fence, ends=state, result=outcome)


def settle(tx: Transaction, key: str, fence: int, state: State, outcome: str) -> None:
    """Write down how an effect in doubt ended, as a person or the tool itself has told."""
    tx.run(_SETTLE, of=key, mine=fence, ends=state, result=outcome)


def doubt(tx: Transaction, key: str) -> None:
    """Write down that nobody knows whether the effect happened."""
    tx.run(_DOUBT, of=key)


def of_thread(database: Database, thread: str) -> list[tuple[Any, ...]]:
    """List a thread's effects: key, tool, state, attempts."""
    chosen = select(effects.c.key, effects.c.tool, effects.c.state, effects.c.attempts)
    return database.read(Statement(chosen.where(effects.c.thread == bindparam("of"))), of=thread)
