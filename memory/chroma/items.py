"""The table that holds the truth about a store's items, and which of their texts are found by meaning."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from interlock.memory.sqlite import SqliteFile
from interlock.memory.truth import as_text

FILE = "items.db"
FORMAT = 1
SCHEMA = """
CREATE TABLE items (
    row INTEGER PRIMARY KEY AUTOINCREMENT, namespace BLOB NOT NULL, key BLOB NOT NULL, value TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL, ttl REAL, expires_at TEXT, UNIQUE (namespace, key)
);
CREATE TABLE fields (
    id INTEGER PRIMARY KEY AUTOINCREMENT, item INTEGER NOT NULL, path TEXT NOT NULL, place INTEGER NOT NULL, vector BLOB
);
CREATE TABLE doomed (id INTEGER PRIMARY KEY);
CREATE INDEX by_age ON items (namespace, updated_at);
CREATE INDEX by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX by_item ON fields (item);
CREATE INDEX waiting ON fields (id) WHERE vector IS NOT NULL
"""
NAMESPACES = """
WITH RECURSIVE next (name) AS (
    SELECT min(namespace) FROM items WHERE namespace >= :start AND namespace < :end
    UNION ALL
    SELECT (SELECT min(namespace) FROM items WHERE namespace > next.name AND namespace < :end)
    FROM next WHERE next.name IS NOT NULL
)
SELECT name FROM next WHERE name IS NOT NULL
"""
"""Steps from one namespace to the next by the index, instead of reading every item's."""
ALIVE = "(:now IS NULL OR expires_at IS NULL OR expires_at > :now)"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A text of an item that is found by meaning."""

    path: str
    place: int
    """Which of the texts that the path leads to."""
    vector: bytes


class Named(Protocol):
    """Whatever names an item."""

    @property
    def namespace(self) -> bytes: ...
    @property
    def key(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An item to be written."""

    namespace: bytes
    key: bytes
    value: str
    ttl: float | None
    expires_at: datetime | None
    fields: tuple[Field, ...]


class Items(SqliteFile):
    """One tenant's items.

    A field's vector stands in the table until Chroma has it. The ids of fields are never used again, so that a vector
    that Chroma kept too long can be nobody's.
    """

    def __init__(self, folder: Path, tenant: str) -> None:
        owner = sha256(json.dumps({"tenant": tenant}).encode()).hexdigest()
        super().__init__(folder, FILE, kind="store", format=FORMAT, schema=SCHEMA, owner=owner)

    def find(self, namespace: bytes, key: bytes, now: datetime | None) -> sqlite3.Row | None:
        """Fetch an item; with `now`, only one that has not expired then."""
        found = self.rows(
            f"SELECT * FROM items WHERE namespace = :namespace AND key = :key AND {ALIVE}",  # noqa: S608
            {"namespace": namespace, "key": key, "now": now and as_text(now)},
        )
        return found[0] if found else None

    def fetch(self, rows: Sequence[int], now: datetime | None) -> dict[int, sqlite3.Row]:
        sql = f"SELECT i.* FROM json_each(:rows) j CROSS JOIN items i ON i.row = j.value WHERE {ALIVE}"  # noqa: S608
        return {row["row"]: row for row in self.rows(sql, {"rows": json.dumps(rows), "now": now and as_text(now)})}

    def latest(self, span: tuple[bytes, bytes], now: datetime | None, most: int, *, unseen: bool = False) -> list[int]:
        """List rows, those written last first; `unseen`: only those that no vector stands for; -1: all."""
        also = "AND NOT EXISTS (SELECT 1 FROM fields WHERE item = items.row)" if unseen else ""
        sql = (
            f"SELECT row FROM items WHERE namespace >= :start AND namespace < :end AND {ALIVE} {also}"  # noqa: S608
            " ORDER BY updated_at DESC, row DESC LIMIT :most"
        )
        values = {"start": span[0], "end": span[1], "now": now and as_text(now), "most": most}
        return [row["row"] for row in self.rows(sql, values)]

    def namespaces(self, span: tuple[bytes, bytes], now: datetime | None = None) -> list[bytes]:
        """List namespaces that hold items; with `now`, such as have not expired then."""
        named = {"start": span[0], "end": span[1]}
        if now is None:
            return [row["name"] for row in self.rows(NAMESPACES, named)]
        sql = f"SELECT DISTINCT namespace FROM items WHERE namespace >= :start AND namespace < :end AND {ALIVE}"  # noqa: S608
        return [row["namespace"] for row in self.rows(sql, named | {"now": as_text(now)})]

    def places(self, db: sqlite3.Connection, named: Iterable[Named]) -> dict[tuple[bytes, bytes], int]:
        """Find the rows of items by namespace and key, where there are any."""
        sql = "SELECT row FROM items WHERE namespace = ? AND key = ?"
        found = {(it.namespace, it.key): db.execute(sql, (it.namespace, it.key)).fetchone() for it in named}
        return {name: row["row"] for name, row in found.items() if row is not None}

    def write(self, db: sqlite3.Connection, draft: Draft, now: datetime) -> list[tuple[int, int]]:
        """Write an item and its fields in place of what was there; gives its row, with each field's id."""
        times = (as_text(now), as_text(now), draft.ttl, draft.expires_at and as_text(draft.expires_at))
        (row,) = db.execute(
            "INSERT INTO items (namespace, key, value, created_at, updated_at, ttl, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value,"
            " updated_at = excluded.updated_at, ttl = excluded.ttl, expires_at = excluded.expires_at RETURNING row",
            (draft.namespace, draft.key, draft.value, *times),
        ).fetchone()
        self._unfile(db, [row])
        sql = "INSERT INTO fields (item, path, place, vector) VALUES (?, ?, ?, ?)"
        made = [db.execute(sql, (row, f.path, f.place, f.vector)).lastrowid or 0 for f in draft.fields]
        return [(row, id) for id in made]

    def remove(self, db: sqlite3.Connection, rows: Sequence[int]) -> None:
        self._unfile(db, rows)
        db.executemany("DELETE FROM items WHERE row = ?", [(row,) for row in rows])

    def expired(self, now: datetime) -> list[sqlite3.Row]:
        return self.rows("SELECT row, namespace FROM items WHERE expires_at <= ?", (as_text(now),))

    def refresh(self, expiries: Iterable[tuple[int, datetime]]) -> None:
        """Put off when items expire, because they were read."""
        with self.transaction(durable=False) as db:
            values = [(as_text(time), row) for row, time in expiries]
            db.executemany("UPDATE items SET expires_at = ? WHERE row = ? AND expires_at IS NOT NULL", values)

    def fields(self, namespace: bytes) -> list[sqlite3.Row]:
        """List a namespace's fields, with those vectors that Chroma does not have yet."""
        sql = "SELECT f.id, f.item, f.vector FROM items i JOIN fields f ON f.item = i.row WHERE i.namespace = ?"
        return self.rows(sql, (namespace,))

    def texts(self, ids: Sequence[int]) -> list[sqlite3.Row]:
        """Give what is needed to make vectors again: each field's path and place, and its item's value."""
        sql = (
            "SELECT f.id, f.path, f.place, i.value FROM json_each(?) j CROSS JOIN fields f ON f.id = j.value"
            " JOIN items i ON i.row = f.item"
        )
        return self.rows(sql, (json.dumps(list(ids)),))

    def waiting(self) -> int:
        """Count the vectors that Chroma does not have yet, and those that it has still."""
        sql = "SELECT (SELECT count(*) FROM fields WHERE vector IS NOT NULL) + (SELECT count(*) FROM doomed) AS n"
        return int(self.rows(sql)[0]["n"])

    def pending(self, ids: Sequence[int] | None, most: int = -1) -> list[sqlite3.Row]:
        """List vectors that Chroma does not have yet; of these fields, or any."""
        which = "" if ids is None else "AND id IN (SELECT value FROM json_each(:ids))"
        sql = f"SELECT id, vector FROM fields WHERE vector IS NOT NULL {which} ORDER BY id LIMIT :most"  # noqa: S608
        return self.rows(sql, {"ids": json.dumps(list(ids or ())), "most": most})

    def field_ids(self) -> set[int]:
        return {row["id"] for row in self.rows("SELECT id FROM fields")}

    def set_vectors(self, db: sqlite3.Connection, vectors: Iterable[tuple[int, bytes | None]]) -> None:
        """Put vectors into the table, or take those out that Chroma has now."""
        db.executemany("UPDATE fields SET vector = ? WHERE id = ?", [(vector, id) for id, vector in vectors])

    def _unfile(self, db: sqlite3.Connection, rows: Sequence[int]) -> None:
        given = (json.dumps(list(rows)),)
        which = "item IN (SELECT value FROM json_each(?))"
        db.execute(f"INSERT INTO doomed SELECT id FROM fields WHERE {which}", given)  # noqa: S608
        db.execute(f"DELETE FROM fields WHERE {which}", given)  # noqa: S608
