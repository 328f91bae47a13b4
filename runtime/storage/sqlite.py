"""The SQLite file behind journal, ledger, approvals and effects."""

import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import select
from sqlalchemy.schema import CreateIndex, CreateTable

from interlock.runtime.errors import HomeUnusable, JournalBroken, StillRead
from interlock.runtime.storage.database import (
    SCHEMA,
    SET,
    SQLITE,
    UNWRITTEN,
    VERSION,
    Row,
    Statement,
    metadata,
    require_version,
)


class SqliteTransaction:
    """An open transaction; ends with the block that opened it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._version: int | None = None

    def run(self, statement: Statement, **values: Any) -> sqlite3.Cursor:
        """Run a statement with the given values, beside those fixed in it."""
        sql, fixed = statement.for_sqlite
        return self._connection.execute(sql, {**fixed, **values} if fixed else values)

    def one(self, statement: Statement, **values: Any) -> Row | None:
        """Fetch the first row, or None."""
        row: Row | None = self.run(statement, **values).fetchone()
        return row

    def version(self) -> int:
        """Tell the file's version: another one once another process has written."""
        if self._version is None:
            self._version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        return self._version

    def destroyed(self) -> None:
        """Nothing is to be done: the file's version tells the others."""

    def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch all rows."""
        return self.run(statement, **values).fetchall()


MEMORY = Path(":memory:")
"""Names a database that never comes to a disk, for what is thrown away."""


def to_wal(connection: sqlite3.Connection, path: Path) -> None:
    """Put a file into WAL mode, once: SQLite does not wait for its turn when two processes do so at the same time."""
    if path == MEMORY or connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    with FileLock(path.with_name(f"{path.name}.opening"), timeout=30.0):
        connection.execute("PRAGMA journal_mode=WAL")


def scrub(connection: sqlite3.Connection, path: Path) -> None:
    """Write a file anew, so that nothing that was deleted lies in it or in its write-ahead log.

    Raises:
        StillRead: another process is reading; what it reads cannot be overwritten.
    """
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute("VACUUM")
    ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    if busy:
        fix = "end what else reads there, and forget again"
        raise StillRead(what="erased, but another process still reads", where=str(path), fix=fix)


class SqliteDatabase:
    """A connection to one SQLite file, shared by the threads of this process.

    Raises:
        HomeUnusable: the file cannot be opened or written, or its tables are of another version.
    """

    def __init__(self, path: Path, *, reading: bool = False) -> None:
        """Open the file; with `reading`, one that cannot be written will do."""
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._full = True
        try:
            self._connection = self._opened(reading)
        except sqlite3.OperationalError as error:
            raise HomeUnusable(
                what=f"cannot use the database: {error}", where=str(path), fix="give a folder that can be written"
            ) from error
        except sqlite3.DatabaseError as error:
            raise HomeUnusable(
                what=f"cannot use the database: {error}", where=str(path), fix="restore it, or use another --home"
            ) from error

    def _opened(self, reading: bool) -> sqlite3.Connection:
        try:
            self._connection = self._connected(str(self.path))
            self._prepare()
        except (sqlite3.OperationalError, JournalBroken):
            if not reading:
                raise
            # A file on a read-only disk has no place for a WAL index, and needs none: nobody can write to it.
            self._connection = self._connected(f"{self.path.absolute().as_uri()}?immutable=1")
            require_version(self.read(VERSION), self.where)
        return self._connection

    def _connected(self, name: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            name, timeout=30.0, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
        )
        connection.text_factory = _text
        return connection

    @property
    def where(self) -> str:
        return str(self.path)

    def _prepare(self) -> None:
        to_wal(self._connection, self.path)
        self._connection.execute("PRAGMA secure_delete=ON")
        with self.transaction() as tx:
            for table in metadata.sorted_tables:
                self._connection.execute(str(CreateTable(table, if_not_exists=True).compile(dialect=SQLITE)))
                for index in table.indexes:
                    self._connection.execute(str(CreateIndex(index, if_not_exists=True).compile(dialect=SQLITE)))
            found = tx.all(VERSION)
            require_version(found, self.where)
            if not found:
                tx.run(SET, name="schema", value=SCHEMA)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Generator[SqliteTransaction]:
        """Open a write transaction; it commits at the end of the block, or not at all.

        Args:
            durable: the commit survives a power cut, not only a crash (synchronous=FULL).

        Raises:
            JournalBroken: the file could not be written.
        """
        with self._lock:
            try:
                if self._depth == 0:
                    self._begin(durable)
                self._depth += 1
                try:
                    yield SqliteTransaction(self._connection)
                finally:
                    self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("COMMIT")
            except BaseException as error:
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise JournalBroken(what=f"cannot write {self.path}: {error}", fix=UNWRITTEN) from error
                raise

    def _begin(self, durable: bool) -> None:
        if durable != self._full:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._full = durable
        self._connection.execute("BEGIN IMMEDIATE")

    def read(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch rows outside any transaction of this thread."""
        with self._lock:
            return SqliteTransaction(self._connection).all(statement, **values)

    @contextmanager
    def alone(self) -> Generator[bool]:
        """Hold nothing: who shares the file shares its folder, and the locks in that."""
        yield True

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give every row of every table, and the table's name."""
        for table in metadata.sorted_tables:
            for row in self.read(Statement(select(table))):
                yield table.name, dict(zip(table.columns.keys(), row, strict=True))

    def scrub(self) -> None:
        """Leave no trace of what was deleted in the file or its write-ahead log.

        Raises:
            StillRead: another process is reading; what it reads cannot be overwritten.
            JournalBroken: the file could not be written anew.
        """
        with self._lock:
            try:
                scrub(self._connection, self.path)
            except sqlite3.Error as error:
                raise JournalBroken(what=f"erased, but cannot write {self.path} anew: {error}") from error

    def empty_log(self) -> None:
        """Bring what the write-ahead log holds into the file, unless somebody reads it."""
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        with self._lock:
            self._connection.close()


def _text(raw: bytes) -> str:
    # A byte that was changed to something that is no UTF-8 must be found by the audit, not stop it.
    return raw.decode("utf-8", "surrogateescape")
