"""The table that holds the truth about one tenant's memories, and the index of their words. One SQLite file."""

import json
import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from interlock.memory.layout import FORMAT, usable
from interlock.memory.records import Record
from interlock.runtime.errors import HomeUnusable

FILE = "truth.db"
SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE memories (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, user TEXT NOT NULL, agent TEXT NOT NULL,
    text TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
    subject TEXT, attribute TEXT, many INTEGER NOT NULL,
    said_by TEXT NOT NULL, run TEXT NOT NULL, sources TEXT NOT NULL,
    confidence REAL NOT NULL, sensitivity TEXT NOT NULL, label TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_to TEXT, learned_at TEXT NOT NULL,
    closed_at TEXT, superseded_by TEXT NOT NULL DEFAULT '',
    expires_at TEXT, last_used TEXT, uses INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0,
    policy TEXT NOT NULL, in_vectors INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE doomed (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE INDEX by_owner ON memories (user, agent, learned_at);
CREATE INDEX by_digest ON memories (user, digest);
CREATE INDEX by_slot ON memories (user, subject, attribute) WHERE subject IS NOT NULL;
CREATE INDEX by_pending ON memories (in_vectors, closed_at);
CREATE VIRTUAL TABLE words USING fts5(owner, text, tokenize = 'porter unicode61 remove_diacritics 2')
"""


class Truth:
    """One tenant's table."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self.folder = folder
        self.tenant = tenant
        self._lock = threading.RLock()
        with usable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None, timeout=30)
            self._db.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA secure_delete = ON")
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'meta'"):
            with self.transaction() as db:
                for statement in SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute("INSERT INTO meta VALUES ('format', ?), ('tenant', ?)", (str(FORMAT), self.tenant))
        if (found := self.meta("format")) != str(FORMAT):
            fix = "use the version that wrote it, or give another folder with --home"
            raise HomeUnusable(what=f"memory of format {found}, not {FORMAT}", where=str(self.folder), fix=fix)
        if self.meta("tenant") != self.tenant:
            raise HomeUnusable(what="memory of another tenant", where=str(self.folder), fix="restore the folder's name")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Do several things or none. Other processes wait."""
        with self._lock, usable(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        with self._lock, usable(self.folder):
            return self._db.execute(sql, values).fetchall()

    def meta(self, name: str) -> str | None:
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0]["value"]) if found else None

    def changes(self) -> int:
        """Number that differs once another process has written."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def record(self, row: sqlite3.Row) -> Record:
        """Make the public form of a row."""
        slot = {"subject": row["subject"], "attribute": row["attribute"], "many": bool(row["many"])}
        values = {name: row[name] for name in set(Record.model_fields) & set(row.keys())}
        return Record.model_validate(
            values
            | {
                "tenant": self.tenant,
                "slot": None if row["subject"] is None else slot,
                "sources": json.loads(row["sources"]),
                "label": json.loads(row["label"]),
                "pinned": bool(row["pinned"]),
            }
        )


def insert(db: sqlite3.Connection, values: dict[str, Any]) -> None:
    """Add a row, and its words to the index."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    sql = f"INSERT INTO memories ({names}) VALUES ({marks})"  # noqa: S608  # column names of our own
    number = db.execute(sql, tuple(values.values())).lastrowid
    words = (number, owner_word(values["user"]), values["text"])
    db.execute("INSERT INTO words (rowid, owner, text) VALUES (?, ?, ?)", words)


def remove(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Delete rows and their words."""
    for id in ids:
        db.execute("DELETE FROM words WHERE rowid = (SELECT row FROM memories WHERE id = ?)", (id,))
        db.execute("DELETE FROM memories WHERE id = ?", (id,))


def owner_word(user: str) -> str:
    """Name a user by one word of the index; it ends in a digit, so that no stemmer shortens it."""
    return "k" + sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:24] + "0"


def as_text(time: datetime) -> str:
    """Write a time so that texts sort as times do. A time without a zone is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")
