"""Put a note that was judged fit in its place among what is known. Every outcome has a stable code."""

import json
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from interlock.memory.frames import Frame, frame_of
from interlock.memory.judging import Verdict
from interlock.memory.policies import WritePolicy, stricter
from interlock.memory.rows import CONFLICTS, Said, Tokens, insert, link
from interlock.memory.slots import Place, end, others_in, place_in_slot, slot_key
from interlock.memory.stopwords import STOPWORDS
from interlock.memory.truth import NEWEST, as_text, held
from interlock.runtime.memories import Note, Owner, Written
from interlock.runtime.records import Label

ALIKE = 20
"""How many memories are looked at for what an agent may only repeat."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A note that was judged fit, ready to be written."""

    id: str
    note: Note
    verdict: Verdict
    owner: Owner
    tokens: Tokens
    policy: WritePolicy
    now: datetime

    @property
    def said(self) -> Said:
        """The text with its slot."""
        slot = self.note.slot
        subject, attribute = slot_key(slot) if slot else (None, None)
        return self.verdict.text, subject, attribute


def place(db: sqlite3.Connection, draft: Draft) -> Written:
    """Merge a draft into its duplicate, or add it and end what it supersedes. Runs inside a transaction."""
    draft = replace(draft, now=held(draft.now, db.execute(NEWEST).fetchone()[0]))
    frame = frame_of(draft.verdict.text)
    if (known := _repeated(db, draft, frame)) is not None:
        reason = f"it says only what memory {known} says, which was recalled before"
        return Written(kept=False, code="recalled-text", reason=reason, policy=draft.policy.version)
    if (same := _duplicate(db, draft)) is not None:
        _merge(db, same, draft)
        reason = "known already; the source was added"
        return Written(kept=True, code="duplicate", reason=reason, id=same["id"], policy=draft.policy.version)
    if _too_many(db, draft.policy, draft.now):
        reason = f"more than {draft.policy.per_hour} notes within an hour"
        return Written(kept=False, code="rate", reason=reason, policy=draft.policy.version)
    return _add(db, draft, frame)


def _add(db: sqlite3.Connection, draft: Draft, frame: Frame) -> Written:
    note, now = draft.note, as_text(draft.now)
    found = place_in_slot(others_in(db, note.slot, draft.owner, now), note, now)
    conflicts = [row["id"] for row in found.doubted] + _contradicted(db, draft, frame)
    insert_draft(db, draft, found, frame)
    for row in found.replaced:
        end(db, row, by=draft.id, ends=found.starts, now=now)
    for other in conflicts:
        link(db, draft.id, CONFLICTS, other)
        link(db, other, CONFLICTS, draft.id)
    return _written(draft, found, conflicts)


def insert_draft(db: sqlite3.Connection, draft: Draft, found: Place, frame: Frame) -> None:
    """Add a draft in its place."""
    insert(db, _values(draft, found, frame), draft.tokens)


def _written(draft: Draft, found: Place, conflicts: Sequence[str]) -> Written:
    code, reason = "kept", draft.verdict.reason
    if conflicts:
        code, reason = "contradicts", "another memory says otherwise; both are kept, and marked"
    if found.replaced:
        code, reason = "superseded-other", "it supersedes the former value of its slot"
    if found.cut and (found.ends or "~") <= as_text(draft.now):
        code, reason = "kept-as-past", "a later value is known; kept as past"
    masked = f"; masked: {', '.join(draft.verdict.masked)}" if draft.verdict.masked else ""
    return Written(
        kept=True,
        code=code,
        reason=reason + masked,
        id=draft.id,
        replaced=tuple(row["id"] for row in found.replaced),
        conflicts=tuple(conflicts),
        policy=draft.policy.version,
    )


def _values(draft: Draft, found: Place, frame: Frame) -> dict[str, Any]:
    note, now = draft.note, as_text(draft.now)
    subject, attribute = slot_key(note.slot) if note.slot else (None, None)
    return {
        "id": draft.id,
        "agent": draft.owner.agent,
        "text": draft.verdict.text,
        "digest": digest_of(draft.verdict.text),
        "frame": frame.key if note.kind != "episode" else None,
        "kind": note.kind,
        "subject": subject,
        "attribute": attribute,
        "many": bool(note.slot and note.slot.many),
        "said_by": note.said_by,
        "run": note.run,
        "sources": json.dumps([_source(note, now)]),
        "confidence": note.confidence,
        "importance": note.importance,
        "pinned": note.pinned,
        "sensitivity": draft.verdict.sensitivity,
        "purposes": json.dumps(note.purposes),
        "label": note.label.model_dump_json(),
        "valid_from": found.starts,
        "valid_to": found.ends,
        "ends": json.dumps([[now, found.ends]]),
        "learned_at": now,
        "expires_at": as_text(note.expires_at) if note.expires_at else None,
        "policy": draft.policy.version,
    }


def _source(note: Note, now: str) -> dict[str, str]:
    return {"run": note.run, "event": note.event, "said_by": note.said_by, "at": now}


def _repeated(db: sqlite3.Connection, draft: Draft, frame: Frame) -> str | None:
    """Find the recalled memory of which an agent's or a tool's note is only a copy, as in a reply that quotes it."""
    terms = frame.words | set(frame.numbers)
    if draft.note.said_by not in ("agent", "tool") or len(terms) < 2:  # noqa: PLR2004  # one word is no statement
        return None
    match = " OR ".join(f'"{word}"' for word in _words(draft.verdict.text))
    found = db.execute(
        "SELECT m.id, m.text FROM words JOIN memories m ON m.row = words.rowid"
        " WHERE words MATCH ? AND m.uses > 0 AND m.agent IN ('', ?) ORDER BY bm25(words) LIMIT ?",
        (match, draft.owner.agent, ALIKE),
    )
    return next((row["id"] for row in found if frame.adds_nothing_to(frame_of(row["text"]))), None)


def _words(text: str) -> Iterable[str]:
    plain = "".join(c if c.isalnum() else " " for c in text.casefold())
    return dict.fromkeys(word for word in plain.split() if word not in STOPWORDS)


def _contradicted(db: sqlite3.Connection, draft: Draft, frame: Frame) -> list[str]:
    """List what holds now and says otherwise about the same thing. Single-valued slots need no such search."""
    note = draft.note
    if note.kind == "episode" or frame.key is None or (note.slot and not note.slot.many):
        return []
    subject, attribute = slot_key(note.slot) if note.slot else (None, None)
    now = as_text(draft.now)
    found = db.execute(
        "SELECT id, text FROM memories WHERE frame = ? AND agent = ? AND subject IS ? AND attribute IS ?"
        " AND (valid_to IS NULL OR valid_to > ?) AND (expires_at IS NULL OR expires_at > ?)",
        (frame.key, draft.owner.agent, subject, attribute, now, now),
    )
    return [row["id"] for row in found if frame.contradicts(frame_of(row["text"]))]


def _duplicate(db: sqlite3.Connection, draft: Draft) -> sqlite3.Row | None:
    """Find what says the same and holds when the note begins to, unless the note knows better how long."""
    note, owner, now = draft.note, draft.owner, as_text(draft.now)
    subject, attribute = slot_key(note.slot) if note.slot else (None, None)
    starts, ends = as_text(note.valid_from) if note.valid_from else now, as_text(note.valid_to) if note.valid_to else ""
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM memories WHERE digest = ? AND agent = ? AND kind = ? AND subject IS ? AND attribute IS ?"
        " AND valid_from <= ? AND (valid_to IS NULL OR valid_to > ?) AND ? IN ('', valid_to)"
        " AND (expires_at IS NULL OR expires_at > ?) AND (kind != 'episode' OR run = ?)",
        (
            digest_of(draft.verdict.text), owner.agent, note.kind, subject, attribute,
            starts, starts, ends, now, note.run,
        ),
    ).fetchone()  # fmt: skip
    return found


def _merge(db: sqlite3.Connection, same: sqlite3.Row, draft: Draft) -> None:
    """Add the note's source. Of labels and sensitivities the stricter holds, of the other figures the higher."""
    note = draft.note
    label = Label.model_validate_json(same["label"]).join(note.label)
    sources, source = json.loads(same["sources"]), _source(note, as_text(draft.now))
    if all((old["run"], old["event"]) != (note.run, note.event) or not note.event for old in sources):
        sources.append(source)
    expires = as_text(note.expires_at) if note.expires_at else None
    db.execute(
        "UPDATE memories SET sources = ?, label = ?, sensitivity = ?, confidence = max(confidence, ?),"
        " importance = max(importance, ?), pinned = max(pinned, ?), expires_at = max(expires_at, ?) WHERE row = ?",
        (
            json.dumps(sources), label.model_dump_json(),
            stricter(same["sensitivity"], draft.verdict.sensitivity),
            note.confidence, note.importance, note.pinned, expires, same["row"],
        ),
    )  # fmt: skip


def _too_many(db: sqlite3.Connection, policy: WritePolicy, now: datetime) -> bool:
    if policy.per_hour is None:
        return False
    since = as_text(now - timedelta(hours=1))
    sql = "SELECT count(*) FROM memories WHERE learned_at > ?"
    return int(db.execute(sql, (since,)).fetchone()[0]) >= policy.per_hour


def digest_of(text: str) -> str:
    """Digest a text so that case, spacing and closing punctuation make no second memory."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .!")
    return sha256(plain.encode()).hexdigest()
