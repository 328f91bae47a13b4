"""The append-only, hash-chained record of everything that happened.

Row n carries SHA-256(hash of row n-1 as hex, newline, head of row n). The head is the row's JSON text with all facts
but content; content lies in `payloads` under HMAC-SHA-256 with a key of the person it concerns, so that erasing key and
payload leaves the chain valid and nothing to guess from. Source: hash chaining after Haber & Stornetta 1991.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, bindparam, delete, insert, select

from interlock.runtime.clock import Clock
from interlock.runtime.errors import JournalBroken
from interlock.runtime.journal.events import KINDS, Event, read_event
from interlock.runtime.journal.seals import INTERVAL, SEALED, Seal, Sealer
from interlock.runtime.records import Caller
from interlock.runtime.storage.database import Database, Statement, Transaction, metadata, unless_there
from interlock.runtime.text import mended

FORMAT = 1
GENESIS = "0" * 64

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("run", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("head", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("events_by_run", "run", "seq"),
    Index("events_by_thread", "thread", "kind", "seq"),
)
payloads = Table(
    "payloads",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("body", LargeBinary),
    sqlite_with_rowid=False,
)
subjects = Table(
    "subjects",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("key", LargeBinary),
)

LAST = Statement(select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1))
_ADD = Statement(insert(events))
_ADD_PAYLOAD = unless_there(payloads)
_DROP_PAYLOAD = Statement(delete(payloads).where(payloads.c.digest == bindparam("of")))
_ADD_SUBJECT = unless_there(subjects)
_DROP_SUBJECT = Statement(delete(subjects).where(subjects.c.subject == bindparam("of")))
_KEY = Statement(select(subjects.c.key).where(subjects.c.subject == bindparam("of")))
_HASH = Statement(select(events.c.hash).where(events.c.seq == bindparam("of")))
_PAYLOAD = Statement(select(payloads.c.body).where(payloads.c.digest == bindparam("of")))
_COLUMNS = (events.c.seq, events.c.run, events.c.thread, events.c.kind, events.c.head, events.c.hash)
_OF_RUN = Statement(select(*_COLUMNS).where(events.c.run == bindparam("of")).order_by(events.c.seq))
_OF_THREAD = Statement(select(*_COLUMNS).where(events.c.thread == bindparam("of")).order_by(events.c.seq))
_OF_KIND = Statement(select(*_COLUMNS).where(events.c.kind == bindparam("of")).order_by(events.c.seq))
_BEGUN = Statement(
    select(events.c.run, events.c.head)
    .where(events.c.kind == "run_started", events.c.seq.between(bindparam("first"), bindparam("last")))
    .order_by(events.c.seq)
)
ALL = Statement(select(*_COLUMNS).order_by(events.c.seq))
PAYLOADS = Statement(
    select(payloads.c.digest, payloads.c.subject, payloads.c.body, subjects.c.key).select_from(
        payloads.outerjoin(subjects, payloads.c.subject == subjects.c.subject)
    )
)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where an event belongs: its run, its thread, its place in the graph, and whom its content concerns."""

    run: str
    thread: str
    subject: str

    @staticmethod
    def subject_of(tenant: str, user: str) -> str:
        """Name the person whose key covers a payload."""
        return orjson.dumps([tenant, user]).decode()


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row, read back. `event.content` fields that were erased are absent."""

    seq: int
    at: datetime
    run: str
    thread: str
    place: str
    hash: str
    event: Event
    erased: bool


class Journal:
    """Appends events inside a transaction, and reads them back."""

    def __init__(self, database: Database, clock: Clock, sealer: Sealer | None = None) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._keys_of = 0
        """Version of the database that the keys were read from: another process may have destroyed one since."""

    def append(self, tx: Transaction, scope: Scope, place: str, event: Event, *, at: datetime | None = None) -> int:
        """Add one event to the chain and return its row number. It stands once the transaction commits.

        Args:
            at: when it happened, where that is not now.
        """
        last = tx.one(LAST)
        seq, previous = (1, GENESIS) if last is None else (last[0] + 1, last[1])
        fields = event.model_dump(mode="json", exclude={"kind"})
        content = {name: fields.pop(name) for name in event.content}
        head = {
            "v": FORMAT,
            "seq": seq,
            "at": (at or self._clock.now()).isoformat(),
            "run": scope.run,
            "thread": scope.thread,
            "place": place,
            "kind": event.kind,
            "facts": fields,
            "content": self.store(tx, scope.subject, written(content)) if content else None,
        }
        text = written(head).decode()
        hash_ = chained(previous, text)
        tx.run(_ADD, seq=seq, run=scope.run, thread=scope.thread, kind=event.kind, head=text, hash=hash_)
        if self._sealer is not None and (event.kind in SEALED or seq % INTERVAL == 0):
            self._sealer.seal(tx, seq, hash_, self._clock.now())
        return seq

    def cut(self, tx: Transaction, seq: int, hash: str) -> None:
        """Sign that the rows up to this one are removed by rule.

        Raises:
            JournalBroken: this journal has no key.
        """
        if self._sealer is None:
            raise JournalBroken(what="the journal has no key to sign a cut with")
        self._sealer.cut(tx, seq, hash, self._clock.now())

    def seal(self) -> Seal | None:
        """Sign the newest row; None where there is none, or where this journal has no key."""
        with self._database.transaction(durable=True) as tx:
            last = tx.one(LAST)
            if last is None or self._sealer is None:
                return None
            return self._sealer.seal(tx, last[0], last[1], self._clock.now())

    def store(self, tx: Transaction, subject: str, body: bytes) -> str:
        """Keep a payload once and return its digest."""
        digest = hmac.digest(self._key(tx, subject), body, "sha256").hex()
        tx.run(_ADD_PAYLOAD, digest=digest, subject=subject, body=body)
        return digest

    def drop(self, tx: Transaction, digest: str) -> None:
        """Let go of a payload."""
        tx.run(_DROP_PAYLOAD, of=digest)

    def drop_key(self, tx: Transaction, subject: str) -> None:
        """Destroy a subject's key: its digests can be guessed no more. Who comes back gets another."""
        tx.run(_DROP_SUBJECT, of=subject)
        tx.destroyed()
        self._keys.pop(subject, None)

    def digest(self, subject: str, body: bytes) -> str:
        """Tell the digest under which a payload of this subject is kept."""
        with self._database.transaction() as tx:
            return hmac.digest(self._key(tx, subject), body, "sha256").hex()

    def _key(self, tx: Transaction, subject: str) -> bytes:
        if (version := tx.version()) != self._keys_of:
            self._keys.clear()
            self._keys_of = version
        if (known := self._keys.get(subject)) is not None:
            return known
        made = tx.run(_ADD_SUBJECT, subject=subject, key=secrets.token_bytes(32)).rowcount
        found: bytes = tx.run(_KEY, of=subject).fetchone()[0]
        if not made:  # a new one is gone if this transaction is rolled back
            self._keys[subject] = found
        return found

    def hash_of(self, seq: int) -> str:
        """Give a row's hash; empty where there is no such row."""
        rows = self._database.read(_HASH, of=seq)
        return str(rows[0][0]) if rows else ""

    def has_payload(self, digest: str) -> bool:
        """Tell whether a payload is kept under this digest, and not erased."""
        rows = self._database.read(_PAYLOAD, of=digest)
        return bool(rows) and rows[0][0] is not None

    def payload(self, digest: str) -> Any:
        """Read a payload as JSON data; None where it is erased or was never kept."""
        rows = self._database.read(_PAYLOAD, of=digest)
        return orjson.loads(rows[0][0]) if rows and rows[0][0] is not None else None

    def of_run(self, run: str) -> list[Entry]:
        """Read the events of a run, oldest first."""
        return [self.entry(row) for row in self._database.read(_OF_RUN, of=run)]

    def of_thread(self, thread: str) -> list[Entry]:
        """Read the events of a thread, oldest first."""
        return [self.entry(row) for row in self._database.read(_OF_THREAD, of=thread)]

    def runs_inside(self, run: str, first: int, last: int) -> list[str]:
        """Name the runs that began as part of a run, or of one of these, between two rows."""
        found = [run]
        for begun, head in self._database.read(_BEGUN, first=first, last=last):
            if orjson.loads(head)["facts"].get("inside") in found:
                found.append(begun)
        return found[1:]

    def of_kind(self, kind: str) -> list[Entry]:
        """Read the events of one kind, oldest first."""
        return [self.entry(row) for row in self._database.read(_OF_KIND, of=kind)]

    def everything(self) -> Iterator[Entry]:
        """Read all events, oldest first."""
        for row in self._database.read(ALL):
            yield self.entry(row)

    def entry(self, row: tuple[Any, ...]) -> Entry:
        """Make an entry from a row of `events`."""
        seq, run, thread, kind, head_text, hash_ = row
        head = orjson.loads(head_text)
        nothing: dict[str, Any] = {}
        content: Any = self.payload(head["content"]) if head["content"] else nothing
        return Entry(
            seq=seq,
            at=datetime.fromisoformat(head["at"]),
            run=run,
            thread=thread,
            place=head["place"],
            hash=hash_,
            event=_with_content(kind, head["facts"], content),
            erased=content is None,
        )


def written(value: Any) -> bytes:
    """Write plain data as JSON, also where others left half characters or endless integers in it."""
    try:
        return orjson.dumps(value, default=str)
    except TypeError:
        return json.dumps(mended(value), default=str, ensure_ascii=False).encode()


def _with_content(kind: str, facts: dict[str, Any], content: dict[str, Any] | None) -> Event:
    if content is not None:
        return read_event(kind, {**facts, **content})
    model = KINDS.get(kind)
    if model is None:
        return read_event(kind, facts)
    return read_event(kind, {**facts, **blanks(model)})


def blanks(model: type[Event]) -> dict[str, Any]:
    """Give what stands in place of an event's content once it is erased."""
    return {name: _BLANK.get(str(model.model_fields[name].annotation)) for name in model.content}


ERASED = "[erased]"
_BLANK: dict[str, Any] = {
    str(str): ERASED,
    str(dict[str, Any]): {},
    str(list[dict[str, Any]]): [],
    str(list[str]): [],
    str(Caller): Caller(user=ERASED, tenant=ERASED),
}


def chained(previous: str, head: str) -> str:
    """Hash a row's head together with the hash of the row before it: hexadecimal SHA-256."""
    return hashlib.sha256(f"{previous}\n{head}".encode("utf-8", "surrogateescape")).hexdigest()
