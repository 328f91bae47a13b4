"""A folder's table of what is true, in one SQLite file that is safe to delete from. Vectors are derived from it."""

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interlock.memory.layout import usable
from interlock.runtime.errors import HomeUnusable

CACHE_KIB = 6_000
"""Main memory for a file's pages: as a thousand memories take. With less they are read again at each search."""
META = "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"


class SqliteFile:
    """One file, shared by the threads of this process. Several processes may open it."""

    def __init__(self, folder: Path, file: str, *, kind: str, format: int, schema: str, owner: str) -> None:
        """Open the file, or make it.

        Args:
            folder: made where it is not there.
            file: its name.
            kind: what people call what lies in it.
            format: which version of it this code reads and writes.
            schema: the statements that make its tables, each but the last ended by a semicolon and a new line.
            owner: digest of whom it belongs to.

        Raises:
            HomeUnusable: it cannot be opened, is of another version, or belongs to another.
        """
        self.folder = folder
        self._lock = threading.RLock()
        with usable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / file, check_same_thread=False, isolation_level=None, timeout=30)
            self._db.row_factory = sqlite3.Row
            try:
                self._prepare(schema, format, owner)
                self._check(kind, format, owner)
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, schema: str, format: int, owner: str) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        if not self._made():
            with self.transaction() as db:
                if not self._made():  # another process may have been faster
                    for statement in (META, *schema.split(";\n")):
                        db.execute(statement)
                    db.executemany("INSERT INTO meta VALUES (?, ?)", [("format", str(format)), ("owner", owner)])

    def _check(self, kind: str, format: int, owner: str) -> None:
        if (found := self.meta("format")) != str(format):
            fix = "use the version that wrote it, or give another folder with --home"
            raise HomeUnusable(what=f"{kind} of format {found}, not {format}", where=str(self.folder), fix=fix)
        if self.meta("owner") != owner:
            raise HomeUnusable(what=f"{kind} of another user", where=str(self.folder), fix="restore the folder's name")

    def _made(self) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE name = 'meta'"))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Generator[sqlite3.Connection]:
        """Do several things or none. Other processes wait.

        Not durable means that it may be lost with the machine's power, but not with the process.
        """
        with self._lock, usable(self.folder):
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite itself has rolled back already where the disk was full.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        with self._lock, usable(self.folder):
            return self._db.execute(sql, values).fetchall()

    def meta(self, name: str) -> str | None:
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0]["value"]) if found else None

    def set_meta(self, db: sqlite3.Connection, values: dict[str, str]) -> None:
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def named_once(self, name: str, value: str) -> str:
        """Give what is on record under a name; this value, if no process was faster to put one there."""
        if (found := self.meta(name)) is None:
            with self.transaction() as db:
                db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, value))
            found = self.meta(name)
        return found or value

    def stamp(self) -> tuple[int, int]:
        """Give what differs once this or another process has written."""
        return self.changes(), self._db.total_changes

    def changes(self) -> int:
        """Number that differs once another process has written."""
        return int(self.rows("PRAGMA data_version")[0][0])
