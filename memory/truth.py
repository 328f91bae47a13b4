"""The table that holds the truth about one user's memories, and the index of their words. One SQLite file."""

import json
import sqlite3
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from interlock.memory.layout import FORMAT, usable
from interlock.memory.records import Record
from interlock.memory.sqlite import SqliteFile
from interlock.runtime.errors import MemoryBusy
from interlock.runtime.memories import Owner

FILE = "truth.db"
NEWEST = "SELECT max(learned_at) FROM memories"
SCHEMA = """
CREATE TABLE memories (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, agent TEXT NOT NULL,
    text TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
    subject TEXT, attribute TEXT, many INTEGER NOT NULL,
    said_by TEXT NOT NULL, run TEXT NOT NULL, previous INTEGER, sources TEXT NOT NULL, frame TEXT,
    confidence REAL NOT NULL, importance REAL NOT NULL, sensitivity TEXT NOT NULL, purposes TEXT NOT NULL,
    label TEXT NOT NULL, valid_from TEXT NOT NULL, valid_to TEXT, ends TEXT NOT NULL, learned_at TEXT NOT NULL,
    closed_at TEXT, superseded_by TEXT NOT NULL DEFAULT '',
    expires_at TEXT, last_used TEXT, uses INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0,
    policy TEXT NOT NULL, in_vectors INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE tokens (row INTEGER PRIMARY KEY, pieces TEXT NOT NULL, vectors BLOB NOT NULL);
CREATE TABLE pieces (piece TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE links (
    id TEXT NOT NULL, kind TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (id, kind, other)
) WITHOUT ROWID;
CREATE TABLE waiting (row INTEGER PRIMARY KEY, vector BLOB NOT NULL);
CREATE TABLE doomed (row INTEGER PRIMARY KEY);
CREATE INDEX by_age ON memories (learned_at);
CREATE INDEX by_run ON memories (run, row) WHERE kind = 'episode';
CREATE INDEX by_digest ON memories (digest);
CREATE INDEX by_slot ON memories (subject, attribute) WHERE subject IS NOT NULL;
CREATE INDEX by_frame ON memories (frame) WHERE frame IS NOT NULL;
CREATE INDEX by_other ON links (other);
CREATE INDEX by_pending ON memories (in_vectors, closed_at);
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'porter unicode61 remove_diacritics 2')
"""


_JSON = ("sources", "label", "purposes", "conflicts_with", "made_from")


class Truth(SqliteFile):
    """One user's table."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self._names = {"tenant": owner.tenant, "user": owner.user}
        # Digested, so that nothing names a person of whom all was forgotten.
        digest = sha256(json.dumps(self._names).encode()).hexdigest()
        super().__init__(folder, FILE, kind="memory", format=FORMAT, schema=SCHEMA, owner=digest)

    def count(self) -> int:
        return int(self.rows("SELECT count(*) FROM memories")[0][0])

    def scrub(self) -> None:
        """Leave no trace of deleted rows in the file, the index or the write-ahead log.

        Raises:
            MemoryBusy: another process is reading; what it reads cannot be overwritten.
        """
        with self._lock, usable(self.folder):
            self._db.execute("INSERT INTO words (words) VALUES ('optimize')")
            self._db.execute("VACUUM")
            busy, *_ = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            fix = "end what else uses this memory, and forget again"
            raise MemoryBusy(what="memory: erased, but another process still reads", where=str(self.folder), fix=fix)

    def record(self, row: sqlite3.Row) -> Record:
        """Make the public form of a row."""
        slot = {"subject": row["subject"], "attribute": row["attribute"], "many": bool(row["many"])}
        values = {name: row[name] for name in set(Record.model_fields) & set(row.keys())}
        return Record.model_validate(
            values
            | self._names
            | {
                "slot": None if row["subject"] is None else slot,
                **{name: json.loads(row[name]) for name in _JSON},
                "pinned": bool(row["pinned"]),
            }
        )


def as_text(time: datetime) -> str:
    """Write a time so that texts sort as times do. A time without a zone is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")


def held(now: datetime, newest: str | None) -> datetime:
    """Hold the clock at the last time on record where it has jumped back: what is learned later stands later."""
    return max(now, datetime.fromisoformat(newest)) if newest else now
