"""What journal, ledger, approvals and effects ask of a database: tables in SQLAlchemy Core, statements compiled once.

SQLAlchemy writes the SQL; the hot path runs it on the DBAPI connection itself (docs/decisions/0004). There is one
writer at a time, also across machines, so that a transaction may decide by what it has read.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Column, Dialect, Integer, MetaData, Table, Text, insert, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

from interlock.runtime.errors import HomeUnusable

SCHEMA = 3
"""Version of the tables; another one in the database is refused."""

metadata = MetaData()
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Integer, nullable=False))

SQLITE = sqlite.dialect(paramstyle="named")

Row = tuple[Any, ...]
Inserting = Callable[[Table], Any]
"""A dialect's own INSERT, which knows what to do with a row that is there already."""
Compiled = tuple[str, dict[str, Any]]
"""SQL text, and the values that are fixed in it."""


class Statement:
    """A Core statement, compiled for each kind of database when first used there.

    Args:
        executable: the statement; or, where the kinds have words of their own, what makes it of their INSERT.
    """

    def __init__(self, executable: ClauseElement | Callable[[Inserting], ClauseElement]) -> None:
        self._executable = executable

    @cached_property
    def for_sqlite(self) -> Compiled:
        return self._compiled(SQLITE, sqlite.insert)

    @cached_property
    def for_postgres(self) -> Compiled:
        from interlock.runtime.storage.postgres_dialect import POSTGRES, insert

        return self._compiled(POSTGRES, insert)

    def _compiled(self, dialect: Dialect, inserting: Inserting) -> Compiled:
        executable = self._executable
        written = executable if isinstance(executable, ClauseElement) else executable(inserting)
        made = written.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert isinstance(made, SQLCompiler)  # noqa: S101  # tells the type checker; Core statements always are
        return str(made), {k: v for k, v in made.params.items() if v is not None}


def unless_there(table: Table, **values: Any) -> Statement:
    """Add a row, unless one with its key is there. Columns that are not named in `values`, where any are, stay out."""

    def written(inserting: Inserting) -> ClauseElement:
        new = inserting(table)
        kept: ClauseElement = (new.values(**values) if values else new).on_conflict_do_nothing()
        return kept

    return Statement(written)


def in_place(table: Table) -> Statement:
    """Add a row, or put it in the place of the one with its key."""
    keys = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if not column.primary_key]

    def written(inserting: Inserting) -> ClauseElement:
        new = inserting(table)
        replaced: ClauseElement = new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in rest}
        )
        return replaced

    return Statement(written)


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""
        ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Transaction(Protocol):
    """An open transaction; ends with the block that opened it."""

    def run(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement with the given values, beside those fixed in it."""
        ...

    def one(self, statement: Statement, **values: Any) -> Row | None:
        """Fetch the first row, or None."""
        ...

    def all(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch all rows."""
        ...

    def version(self) -> int:
        """Tell the database's version: another one once another process has destroyed a key."""
        ...

    def destroyed(self) -> None:
        """Let other processes know that a key was destroyed, which they may keep in memory."""
        ...


class Database(Protocol):
    """A database, shared by the threads of this process."""

    @property
    def where(self) -> str:
        """Where it is, without a password."""
        ...

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[Transaction]:
        """Open a write transaction; it commits at the end of the block, or not at all.

        Args:
            durable: the commit survives a power cut, not only a crash.

        Raises:
            JournalBroken: the database could not be written.
        """
        ...

    def read(self, statement: Statement, **values: Any) -> list[Row]:
        """Fetch rows outside any transaction of this thread."""
        ...

    def alone(self) -> AbstractContextManager[bool]:
        """Hold what one process of all machines can hold at a time; gives whether it was free."""
        ...

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give every row of every table, and the table's name; those of checkpoints too, where they lie beside."""
        ...

    def scrub(self) -> None:
        """Leave no trace of what was deleted, as far as that is in this database's hands.

        Raises:
            StillRead: another process is reading; what it reads cannot be overwritten.
            JournalBroken: it could not be written anew.
        """
        ...

    def empty_log(self) -> None:
        """Bring what a write-ahead log beside the tables holds into them, unless somebody reads it."""
        ...

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        ...


VERSION = Statement(select(meta.c.value).where(meta.c.name == "schema"))
SET = Statement(insert(meta))
UNWRITTEN = "what could not be written was not done; free space or set the rights right, and send the thread a message"


def require_version(rows: Sequence[Row], where: str) -> None:
    """Refuse tables of another version.

    Raises:
        HomeUnusable: they are.
    """
    if rows and rows[0][0] != SCHEMA:
        raise HomeUnusable(
            what=f"written by schema version {rows[0][0]}, this Interlock reads {SCHEMA}",
            where=where,
            fix="use the Interlock that wrote it, or another --home",
        )
