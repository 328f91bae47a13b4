"""Judge a note by the write policy and by nothing else. Every outcome has a stable code."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from interlock.memory.policies import WritePolicy, WriteRule, stricter, within
from interlock.memory.truth import as_text
from interlock.runtime.memories import Note, Sensitivity
from interlock.runtime.personal import mask

RECALLED = "memory:"
"""Prefix of the label source that recalled text carries."""
NAME_CHARACTERS = 200
"""How long a slot's names may be."""
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")

Objection = tuple[str, str]
"""A code, and the reason."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the policy says about a note by itself: keep this text, ask a person about it, or why not."""

    text: str = ""
    code: str = "kept"
    reason: str = "allowed by the write policy"
    masked: tuple[str, ...] = ()
    sensitivity: Sensitivity = "normal"
    asks: WriteRule | None = None
    """The rule by which a person must agree."""

    @property
    def kept(self) -> bool:
        return self.code == "kept"


def judge(note: Note, policy: WritePolicy, now: datetime, *, approved: bool = False) -> Verdict:
    """Apply the rules that need nothing but the note. The first that objects decides.

    Args:
        approved: a person has agreed where a rule asks for one.
    """
    text = unicodedata.normalize("NFC", note.text).strip()
    if objection := _of_form(text, note, policy) or _of_loops(note):
        return _refused(objection)
    rule = next((rule for rule in policy.rules if _applies(rule, note, text)), None)
    if objection := _of_rule(rule) or _of_origin(note, policy, rule) or _of_content(note, policy, now):
        return _refused(objection)
    if rule is not None and rule.then == "ask" and not approved:
        reason = rule.reason or "a person must agree to it"
        return Verdict(code="needs-approval", reason=f"{reason} (rule {rule.code})", asks=rule)
    verdict = _without_personal_data(text, note, policy)
    return verdict if rule is None or not verdict.kept else _by_rule(verdict, rule)


def _by_rule(verdict: Verdict, rule: WriteRule) -> Verdict:
    told = "approved by a person" if rule.then == "ask" else "allowed"
    return Verdict(
        text=verdict.text,
        reason=f"{told}, by rule {rule.code}",
        masked=verdict.masked,
        sensitivity=verdict.sensitivity,
    )


def _refused(objection: Objection) -> Verdict:
    code, reason = objection
    return Verdict(code=code, reason=reason)


def _of_form(text: str, note: Note, policy: WritePolicy) -> Objection | None:
    if not any(character.isprintable() and not character.isspace() for character in text):
        return "empty", "the text is empty"
    slot = note.slot
    names = [] if slot is None else [slot.subject, slot.attribute]
    if any(_UNREADABLE.search(part) for part in (text, note.run, note.event, *names, *note.purposes)):
        return "malformed", "the text holds NUL characters or lone surrogates"
    if len(text) > policy.max_characters:
        return "too-long", f"the text has {len(text)} characters, {policy.max_characters} are allowed"
    if any(not name.strip() or len(name) > NAME_CHARACTERS for name in names):
        return "bad-slot", f"a slot's subject and attribute have between 1 and {NAME_CHARACTERS} characters"
    return None


def _of_loops(note: Note) -> Objection | None:
    # A user may well repeat what was recalled; what agents and tools repeat would be remembered for ever.
    if note.said_by != "user" and any(source.startswith(RECALLED) for source in note.label.sources):
        return "recalled-text", "the text was recalled from memory, and is not learned again"
    return None


def _of_rule(rule: WriteRule | None) -> Objection | None:
    if rule is None or rule.then != "refuse":
        return None
    return rule.code, rule.reason or f"refused by rule {rule.code}"


def _of_origin(note: Note, policy: WritePolicy, rule: WriteRule | None) -> Objection | None:
    if rule is not None:
        return None
    if note.said_by not in policy.speakers:
        return "speaker-not-allowed", f"what {note.said_by} says is not kept"
    if note.label.integrity == "untrusted" and not policy.untrusted:
        return "untrusted-source", f"the text comes from an untrusted source: {', '.join(note.label.sources) or '?'}"
    return None


def _of_content(note: Note, policy: WritePolicy, now: datetime) -> Objection | None:
    if note.kind not in policy.kinds:
        return "kind-not-kept", f"memories of kind {note.kind} are not kept"
    if not within(policy.max_sensitivity, note.sensitivity):
        return "too-sensitive", f"{note.sensitivity} notes are not kept, at most {policy.max_sensitivity} ones"
    if note.confidence < policy.min_confidence:
        return "low-confidence", f"confidence {note.confidence:g} is below {policy.min_confidence:g}"
    if note.expires_at is not None and as_text(note.expires_at) <= as_text(now):
        return "expired", "the note had expired before it was written"
    if note.valid_to is not None and as_text(note.valid_to) <= as_text(note.valid_from or now):
        return "never-true", "it ceases to be true before it becomes true"
    return None


def _without_personal_data(text: str, note: Note, policy: WritePolicy) -> Verdict:
    masked, kinds = mask(text)
    if not kinds:
        return Verdict(text=text, sensitivity=note.sensitivity)
    if policy.personal_data == "mask":
        return Verdict(text=masked, masked=kinds, sensitivity=note.sensitivity)
    if policy.personal_data == "refuse":
        return _refused(("personal-data", f"the text holds personal data: {', '.join(kinds)}"))
    sensitivity = stricter(note.sensitivity, "personal")
    if not within(policy.max_sensitivity, sensitivity):
        return _refused(
            ("too-sensitive", f"it holds personal data, and at most {policy.max_sensitivity} notes are kept")
        )
    return Verdict(text=text, sensitivity=sensitivity)


def _applies(rule: WriteRule, note: Note, text: str) -> bool:
    """Tell whether a note meets all that a rule says."""
    attribute = note.slot.attribute.casefold() if note.slot else ""
    return (
        note.kind in rule.kinds
        and note.said_by in rule.speakers
        and rule.integrity in (None, note.label.integrity)
        and within(note.sensitivity, rule.sensitivity)
        and (not rule.sources or _all_named(note.label.sources, rule.sources))
        and (not rule.attributes or any(fnmatchcase(attribute, name.casefold()) for name in rule.attributes))
        and (not rule.pattern or re.search(rule.pattern, text, re.IGNORECASE) is not None)
    )


def _all_named(sources: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    """Tell whether a rule names every source: one that it does not name could have said the rest."""
    return bool(sources) and all(any(fnmatchcase(source, pattern) for pattern in patterns) for source in sources)
