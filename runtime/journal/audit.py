"""Reading the chain as an auditor: which row was changed, removed, inserted or moved, and what was cut off."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interlock.runtime.journal.contents import Contents, head_of
from interlock.runtime.journal.crosscheck import disagreements
from interlock.runtime.journal.findings import Finding
from interlock.runtime.journal.journal import ALL, GENESIS, LAST, chained
from interlock.runtime.journal.seals import ERASURE, INTERVAL, SEALED, Seal, last_cut, sealed
from interlock.runtime.journal.spending import misspent
from interlock.runtime.storage.database import Database

Row = tuple[Any, ...]
_AGAIN = 5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a verification found."""

    rows: int
    payloads: int
    head: str
    findings: tuple[Finding, ...]
    erased: int = 0
    """Payloads whose content was erased, as rows that are sealed say; the chain holds without it."""
    seals: int = 0

    @property
    def ok(self) -> bool:
        return not self.findings


def verify(database: Database, *, head: Seal | None = None) -> Verdict:
    """Check every row's hash, order and columns, every payload against its digest, every seal, and the tables beside.

    Args:
        head: a seal that was kept elsewhere; the chain must go through it.
    """
    verdict = _verified(database, head)
    for _ in range(_AGAIN):
        newest = [hash_ for _seq, hash_ in database.read(LAST)]
        if verdict.ok or newest in ([verdict.head], []):
            break  # else runs at work may have changed one table before another was read
        verdict = _verified(database, head)
    return verdict


def _verified(database: Database, head: Seal | None) -> Verdict:
    rows = database.read(ALL)
    seals = sealed(database)
    contents = Contents.read(database, rows)
    cut = last_cut(database)
    findings = [*_chain(rows, cut), *_seals(rows, seals), *contents.findings(), *disagreements(database, contents)]
    findings += misspent(database, contents, pruned=cut is not None)
    if cut is not None and not (cut.holds("cut") and all(cut.key == seal.key for seal in seals[-1:])):
        findings.append(Finding(row=cut.seq, problem="the cut from which the chain goes on was changed"))
    if head is not None:
        findings += _kept_head(_with_pruned(rows, seals, cut), head)
    findings.sort(key=lambda finding: (finding.row == 0, finding.row))  # what other tables tell follows from the rows
    return Verdict(
        rows=len(rows), payloads=len(contents.bodies), head=rows[-1][5] if rows else GENESIS,
        findings=tuple(findings), erased=len(contents.erased_in_use), seals=len(seals),
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
    told = head_of(head)
    if told is None:
        return "the row was changed: its head cannot be read"
    if told["seq"] != seq:
        return f"row {told['seq']} stands in the place of row {seq}: rows were moved, inserted or removed"
    if previous is not None and chained(previous, head) != hash_:
        return "the row was changed, or what stood before it was"
    if (told["run"], told["thread"], told["kind"]) != (run, thread, kind):
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
    have = {seal.seq for seal in seals}
    for seq, _run, _thread, kind, _head, _hash in rows:
        # Who removes all seals and content with them could say that it was erased; that is never believed unsealed.
        expected = kind == ERASURE or (bool(seals) and seq > seals[0].seq)
        if expected and seq not in have and (kind in SEALED or seq % INTERVAL == 0):
            yield Finding(row=seq, problem="the row was sealed, and its seal was removed")


def _kept_head(rows: list[Row], head: Seal) -> Iterator[Finding]:
    last = rows[-1][0] if rows else 0
    if not head.holds():
        yield Finding(row=head.seq, problem="the head that was kept is not signed as it says")
    if head.seq > last:
        yield Finding(row=last + 1, problem=f"rows {last + 1} to {head.seq} were cut off: the kept head is {head.seq}")
    elif {row[0]: row[5] for row in rows}.get(head.seq) != head.hash:
        yield Finding(row=head.seq, problem="the row is not the one whose head was kept")
