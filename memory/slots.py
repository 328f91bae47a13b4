"""What a new value of a single-valued slot means for the others: each holds until the next one begins."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from interlock.memory.truth import as_text
from interlock.runtime.memories import Note, Owner, Slot
from interlock.runtime.records import Label


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a new value stands in its slot. Times are texts, as in the table."""

    starts: str
    ends: str | None
    replaced: Sequence[sqlite3.Row] = ()
    """The values that it ends."""
    doubted: Sequence[sqlite3.Row] = ()
    """The values that it would end, if it could be trusted as far as they can."""
    cut: bool = False
    """Whether a later value ends it."""


def place_in_slot(rivals: Sequence[sqlite3.Row], note: Note, now: str) -> Place:
    """Find which values a note ends, and which one ends it.

    Text that nobody vouches for ends nothing that somebody does vouch for: it is kept beside it.
    """
    starts = as_text(note.valid_from) if note.valid_from else now
    ends = as_text(note.valid_to) if note.valid_to else None
    holding = [row for row in rivals if row["valid_from"] <= starts and (row["valid_to"] or "~") > starts]
    later = [row["valid_from"] for row in rivals if starts < row["valid_from"] < (row["valid_to"] or "~")]
    doubted = [row for row in holding if note.label.integrity == "untrusted" and _trusted(row)]
    return Place(
        starts=starts,
        ends=min(filter(None, (ends, *later)), default=None),
        replaced=[row for row in holding if row not in doubted],
        doubted=doubted,
        cut=bool(later) and min(later) < (ends or "~"),
    )


def others_in(db: sqlite3.Connection, slot: Slot | None, owner: Owner, now: str) -> list[sqlite3.Row]:
    """List what has stood, stands, or will stand in a single-valued slot."""
    if slot is None or slot.many:
        return []
    return db.execute(
        "SELECT * FROM memories WHERE agent = ? AND subject = ? AND attribute = ? AND NOT many"
        " AND (expires_at IS NULL OR expires_at > ?)",
        (owner.agent, *slot_key(slot), now),
    ).fetchall()


def end(db: sqlite3.Connection, row: sqlite3.Row, *, by: str, ends: str, now: str) -> None:
    """Put on record that a memory holds no longer than another begins, and since when that is known."""
    history = json.dumps([*json.loads(row["ends"]), [now, ends]])
    db.execute(
        "UPDATE memories SET closed_at = ?, valid_to = ?, superseded_by = ?, ends = ? WHERE row = ?",
        (now, ends, by, history, row["row"]),
    )


def slot_key(slot: Slot) -> tuple[str, str]:
    """Write a slot's names so that case and spacing make no second slot."""
    return " ".join(slot.subject.casefold().split()), " ".join(slot.attribute.casefold().split())


def _trusted(row: sqlite3.Row) -> bool:
    return Label.model_validate_json(row["label"]).integrity == "trusted"
