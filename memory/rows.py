"""Add rows to the table and take them out, together with everything that is derived from their text."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MONTHS: Sequence[str] = "January February March April May June July August September October November December".split()  # noqa: SIM905
WINDOW = 2
"""How many turns of a conversation before and after one are read along with it."""
CONFLICTS = "conflicts"
"""Links memories that say otherwise."""
MADE_FROM = "made_from"
"""Links a memory with those that were merged into it, or that it sums up."""


Said = tuple[str, str | None, str | None]
"""A text, and the subject and attribute of its slot."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What an embedder made of a text: what is kept of its tokens, and its own vector."""

    pieces: tuple[str, ...]
    vectors: bytes
    sentence: bytes
    """The vector of the text as a whole; it waits in the table until Chroma has it."""


def insert(db: sqlite3.Connection, values: dict[str, Any], tokens: Tokens) -> None:
    """Add a row, its words and its tokens."""
    values = values | {"previous": _previous(db, values)}
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    sql = f"INSERT INTO memories ({names}) VALUES ({marks})"  # noqa: S608  # column names of our own
    number = int(db.execute(sql, tuple(values.values())).lastrowid or 0)
    pieces = sorted(set(tokens.pieces))
    db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (number, " ".join(pieces), tokens.vectors))
    db.execute("INSERT INTO waiting VALUES (?, ?)", (number, tokens.sentence))
    db.executemany(
        "INSERT INTO pieces VALUES (?, 1) ON CONFLICT DO UPDATE SET rows = rows + 1", [(piece,) for piece in pieces]
    )
    _write_words(db, [number, *_neighbours(db, number, after=False)])


def link(db: sqlite3.Connection, id: str, kind: str, other: str) -> None:
    """Lead from one memory to another."""
    db.execute("INSERT OR IGNORE INTO links VALUES (?, ?, ?)", (id, kind, other))


def with_slot(text: str, subject: str | None, attribute: str | None) -> str:
    """Give a text as it is looked for: whoever asks for a slot names the slot, which the text itself may not."""
    return text if subject is None else f"{subject} {attribute}: {text}"


def remove(db: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Delete rows with their words and tokens, and take their text out of their neighbours' words."""
    for id in ids:
        found = db.execute("SELECT m.row, pieces FROM memories m JOIN tokens USING (row) WHERE id = ?", (id,))
        for number, pieces in found.fetchall():
            neighbours = [*_neighbours(db, number), *_neighbours(db, number, after=False)]
            db.execute("DELETE FROM memories WHERE row = ?", (number,))
            db.execute("DELETE FROM tokens WHERE row = ?", (number,))
            db.execute("DELETE FROM waiting WHERE row = ?", (number,))
            db.execute("DELETE FROM words WHERE rowid = ?", (number,))
            db.execute("DELETE FROM links WHERE id = ? OR other = ?", (id, id))
            counted = [(piece,) for piece in pieces.split(" ")]
            db.executemany("UPDATE pieces SET rows = rows - 1 WHERE piece = ?", counted)
            db.executemany("DELETE FROM pieces WHERE piece = ? AND rows <= 0", counted)
            _write_words(db, neighbours)


def _previous(db: sqlite3.Connection, values: dict[str, Any]) -> int | None:
    """Find the turn that this one follows in its conversation."""
    if values["kind"] != "episode" or not values["run"]:
        return None
    sql = "SELECT max(row) FROM memories WHERE run = ? AND agent = ? AND kind = 'episode'"
    found: int | None = db.execute(sql, (values["run"], values["agent"])).fetchone()[0]
    return found


def _neighbours(db: sqlite3.Connection, number: int, *, after: bool = True) -> list[int]:
    """List the turns next to one in the same conversation, nearest first."""
    than, order = (">", "ASC") if after else ("<", "DESC")
    found = db.execute(
        "SELECT n.row FROM memories m JOIN memories n ON n.run = m.run AND n.agent = m.agent"  # noqa: S608
        f" WHERE m.row = ? AND m.kind = 'episode' AND n.kind = 'episode' AND m.run != '' AND n.row {than} m.row"
        f" ORDER BY n.row {order} LIMIT ?",
        (number, WINDOW),
    )
    return [row[0] for row in found.fetchall()]


def _write_words(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """Index each row's text together with its neighbours' and the day it is from."""
    for number in numbers:
        shown = [*reversed(_neighbours(db, number, after=False)), number, *_neighbours(db, number)]
        marks = ", ".join("?" * len(shown))
        sql = f"SELECT text, subject, attribute FROM memories WHERE row IN ({marks}) ORDER BY row"  # noqa: S608
        texts = [with_slot(*row) for row in db.execute(sql, shown)]
        (since,) = db.execute("SELECT valid_from FROM memories WHERE row = ?", (number,)).fetchone()
        day = f"{int(since[8:10])} {MONTHS[int(since[5:7]) - 1]} {since[:4]}"
        db.execute("DELETE FROM words WHERE rowid = ?", (number,))
        db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number, "\n".join([*texts, day])))
