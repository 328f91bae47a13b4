"""Judge a note by the write policy, and put it in its place among what is known. Every outcome has a stable code."""

import json
import re
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from interlock.memory.policies import WritePolicy, within
from interlock.memory.rows import Tokens, insert
from interlock.memory.truth import as_text
from interlock.runtime.memories import Note, Owner, Slot, Written
from interlock.runtime.personal import mask
from interlock.runtime.records import Label

RECALLED = "memory:"
"""Prefix of the label source that recalled text carries."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the policy says about a note by itself: keep this text, or why not."""

    text: str = ""
    code: str = "kept"
    reason: str = "allowed by the write policy"
    masked: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return self.code == "kept"


def judge(note: Note, policy: WritePolicy, now: datetime) -> Verdict:
    """Apply the rules that need nothing but the note. The first that objects decides."""
    text = unicodedata.normalize("NFC", note.text).strip()
    if objection := _of_form(text, policy) or _of_origin(note, policy) or _of_content(note, policy, now):
        code, reason = objection
        return Verdict(code=code, reason=reason)
    if policy.personal_data == "keep":
        return Verdict(text=text)
    masked, kinds = mask(text)
    if kinds and policy.personal_data == "refuse":
        return Verdict(code="personal-data", reason=f"the text holds personal data: {', '.join(kinds)}")
    return Verdict(text=masked, masked=kinds)


def _of_form(text: str, policy: WritePolicy) -> tuple[str, str] | None:
    if not text:
        return "empty", "the text is empty"
    if "\x00" in text or re.search("[\ud800-\udfff]", text):
        return "malformed", "the text holds NUL characters or lone surrogates"
    if len(text) > policy.max_characters:
        return "too-long", f"the text has {len(text)} characters, {policy.max_characters} are allowed"
    return None


def _of_origin(note: Note, policy: WritePolicy) -> tuple[str, str] | None:
    if note.said_by not in policy.speakers:
        return "speaker-not-allowed", f"what {note.said_by} says is not kept"
    # A user may well repeat what was recalled; what agents and tools repeat would be remembered for ever.
    if note.said_by != "user" and any(source.startswith(RECALLED) for source in note.label.sources):
        return "recalled-text", "the text was recalled from memory, and is not learned again"
    if note.label.integrity == "untrusted" and not policy.untrusted:
        return "untrusted-source", f"the text comes from an untrusted source: {', '.join(note.label.sources) or '?'}"
    return None


def _of_content(note: Note, policy: WritePolicy, now: datetime) -> tuple[str, str] | None:
    if note.kind not in policy.kinds:
        return "kind-not-kept", f"memories of kind {note.kind} are not kept"
    if not within(policy.max_sensitivity, note.sensitivity):
        return "too-sensitive", f"{note.sensitivity} notes are not kept, at most {policy.max_sensitivity} ones"
    if note.confidence < policy.min_confidence:
        return "low-confidence", f"confidence {note.confidence:g} is below {policy.min_confidence:g}"
    if note.expires_at is not None and as_text(note.expires_at) <= as_text(now):
        return "expired", "the note had expired before it was written"
    return None


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


def place(db: sqlite3.Connection, draft: Draft) -> Written:
    """Merge a draft into its duplicate, or add it and close what it supersedes. Runs inside a transaction."""
    note, owner, now = draft.note, draft.owner, draft.now
    if (same := _duplicate(db, draft)) is not None:
        _merge(db, same, note, now)
        return Written(kept=True, code="duplicate", reason="known already; the source was added", id=same["id"])
    if _too_many(db, draft.policy, now):
        return Written(kept=False, code="rate", reason=f"more than {draft.policy.per_hour} notes within an hour")
    rivals = _rivals(db, note.slot, owner) if note.slot and not note.slot.many else []
    starts = as_text(note.valid_from or now)
    values = _values(draft)
    if ends := min((rival["valid_from"] for rival in rivals if rival["valid_from"] > starts), default=None):
        values |= {"valid_to": min(ends, values["valid_to"] or ends), "closed_at": as_text(now)}
        insert(db, values, draft.tokens)
        return Written(kept=True, code="kept-as-past", reason="a later value is known; kept as past", id=draft.id)
    insert(db, values, draft.tokens)
    for rival in rivals:
        _close(db, rival, by=draft.id, ends=starts, now=now)
    return _written(draft, rivals)


def _written(draft: Draft, rivals: list[sqlite3.Row]) -> Written:
    masked = f"; masked: {', '.join(draft.verdict.masked)}" if draft.verdict.masked else ""
    if not rivals:
        return Written(kept=True, code="kept", reason=draft.verdict.reason + masked, id=draft.id)
    replaced = tuple(str(rival["id"]) for rival in rivals)
    reason = "it supersedes the former value of its slot" + masked
    return Written(kept=True, code="superseded-other", reason=reason, id=draft.id, replaced=replaced)


def _values(draft: Draft) -> dict[str, Any]:
    note, owner, now = draft.note, draft.owner, draft.now
    subject, attribute = slot_key(note.slot) if note.slot else (None, None)
    return {
        "id": draft.id,
        "agent": owner.agent,
        "text": draft.verdict.text,
        "digest": digest_of(draft.verdict.text),
        "kind": note.kind,
        "subject": subject,
        "attribute": attribute,
        "many": bool(note.slot and note.slot.many),
        "said_by": note.said_by,
        "run": note.run,
        "sources": json.dumps([_source(note, now)]),
        "confidence": note.confidence,
        "sensitivity": note.sensitivity,
        "label": note.label.model_dump_json(),
        "valid_from": as_text(note.valid_from or now),
        "valid_to": as_text(note.valid_to) if note.valid_to else None,
        "learned_at": as_text(now),
        "expires_at": as_text(note.expires_at) if note.expires_at else None,
        "policy": draft.policy.version,
    }


def _source(note: Note, now: datetime) -> dict[str, str]:
    return {"run": note.run, "said_by": note.said_by, "at": as_text(now)}


def _duplicate(db: sqlite3.Connection, draft: Draft) -> sqlite3.Row | None:
    note, owner = draft.note, draft.owner
    subject, attribute = slot_key(note.slot) if note.slot else (None, None)
    found: sqlite3.Row | None = db.execute(
        "SELECT * FROM memories WHERE digest = ? AND agent = ? AND kind = ? AND closed_at IS NULL"
        " AND subject IS ? AND attribute IS ? AND (expires_at IS NULL OR expires_at > ?)"
        " AND (kind != 'episode' OR run = ?)",
        (
            digest_of(draft.verdict.text),
            owner.agent,
            note.kind,
            subject,
            attribute,
            as_text(draft.now),
            note.run,
        ),
    ).fetchone()
    return found


def _merge(db: sqlite3.Connection, same: sqlite3.Row, note: Note, now: datetime) -> None:
    """Add the note's source; of two labels the worse holds, of two confidences the higher."""
    label = Label.model_validate_json(same["label"]).join(note.label)
    sources = [*json.loads(same["sources"]), _source(note, now)]
    db.execute(
        "UPDATE memories SET sources = ?, label = ?, confidence = max(confidence, ?) WHERE row = ?",
        (json.dumps(sources), label.model_dump_json(), note.confidence, same["row"]),
    )


def _too_many(db: sqlite3.Connection, policy: WritePolicy, now: datetime) -> bool:
    if policy.per_hour is None:
        return False
    since = as_text(now - timedelta(hours=1))
    sql = "SELECT count(*) FROM memories WHERE learned_at > ?"
    return int(db.execute(sql, (since,)).fetchone()[0]) >= policy.per_hour


def _rivals(db: sqlite3.Connection, slot: Slot, owner: Owner) -> list[sqlite3.Row]:
    """Find what stands in a single-valued slot now."""
    return db.execute(
        "SELECT * FROM memories WHERE agent = ? AND subject = ? AND attribute = ? AND closed_at IS NULL",
        (owner.agent, *slot_key(slot)),
    ).fetchall()


def _close(db: sqlite3.Connection, row: sqlite3.Row, *, by: str, ends: str, now: datetime) -> None:
    valid_to = min(ends, row["valid_to"] or ends)
    db.execute(
        "UPDATE memories SET closed_at = ?, valid_to = ?, superseded_by = ? WHERE row = ?",
        (as_text(now), valid_to, by, row["row"]),
    )


def slot_key(slot: Slot) -> tuple[str, str]:
    """Write a slot's names so that case and spacing make no second slot."""
    return " ".join(slot.subject.casefold().split()), " ".join(slot.attribute.casefold().split())


def digest_of(text: str) -> str:
    """Digest a text so that case, spacing and closing punctuation make no second memory."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(" .!")
    return sha256(plain.encode()).hexdigest()
