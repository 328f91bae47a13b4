"""Reading the chain as an auditor: which row was changed, removed, inserted or moved, and what was cut off."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from interlock.runtime.database import Database
from interlock.runtime.journal.journal import ALL, GENESIS, PAYLOADS, chained
from interlock.runtime.journal.seals import INTERVAL, Seal, last_cut, sealed

Row = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that does not add up. `row` is the journal row that it concerns."""

    row: int
    problem: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a verification found."""

    rows: int
    payloads: int
    head: str
    findings: tuple[Finding, ...]
    erased: int = 0
    """Payloads whose content was erased; the chain holds without it."""
    seals: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings


def verify(database: Database, *, head: Seal | None = None) -> Verdict:
    """Check every row's hash, order and columns, every payload against its digest, and every seal.

    Args:
        head: a seal that was kept elsewhere; the chain must go through it.
    """
    rows = database.read(ALL)
    seals = sealed(database)
    kept = _Payloads()
    kept.read(database)
    cut = last_cut(database)
    findings = [*_chain(rows, cut), *_seals(rows, seals), *kept.findings(rows)]
    if cut is not None and not (cut.holds("cut") and all(cut.key == seal.key for seal in seals[-1:])):
        findings.append(Finding(row=cut.seq, problem="the cut from which the chain goes on was changed"))
    if head is not None:
        findings += _kept_head(_with_pruned(rows, seals, cut), head)
    findings.sort(key=lambda finding: finding.row)
    return Verdict(
        rows=len(rows), payloads=len(kept.bodies), head=rows[-1][5] if rows else GENESIS,
        findings=tuple(findings), erased=sum(body is None for body in kept.bodies.values()), seals=len(seals),
    )  # fmt: skip


def _with_pruned(rows: list[Row], seals: list[Seal], cut: Seal | None) -> list[Row]:
    """Put back, as far as seals tell, what was pruned, so that an old head can still be compared."""
    upto = cut.seq if cut else 0
    return [*((seal.seq, "", "", "", "", seal.hash) for seal in seals if seal.seq <= upto), *rows]


def _chain(rows: list[Row], cut: Seal | None) -> Iterator[Finding]:
    previous: str | None = cut.hash if cut else GENESIS
    expected = cut.seq + 1 if cut else 1
    for seq, run, thread, kind, head, hash_ in rows:
        if seq != expected:
            yield from (
                Finding(row=gone, problem=f"row {gone} was removed: {seq} follows {expected - 1}")
                for gone in range(expected, seq)
            )
            previous = None  # what stood before is gone; the row's own hash vouches for what follows
        if wrong := _wrong(previous, (seq, run, thread, kind, head, hash_)):
            yield Finding(row=seq, problem=wrong)
        previous, expected = hash_, seq + 1


def _wrong(previous: str | None, row: Row) -> str:
    seq, run, thread, kind, head, hash_ = row
    try:
        facts = orjson.loads(head)
        told = (facts["seq"], facts["run"], facts["thread"], facts["kind"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "the row was changed: its head cannot be read"
    if told[0] != seq:
        return f"row {told[0]} stands in the place of row {seq}: rows were moved, inserted or removed"
    if previous is not None and chained(previous, head) != hash_:
        return "the row was changed, or what stood before it was"
    if told != (seq, run, thread, kind):
        return "the row was changed: its columns do not say what its head says"
    return ""


def _seals(rows: list[Row], seals: list[Seal]) -> Iterator[Finding]:
    last = rows[-1][0] if rows else 0
    hashes = {row[0]: row[5] for row in rows}
    for seal in seals:
        if not seal.holds():
            yield Finding(row=seal.seq, problem="its seal was changed")
        elif seal.key != seals[-1].key:
            yield Finding(row=seal.seq, problem="it was sealed with another key than the newest row")
        if seal.seq > last:
            yield Finding(row=last + 1, problem=f"rows {last + 1} to {seal.seq} were cut off: {seal.seq} was sealed")
        elif hashes.get(seal.seq, seal.hash) != seal.hash:
            yield Finding(row=seal.seq, problem="the row is not the one that was sealed")
    if seals:
        have = {seal.seq for seal in seals}
        for seq, _run, _thread, kind, _head, _hash in rows:
            if seq > seals[0].seq and seq not in have and (kind == "run_ended" or seq % INTERVAL == 0):
                yield Finding(row=seq, problem="the row was sealed, and its seal was removed")


def _kept_head(rows: list[Row], head: Seal) -> Iterator[Finding]:
    last = rows[-1][0] if rows else 0
    if not head.holds():
        yield Finding(row=head.seq, problem="the head that was kept is not signed as it says")
    if head.seq > last:
        yield Finding(row=last + 1, problem=f"rows {last + 1} to {head.seq} were cut off: the kept head is {head.seq}")
    elif {row[0]: row[5] for row in rows}.get(head.seq) != head.hash:
        yield Finding(row=head.seq, problem="the row is not the one whose head was kept")


_REFERRING = ("prompt", "tools", "history", "manifest_kept")
"""Facts that hold the digest of a payload, beside the row's own content."""


@dataclass(kw_only=True)
class _Payloads:
    """All payloads, by digest, and which of them are not what they were."""

    bodies: dict[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    changed: set[str] = field(default_factory=set[str])

    def read(self, database: Database) -> None:
        for digest, _subject, body, key in database.read(PAYLOADS):
            self.bodies[digest] = body
            if body is not None and (key is None or hmac.digest(key, body, "sha256").hex() != digest):
                self.changed.add(digest)

    def findings(self, rows: list[Row]) -> Iterator[Finding]:
        refers = dict(self._references(rows))
        for digest in self.changed:
            yield Finding(row=refers.get(digest, 0), problem=f"payload {digest[:12]} was changed")
        for digest, seq in refers.items():
            if digest not in self.bodies:
                yield Finding(row=seq, problem=f"payload {digest[:12]} was removed")

    def _references(self, rows: list[Row]) -> Iterator[tuple[str, int]]:
        """Name each payload that a row refers to, itself or through a prompt; the newest use of each comes last."""
        seen: set[str] = set()
        for seq, _run, _thread, kind, head, _hash in rows:
            try:
                facts = orjson.loads(head)
                content, told = facts["content"], facts["facts"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                continue  # the chain check has named this row
            if content:
                yield content, seq
            if kind in ("model_intended", "run_started"):
                yield from ((told[name], seq) for name in _REFERRING if told.get(name))
                yield from self._cells(told.get("prompt") or told.get("history"), seq, seen)

    def _cells(self, digest: str | None, seq: int, seen: set[str]) -> Iterator[tuple[str, int]]:
        """Follow a prompt from its last cell to the first, as far as no earlier row has led."""
        while digest and digest not in seen:
            seen.add(digest)
            yield digest, seq
            body = self.bodies.get(digest)
            if body is None or digest in self.changed:
                return
            digest = orjson.loads(body)["prev"]
