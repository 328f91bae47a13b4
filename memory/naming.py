"""Whom a query is about. Names of subjects swamp what is asked about them, so vectors are compared without names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from interlock.memory.ranking import Hit
from interlock.memory.recalling import Condition
from interlock.memory.truth import Truth

SOMEONE = "someone"
"""Stands in vectors for the subject of a slot."""
SPEAKER = "user"
_FIRST_PERSON = frozenset(("i", "me", "my", "mine", "we", "us", "our", "ours"))
CLOSE = 0.25
"""The cosine from which on a slot of someone who is named is taken for the one that is asked about."""


def unnamed(text: str, subjects: Sequence[str]) -> str:
    """Put `someone` in the place of names, longest first."""
    for subject in sorted(subjects, key=len, reverse=True):
        if subject != SPEAKER:
            text = re.sub(rf"(?<!\w){re.escape(subject)}(?!\w)", SOMEONE, text, flags=re.IGNORECASE)
    return text


def dense(text: str, subject: str | None, attribute: str | None) -> str:
    """Give a text as its vector stands for it."""
    return text if subject is None else f"{attribute}: {unnamed(text, [subject])}"


def named_in(truth: Truth, query: str) -> list[str]:
    """List the subjects of slots that a query names; `user` where it speaks in the first person."""
    said = _plain(query)
    known = [row["subject"] for row in truth.rows("SELECT DISTINCT subject FROM memories WHERE subject IS NOT NULL")]
    found = [subject for subject in known if _plain(subject) in said]
    speaks = SPEAKER in known and SPEAKER not in found and not _FIRST_PERSON.isdisjoint(said.split())
    return [*found, SPEAKER] if speaks else found


def _plain(text: str) -> str:
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def slots_of(truth: Truth, subjects: Sequence[str], condition: Condition, limit: int) -> list[int]:
    """List the newest rows that stand in slots of these subjects, for each of them."""
    sql = f"SELECT m.row FROM memories m WHERE {condition.sql} AND m.subject = :subject ORDER BY m.row DESC LIMIT :most"  # noqa: S608
    found = [truth.rows(sql, condition.values | {"subject": subject, "most": limit}) for subject in subjects]
    return [row["row"] for rows in found for row in rows]


def lifted(hits: Iterable[Hit], subjects: Sequence[str]) -> list[Hit]:
    """Raise slots of those who are named by how near they are to what is asked; equals keep their order."""
    raised = [
        replace(hit, score=min(1.0, hit.score + max(0.0, hit.near - CLOSE)))
        if hit.near is not None and hit.row["subject"] in subjects
        else hit
        for hit in hits
    ]
    return sorted(raised, key=lambda hit: -hit.score)
