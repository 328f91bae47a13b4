"""Erase from checkpoints that lie in Postgres."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from interlock.runtime.checks import texts_in
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.journal.journal import ERASED
from interlock.runtime.storage.checkpoint_erasing import rewritten, texts_of, walked
from interlock.runtime.storage.postgres_link import ANOTHER, Connection, Given, Link, run
from interlock.runtime.wording import Wording

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
_BLOBS = TABLES[1:]
_JSON = ("checkpoint", "metadata")


class PostgresCheckpoints:
    """LangGraph's tables, opened for erasing. Tables that are not there hold nothing."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def texts(self, threads: Collection[str]) -> set[str]:
        """List every text that stands in the states of threads."""
        return self._done(lambda connection: _texts(connection, threads), set[str]())

    def erase(self, threads: Collection[str]) -> None:
        """Erase threads wholly."""

        def do(connection: Connection) -> None:
            for table in TABLES:
                run(connection, f"DELETE FROM {table} WHERE thread_id = ANY(%s)", ([*threads],))  # noqa: S608  # our own names
            run(connection, ANOTHER)

        self._done(do, None)

    def erase_texts(self, threads: Collection[str], wording: Wording) -> int:
        """Put `[erased]` in place of every text that holds one of the given; tells how many rows were changed."""

        def do(connection: Connection) -> int:
            count = sum(1 for _ in _changed(connection, threads, wording))
            run(connection, ANOTHER)
            return count

        return self._done(do, 0)

    def scrub(self) -> None:
        """Write the tables anew.

        Raises:
            StillRead: somebody else reads; what is read cannot be written anew.
        """
        self._link.rewrite(TABLES)

    def _done(self, do: Callable[[Connection], Given], nothing: Given) -> Given:
        """Do it in one transaction; give `nothing` where there are no tables.

        Raises:
            HomeUnusable: they cannot be read or written.
        """

        def whole(connection: Connection) -> Given:
            with connection.transaction():
                return do(connection)

        with self._link.lock:
            try:
                there = self._link.asked(lambda connection: all(self._link.has(connection, name) for name in TABLES))
                return self._link.asked(whole) if there else nothing
            except psycopg.Error as error:
                what, fix = f"checkpoints: {self._link.told(error)}", "see the server's log, and forget again"
                raise HomeUnusable(what=what, where=self._link.address.where, fix=fix) from error


def _texts(connection: Connection, threads: Collection[str]) -> set[str]:
    found: set[str] = set()
    for _table, _row, kind, blob in _blobs(connection, threads):
        found.update(texts_of(kind, blob))
    for _column, _row, value in _values(connection, threads):
        found.update(texts_in(value))
    return found


def _changed(connection: Connection, threads: Collection[str], wording: Wording) -> Iterator[None]:
    """Change rows one by one; yields for each."""
    for table, row, kind, blob in _blobs(connection, threads):
        if (new := rewritten(kind, blob, wording)) != blob:
            run(connection, f"UPDATE {table} SET blob = %s WHERE ctid = %s::tid", (new, row))  # noqa: S608  # our own names
            yield
    for column, row, value in _values(connection, threads):
        new = walked(value, lambda text: ERASED if wording.in_text(text) else text)
        if new != value:
            run(connection, f"UPDATE checkpoints SET {column} = %s WHERE ctid = %s::tid", (Jsonb(new), row))  # noqa: S608  # our own names
            yield


def _blobs(connection: Connection, threads: Collection[str]) -> Iterator[tuple[str, str, str, bytes]]:
    for table in _BLOBS:
        sql = f"SELECT ctid::text, type, blob FROM {table} WHERE thread_id = ANY(%s) FOR UPDATE"  # noqa: S608  # our own names
        for row, kind, blob in run(connection, sql, ([*threads],)).fetchall():
            yield table, row, kind or "", blob or b""


def _values(connection: Connection, threads: Collection[str]) -> Iterator[tuple[str, str, Any]]:
    for column in _JSON:
        sql = f"SELECT ctid::text, {column} FROM checkpoints WHERE thread_id = ANY(%s) FOR UPDATE"  # noqa: S608  # our own names
        for row, value in run(connection, sql, ([*threads],)).fetchall():
            yield column, row, value
