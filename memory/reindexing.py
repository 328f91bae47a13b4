"""Make anew what an embedder has made of a user's memories: from the table, with the one that is configured."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from interlock.memory.files import NAME, wipe
from interlock.memory.layout import WriterLock
from interlock.memory.rows import Tokens, with_slot
from interlock.memory.shelf import Shelf

PAGE = 200

Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


def reindex(shelf: Shelf, told: Progress) -> int:
    """Rebuild token vectors and sentence vectors; tells of how many memories.

    Cut off, it has either changed nothing, or the vectors follow when they are opened next, or are refused until it is
    called again.

    Raises:
        MemoryBusy: another process is writing.
    """
    shelf.rest()
    lock = WriterLock(shelf.truth.folder)
    lock.acquire()
    try:
        rows = shelf.truth.rows("SELECT row, text, subject, attribute FROM memories ORDER BY row")
        made: list[Tokens] = []
        for start in range(0, len(rows), PAGE):
            made += shelf.tokens_of([with_slot(*row[1:]) for row in map(tuple, rows[start : start + PAGE])])
            told(len(made), 2 * len(rows))
        with shelf.truth.transaction() as db:
            _replace(db, [row["row"] for row in rows], made)
        wipe(shelf.truth.folder / NAME)
    finally:
        lock.release()
    done = len(rows)

    def followed(count: int) -> None:
        nonlocal done
        done += count
        told(done, 2 * len(rows))

    shelf.follow(followed)
    return len(rows)


def _replace(db: sqlite3.Connection, numbers: Sequence[int], made: Sequence[Tokens]) -> None:
    """Put new tokens in place of all, and ask for new vectors."""
    pieces = [sorted(set(tokens.pieces)) for tokens in made]
    values = [(" ".join(of), tokens.vectors, row) for of, tokens, row in zip(pieces, made, numbers, strict=True)]
    db.executemany("UPDATE tokens SET pieces = ?, vectors = ? WHERE row = ?", values)
    db.execute("DELETE FROM pieces")
    counts = Counter(piece for of in pieces for piece in of)
    db.executemany("INSERT INTO pieces VALUES (?, ?)", counts.items())
    db.execute("UPDATE memories SET in_vectors = 0")
