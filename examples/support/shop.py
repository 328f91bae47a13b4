"""The shop's database: where it is, and how to read and change it safely."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

from .seed import VERSION, seed


def where() -> Path:
    """Tell where the database is: `SUPPORT_DB`, or beside the agent's home."""
    return Path(os.environ.get("SUPPORT_DB", ".interlock/support.db"))


@contextmanager
def shop() -> Generator[sqlite3.Connection]:
    """Open the shop for one transaction: all of what is done in it happens, or nothing."""
    path = where()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        with transaction(connection):
            if connection.execute("PRAGMA user_version").fetchone()[0] < VERSION:
                seed(connection)
        with transaction(connection):
            yield connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Hold the write lock from the start: what is looked at must still be so when it is changed."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
