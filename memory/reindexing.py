"""Make anew what an embedder has made of a user's memories: from the table, with the one that is configured."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence

from interlock.memory.moving import resettle
from interlock.memory.rows import Tokens
from interlock.memory.shelf import PAGE, Shelf
from interlock.memory.vectors import EMBEDDER

Progress = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


def reindex(shelf: Shelf, told: Progress) -> int:
    """Make token vectors and sentence vectors anew, and move them to where they are to lie; tells of how many memories.

    Cut off, it has either changed nothing, or the vectors follow when they are opened next, or are refused until it is
    called again.

    Raises:
        MemoryBusy: another process is writing.
        ServerUnreachable: the server that has the vectors does not answer.
    """
    with shelf.vectors.replacing():
        rows = shelf.truth.rows("SELECT row, text, subject, attribute FROM memories ORDER BY row")
        made: list[Tokens] = []
        for start in range(0, len(rows), PAGE):
            page = rows[start : start + PAGE]
            made += shelf.read([(row["text"], row["subject"], row["attribute"]) for row in page])
            told(len(made), 2 * len(rows))
        with shelf.truth.transaction() as db:
            _replace(db, [row["row"] for row in rows], made)
            resettle(db, shelf.truth, shelf.place)
            shelf.truth.set_meta(db, {EMBEDDER: shelf.embedder})
    done = len(rows)

    def followed(count: int) -> None:
        nonlocal done
        done += count
        told(done, 2 * len(rows))

    shelf.vectors.send(followed)
    return len(rows)


def _replace(db: sqlite3.Connection, numbers: Sequence[int], made: Sequence[Tokens]) -> None:
    """Put new tokens and vectors in place of all."""
    pieces = [sorted(set(tokens.pieces)) for tokens in made]
    values = [(" ".join(of), tokens.vectors, row) for of, tokens, row in zip(pieces, made, numbers, strict=True)]
    db.executemany("UPDATE tokens SET pieces = ?, vectors = ? WHERE row = ?", values)
    db.execute("DELETE FROM pieces")
    counts = Counter(piece for of in pieces for piece in of)
    db.executemany("INSERT INTO pieces VALUES (?, ?)", counts.items())
    sentences = [(row, tokens.sentence) for tokens, row in zip(made, numbers, strict=True)]
    db.executemany("INSERT OR REPLACE INTO waiting VALUES (?, ?)", sentences)
    db.execute("UPDATE memories SET in_vectors = 0")
