"""The content that the chain refers to: what was changed, what was erased on record, what was removed by hand."""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from pydantic import ValidationError
from sqlalchemy import select

from interlock.runtime.gate.answers import answers
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.journal import events
from interlock.runtime.journal.findings import Finding
from interlock.runtime.journal.journal import PAYLOADS
from interlock.runtime.journal.seals import ERASURE
from interlock.runtime.storage.database import Database, Statement

Row = tuple[Any, ...]

REFERRING = ("prompt", "tools", "history", "manifest_kept")
"""Facts that hold the digest of a payload, beside the row's own content."""
_BESIDE = {
    "approvals": Statement(select(approvals.c.id, approvals.c.arguments)),
    "effects": Statement(select(effects.c.key, effects.c.outcome)),
    "answers": Statement(select(answers.c.approval, answers.c.arguments)),
}
"""Tables that hold digests of payloads, too."""


@dataclass(kw_only=True)
class Contents:
    """All payloads by digest, and what refers to them."""

    rows: list[tuple[Row, dict[str, Any]]] = field(default_factory=list[tuple[Row, dict[str, Any]]])
    """The rows whose heads can be read, with their heads."""
    bodies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    changed: set[str] = field(default_factory=set[str])
    erased: dict[str, int] = field(default_factory=dict[str, int])
    """Digests that a row says were erased, with the newest such row."""
    erased_runs: set[str] = field(default_factory=set[str])
    used: dict[str, int] = field(default_factory=dict[str, int])
    """Digests that rows refer to, with the newest row that does."""
    cells: set[str] = field(default_factory=set[str])
    """Those that are only reached through later cells of a prompt."""
    beside: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Table, row and digest of what other tables refer to."""

    @staticmethod
    def read(database: Database, rows: Sequence[Row]) -> "Contents":
        """Read everything once."""
        made = Contents()
        for digest, _subject, body, key in database.read(PAYLOADS):
            if body is not None:
                made.bodies[digest] = body
                if key is None or hmac.digest(key, body, "sha256").hex() != digest:
                    made.changed.add(digest)
        for row in rows:
            made._take(row)
        for table, statement in _BESIDE.items():
            made.beside += [(table, id, digest) for id, digest in database.read(statement) if digest]
        return made

    def content(self, head: dict[str, Any]) -> dict[str, Any] | None:
        """Give a row's content; None where it is erased, or was changed."""
        found: Any = self.parsed(head["content"]) if head["content"] else {}
        return cast(dict[str, Any], found) if isinstance(found, dict) else None

    def parsed(self, digest: str) -> Any:
        """Give a payload's JSON; None where it is erased, was changed, or is none."""
        if digest in self.changed or digest not in self.bodies:
            return None
        try:
            return orjson.loads(self.bodies[digest])
        except orjson.JSONDecodeError:
            return None

    @property
    def erased_in_use(self) -> set[str]:
        """Digests that something still refers to, and that were erased as a row says."""
        wanted = {*self.used, *(digest for _, _, digest in self.beside)}
        return {digest for digest in wanted if digest not in self.bodies and self._lawful(digest)}

    def findings(self) -> Iterator[Finding]:
        """Name what was changed, and what is missing though no row says that it was erased."""
        for digest in sorted((self.used.keys() - self.bodies.keys()) | self.changed):
            problem = f"payload {digest[:12]} was changed" if digest in self.changed else self._missing(digest)
            if problem:
                yield self._finding(digest, problem)
        for table, id, digest in self.beside:
            if digest not in self.used and (problem := self._missing(digest)):
                yield Finding(table=table, id=id, problem=problem)

    def _finding(self, digest: str, problem: str) -> Finding:
        if digest in self.used:
            return Finding(row=self.used[digest], problem=problem)
        for table, id, referred in self.beside:
            if referred == digest:
                return Finding(table=table, id=id, problem=problem)
        return Finding(table="payloads", id=digest[:12], problem=problem)

    def _missing(self, digest: str) -> str:
        if digest in self.bodies or self._lawful(digest):
            return ""
        return f"payload {digest[:12]} was removed, and no row says that it was erased"

    def _lawful(self, digest: str) -> bool:
        """Tell whether it was erased by rule: later than it was written last, so that no old erasure covers for it."""
        erased_at = self.erased.get(digest, 0)
        return erased_at > (0 if digest in self.cells else self.used.get(digest, 0))

    def _take(self, row: Row) -> None:
        seq, _run, _thread, kind, head_text, _hash = row
        head = head_of(head_text)
        if head is None:
            return  # the chain check names this row
        content, told = head["content"], head["facts"]
        self.rows.append((row, head))
        if content:
            self.used[content] = seq
        if kind in ("model_intended", "run_started", "run_resumed"):
            for name in REFERRING:
                if isinstance(digest := told.get(name), str) and digest:
                    self.used[digest] = seq
                    self.cells.discard(digest)
            self._follow(told.get("prompt") or told.get("history"), seq)
        if kind == ERASURE:
            self._erased(seq, told | (self.content(head) or {}))

    def _erased(self, seq: int, facts: dict[str, Any]) -> None:
        try:
            event = events.Erased.model_validate(facts)
        except ValidationError:
            return  # so that what is missing counts as removed by hand
        self.erased |= dict.fromkeys(event.digests, seq)
        self.erased_runs.update(event.runs)

    def _follow(self, digest: Any, seq: int) -> None:
        """Follow a prompt from its last cell to the first, as far as no earlier row has led."""
        while isinstance(digest, str) and isinstance(cell := self.parsed(digest), dict):
            digest = cast(dict[str, Any], cell).get("prev")
            if not isinstance(digest, str) or not digest or digest in self.used:
                return
            self.used[digest] = seq
            self.cells.add(digest)


def head_of(text: str) -> dict[str, Any] | None:
    """Read a row's head; None where it is none."""
    try:
        head = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    match head:
        case {"seq": int(), "run": str(), "thread": str(), "kind": str(), "content": str() | None, "facts": dict()}:
            return cast(dict[str, Any], head)
        case _:
            return None
