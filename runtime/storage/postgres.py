"""Journal, ledger, approvals and effects in Postgres, so that processes on several machines share them.

Each write transaction first takes one advisory lock of the schema, so that there is one writer at a time, as in SQLite
(docs/decisions/0010). Reads take no lock.
"""

import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import bindparam, select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from interlock.runtime.errors import DatabaseUnreachable, HomeUnusable, JournalBroken, NotFound
from interlock.runtime.storage.database import (
    SCHEMA,
    SET,
    VERSION,
    Row,
    Rows,
    Statement,
    meta,
    metadata,
    require_version,
)
from interlock.runtime.storage.postgres_address import Address
from interlock.runtime.storage.postgres_dialect import POSTGRES
from interlock.runtime.storage.postgres_link import ANOTHER, DESTROYED, Connection, Link, run

_UNWRITTEN = "what could not be written was not done; see the server's log, and send the thread a message"
_HALF = 32
_VALUE = Statement(select(meta.c.value).where(meta.c.name == bindparam("of")))
_TABLES = Statement(text("SELECT tablename FROM pg_tables WHERE schemaname = :of"))
_COLUMNS = Statement(
    text(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = :of AND table_name = :named"
        " ORDER BY ordinal_position"
    )
)
# SQLite numbers its rows in the order in which they came; what is latest is found by that.
_NUMBERED = "ALTER TABLE effects ADD COLUMN IF NOT EXISTS rowid BIGINT GENERATED ALWAYS AS IDENTITY"


class PostgresTransaction:
    """An open transaction; ends with the block that opened it."""

    def __init__(self, connection: Connection, version: int) -> None:
        self._connection = connection
        self._version = version

    def run(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement with the given values, beside those fixed in it."""
        return _run(self._connection, statement, values)

    def one(self, statement: Statement, **values: Any) -> Row | None:
        """Fetch the first row, or None."""
        return _run(self._connection, statement, values).fetchone()

    def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch all rows."""
        return _run(self._connection, statement, values).fetchall()

    def version(self) -> int:
        """Tell the version: another one once somebody has destroyed a key, or this process has connected anew."""
        return self._version

    def commit(self) -> None:
        """Commit, on the connection that it was begun on.

        Raises:
            JournalBroken: it was not committed, or nobody knows.
        """
        try:
            done = run(self._connection, "COMMIT").statusmessage
        except psycopg.OperationalError as error:
            what = "the database was lost while it committed; whether it did is not known"
            raise JournalBroken(what=what, fix="send the thread a message: what has happened is looked up") from error
        if done != "COMMIT":
            raise JournalBroken(what="cannot write the database: a statement failed, and was passed over")

    def destroyed(self) -> None:
        """Let all processes know that a key was destroyed."""
        run(self._connection, ANOTHER)


class PostgresDatabase:
    """A schema of a Postgres database, and this process's connection to it.

    Raises:
        DatabaseUnreachable: there is no server, or it refuses us.
        HomeUnusable: its tables cannot be made, or are of another version.
        NotFound: with `reading`, where there are none.
    """

    def __init__(self, url: str, *, reading: bool = False) -> None:
        """Connect; with `reading`, nothing is made."""
        self._link = Link(Address.of(url))
        self._depth = 0
        try:
            with self._link.lock:
                self._prepare(self._link.connected(), reading)
        except psycopg.Error as error:
            self._link.close()
            fix = "let the role make the schema, or make it and give it to the role"
            what = f"cannot use the database: {self._link.told(error)}"
            raise HomeUnusable(what=what, where=self.where, fix=fix) from error
        except BaseException:
            self._link.close()
            raise

    @property
    def where(self) -> str:
        return self._link.address.where

    @property
    def address(self) -> Address:
        """Where it is, for those who need a connection of their own."""
        return self._link.address

    @property
    def identity(self) -> int:
        """A number that no other database has."""
        return int(self.read(_VALUE, of="identity")[0][0])

    def _prepare(self, connection: Connection, reading: bool) -> None:
        if not self._link.has(connection, "meta"):
            if reading:
                fix = "run an agent first, or give another INTERLOCK_DATABASE"
                raise NotFound(what="nothing has been recorded here", where=self.where, fix=fix)
            self._make(connection)
        self._careful = run(connection, "SHOW synchronous_commit").fetchone() not in (("off",), ("local",))
        require_version(self.read(VERSION), self.where)

    def _make(self, connection: Connection) -> None:
        with connection.transaction():
            run(connection, self._link.one_writer)
            if self._link.has(connection, "meta"):  # another process was first
                return
            run(connection, f"CREATE SCHEMA IF NOT EXISTS {self._link.address.schema}")
            for table in metadata.sorted_tables:
                run(connection, str(CreateTable(table).compile(dialect=POSTGRES)))
                for index in table.indexes:
                    run(connection, str(CreateIndex(index).compile(dialect=POSTGRES)))
            run(connection, _NUMBERED)
            for name, value in (("schema", SCHEMA), ("destroyed", 0), ("identity", secrets.randbits(62))):
                _run(connection, SET, {"name": name, "value": value})

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Generator[PostgresTransaction]:
        """Open a write transaction; it commits at the end of the block, or not at all.

        Args:
            durable: the commit is on the server's disk, also where the server is set to be less careful.

        Raises:
            JournalBroken: the database could not be written.
        """
        with self._link.lock:
            try:
                if not self._depth:
                    self._open = self._link.asked(lambda connection: self._begun(connection, durable))
                self._depth += 1
                try:
                    yield self._open
                finally:
                    self._depth -= 1
                if not self._depth:
                    self._open.commit()
            except BaseException as error:
                if not self._depth:
                    self._link.roll_back()
                if isinstance(error, psycopg.Error):
                    raise self._broken(error) from error
                if isinstance(error, DatabaseUnreachable):
                    raise JournalBroken(what=error.what, fix=_UNWRITTEN) from error
                raise

    def _begun(self, connection: Connection, durable: bool) -> PostgresTransaction:
        """Begin in one exchange with the server: each costs as much as the way to it takes."""
        careful = "SET LOCAL synchronous_commit = on; " if durable and not self._careful else ""
        cursor = run(connection, f"BEGIN; {careful}{self._link.one_writer}; {DESTROYED}")
        while cursor.nextset():
            pass
        ((destroyed,),) = cursor.fetchall()
        return PostgresTransaction(connection, destroyed + (self._link.made << _HALF))

    def _broken(self, error: psycopg.Error) -> JournalBroken:
        what = f"cannot write {self.where}: {self._link.told(error)}"
        return JournalBroken(what=what, fix=_UNWRITTEN)

    def read(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch rows outside any transaction of this thread.

        Raises:
            DatabaseUnreachable: the server is not there, or refuses to tell.
        """
        with self._link.lock:
            if self._depth:
                return self._open.all(statement, **values)
            try:
                return self._link.asked(lambda connection: _run(connection, statement, values).fetchall())
            except psycopg.Error as error:
                what = f"cannot read the database: {self._link.told(error)}"
                fix = "let the role use the schema and its tables, or see the server's log"
                raise DatabaseUnreachable(what=what, where=self.where, fix=fix) from error

    @contextmanager
    def alone(self) -> Generator[bool]:
        """Hold what one process of all machines can hold at a time; gives whether it was free."""
        with self._link.lock:
            ((free,),) = self._link.asked(lambda connection: run(connection, self._link.alone).fetchall())
        try:
            yield free
        finally:
            if free:
                self._link.end_alone()

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give every row of every table, and the table's name, LangGraph's among them."""
        for (table,) in self.read(_TABLES, of=self._link.address.schema):
            found = text(f"SELECT * FROM {table}").columns()  # noqa: S608  # a name from the schema's own list
            names = [name for (name,) in self.read(_COLUMNS, of=self._link.address.schema, named=table)]
            for row in self.read(Statement(found)):
                yield table, dict(zip(names, row, strict=True))

    def scrub(self) -> None:
        """Write all tables anew. The server's write-ahead log and backups are not in our hands.

        Raises:
            StillRead: somebody else reads; what is read cannot be written anew.
            JournalBroken: it could not be written anew.
        """
        self._link.rewrite(metadata.tables)

    def empty_log(self) -> None:
        """Do nothing: the server's log is the server's."""

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self._link.close()


def _run(connection: Connection, statement: Statement, values: dict[str, Any]) -> psycopg.Cursor[Row]:
    sql, fixed = statement.for_postgres
    return run(connection, sql, {**fixed, **values} if fixed else values)
