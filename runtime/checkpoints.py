"""Checkpoints in SQLite, with a serializer that makes nothing but the classes listed here."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from interlock.runtime.errors import HomeUnusable, InterlockError


def serializer() -> JsonPlusSerializer:
    """Make the strict serializer (CVE-2026-28277): langchain's messages, plain data and our own errors; no pickle."""
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[*_errors(InterlockError)])


def _errors(root: type[InterlockError]) -> Iterator[tuple[str, str]]:
    yield root.__module__, root.__name__
    for leaf in root.__subclasses__():
        yield from _errors(leaf)


@asynccontextmanager
async def checkpoints(path: Path) -> AsyncIterator[AsyncSqliteSaver]:
    """Open the checkpoints of a home.

    WAL with synchronous=NORMAL: a checkpoint may be lost in a power cut, an effect may not; its intent is in the
    journal, which is written through.

    Raises:
        HomeUnusable: the file cannot be used.
    """
    try:
        async with aiosqlite.connect(path) as connection:
            await connection.execute("PRAGMA journal_mode=WAL")
            await connection.execute("PRAGMA synchronous=NORMAL")
            await connection.execute("PRAGMA busy_timeout=30000")
            saver = AsyncSqliteSaver(connection, serde=serializer())
            await saver.setup()
            yield saver
    except aiosqlite.OperationalError as error:
        raise HomeUnusable(
            what=f"cannot use the checkpoints: {error}", where=str(path), fix="give a folder that can be written"
        ) from error
