"""Erase from checkpoints: whole threads, or the texts that hold something, wherever in a state they stand."""

import json
import sqlite3
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

import ormsgpack

from interlock.runtime.checks import texts_in
from interlock.runtime.errors import HomeUnusable
from interlock.runtime.journal.journal import ERASED
from interlock.runtime.storage.sqlite import scrub
from interlock.runtime.wording import Wording

_BLOBS = (("checkpoints", "type", "checkpoint"), ("writes", "type", "value"))
_OPTION = ormsgpack.OPT_NON_STR_KEYS
_BUSY_S = 5.0


class Checkpoints(Protocol):
    """Checkpoints, opened for erasing."""

    def texts(self, threads: Collection[str]) -> set[str]:
        """List every text that stands in the states of threads."""
        ...

    def erase(self, threads: Collection[str]) -> None:
        """Erase threads wholly."""
        ...

    def erase_texts(self, threads: Collection[str], wording: Wording) -> int:
        """Put `[erased]` in place of every text that holds one of the given; tells how many rows were changed."""
        ...

    def scrub(self) -> None:
        """Leave no trace of what was deleted.

        Raises:
            StillRead: another process is reading; what it reads cannot be overwritten.
        """
        ...


class SqliteCheckpoints:
    """The file of checkpoints, opened for erasing. A file that is not there holds nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def texts(self, threads: Collection[str]) -> set[str]:
        """List every text that stands in the states of threads."""
        found: set[str] = set()
        for _table, _row, kind, blob in self._blobs(threads):
            found.update(texts_of(kind, blob))
        for thread in threads:
            for (metadata,) in self._read("SELECT metadata FROM checkpoints WHERE thread_id = ?", thread):
                found.update(texts_in(json.loads(metadata or b"{}")))
        return found

    def erase(self, threads: Collection[str]) -> None:
        """Erase threads wholly."""
        with self._writing() as db:
            for thread in threads:
                db.execute("DELETE FROM checkpoints WHERE thread_id = ?", (thread,))
                db.execute("DELETE FROM writes WHERE thread_id = ?", (thread,))

    def erase_texts(self, threads: Collection[str], wording: Wording) -> int:
        """Put `[erased]` in place of every text that holds one of the given; tells how many rows were changed."""
        made = [
            (table, row, new)
            for table, row, kind, blob in self._blobs(threads)
            if (new := rewritten(kind, blob, wording)) != blob
        ]
        with self._writing() as db:
            for table, row, new in made:
                column = next(blob for name, _, blob in _BLOBS if name == table)
                db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))  # noqa: S608  # our own names
        return len(made)

    def scrub(self) -> None:
        """Leave no trace of what was deleted in the file or its write-ahead log.

        Raises:
            StillRead: another process is reading; what it reads cannot be overwritten.
        """
        if self._path.exists():
            with self._opened() as db:
                scrub(db, self._path)

    def _blobs(self, threads: Collection[str]) -> Iterator[tuple[str, int, str, bytes]]:
        for table, kind, blob in _BLOBS:
            for thread in threads:
                sql = f"SELECT rowid, {kind}, {blob} FROM {table} WHERE thread_id = ?"  # noqa: S608  # our own names
                yield from ((table, *row) for row in self._read(sql, thread))

    def _read(self, sql: str, *values: str) -> list[Any]:
        if not self._path.exists():
            return []
        with self._opened() as db:
            return db.execute(sql, values).fetchall()

    @contextmanager
    def _writing(self) -> Generator[sqlite3.Connection]:
        if not self._path.exists():
            yield sqlite3.connect(":memory:")
            return
        with self._opened() as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            yield db
            (erasures,) = db.execute("PRAGMA user_version").fetchone()
            db.execute(f"PRAGMA user_version = {erasures + 1}")  # processes that keep threads in memory look at it
            db.execute("COMMIT")

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        """Open the file for a moment.

        Raises:
            HomeUnusable: it cannot be read or written.
        """
        try:
            db = sqlite3.connect(self._path, isolation_level=None, timeout=_BUSY_S)
            try:
                db.execute("PRAGMA secure_delete = ON")
                yield db
            finally:
                db.close()
        except sqlite3.DatabaseError as error:
            fix = "end what else writes there, or free space, and forget again"
            raise HomeUnusable(what=f"checkpoints: {error}", where=str(self._path), fix=fix) from error


def texts_of(kind: str, blob: bytes) -> set[str]:
    """List the texts in a value that was serialized for a checkpoint."""
    found: set[str] = set()

    def note(text: str) -> str:
        found.add(text)
        return text

    _put(kind, blob, note)
    return found


def rewritten(kind: str, blob: bytes, wording: Wording) -> bytes:
    """Put `[erased]` in place of the texts in a value that was serialized; one without them stays the same."""
    changed = False

    def put(text: str) -> str:
        nonlocal changed
        if not wording.in_text(text):
            return text
        changed = True
        return ERASED

    new = _put(kind, blob, put)
    return new if changed else blob


def _put(kind: str, blob: bytes | None, do: Callable[[str], str]) -> bytes:
    """Put every text of a value through a function; only what langgraph writes as msgpack or JSON has any."""
    if kind == "msgpack" and blob:
        return _repacked(blob, do)
    if kind == "json" and blob:
        return json.dumps(walked(json.loads(blob), do)).encode()
    return blob or b""


def _repacked(blob: bytes, do: Callable[[str], str]) -> bytes:
    return ormsgpack.packb(walked(_unpacked(blob, do), do), option=_OPTION)


def _unpacked(blob: bytes, do: Callable[[str], str]) -> Any:
    return ormsgpack.unpackb(blob, ext_hook=lambda code, data: ormsgpack.Ext(code, _inner(data, do)), option=_OPTION)


def _inner(data: bytes, do: Callable[[str], str]) -> bytes:
    """Walk through what langgraph packs inside, such as messages: names of module, class and method, and arguments."""
    try:
        value = _unpacked(data, do)
    except ormsgpack.MsgpackDecodeError:
        return data
    parts = cast(list[Any], value) if isinstance(value, list) else [value]
    made = [part if isinstance(part, str) else walked(part, do) for part in parts]
    return ormsgpack.packb(made if isinstance(value, list) else made[0], option=_OPTION)


def walked(value: Any, do: Callable[[str], str]) -> Any:
    """Put every text of plain data through a function."""
    match value:
        case str():
            return do(value)
        case list() | tuple():
            return [walked(part, do) for part in cast(list[Any], value)]
        case dict():
            # A message's type is no text, even where a memory says the same word.
            parts = cast(dict[Any, Any], value).items()
            return {name: part if name == "type" else walked(part, do) for name, part in parts}
        case _:
            return value
