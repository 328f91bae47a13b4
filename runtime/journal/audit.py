"""Reading the chain as an auditor: which row was changed, removed, inserted or moved."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from interlock.runtime.database import Database
from interlock.runtime.journal.journal import ALL, GENESIS, PAYLOADS, chained


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

    @property
    def ok(self) -> bool:
        return not self.findings


def verify(database: Database) -> Verdict:
    """Check every row's hash, order and columns, and every payload against its digest."""
    rows = database.read(ALL)
    digests, bad_payloads = _payloads(database)
    findings = list(_chain(rows))
    refers = {digest: seq for seq, digest in _references(rows)}
    findings += [Finding(row=refers.get(d, 0), problem=f"payload {d[:12]} was changed") for d in bad_payloads]
    findings += [
        Finding(row=seq, problem=f"payload {digest[:12]} was removed")
        for digest, seq in refers.items()
        if digest not in digests
    ]
    findings.sort(key=lambda finding: finding.row)
    return Verdict(
        rows=len(rows), payloads=len(digests), head=rows[-1][5] if rows else GENESIS, findings=tuple(findings)
    )


def _chain(rows: list[tuple[Any, ...]]) -> Iterator[Finding]:
    previous, expected = GENESIS, 1
    for seq, run, thread, kind, head, hash_ in rows:
        if seq != expected:
            yield Finding(row=expected, problem=f"row {expected} is missing; {seq} follows {expected - 1}")
        if chained(previous, head) != hash_:
            yield Finding(row=seq, problem="the row or its place in the chain was changed")
        elif not _columns_agree(head, seq, run, thread, kind):
            yield Finding(row=seq, problem="its columns do not say what its head says")
        previous, expected = hash_, seq + 1


def _columns_agree(head: str, seq: int, run: str, thread: str, kind: str) -> bool:
    facts = orjson.loads(head)
    return (facts["seq"], facts["run"], facts["thread"], facts["kind"]) == (seq, run, thread, kind)


def _payloads(database: Database) -> tuple[set[str], list[str]]:
    known: set[str] = set()
    bad: list[str] = []
    for digest, _subject, body, key in database.read(PAYLOADS):
        known.add(digest)
        if body is not None and (key is None or hmac.digest(key, body, "sha256").hex() != digest):
            bad.append(digest)
    return known, bad


def _references(rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, str]]:
    """Name each payload that a row refers to; later rows win, so that the newest use is named."""
    for seq, _run, _thread, kind, head, _hash in rows:
        try:
            facts = orjson.loads(head)
        except orjson.JSONDecodeError:
            continue  # the chain check has named this row
        if facts.get("content"):
            yield seq, facts["content"]
        if kind == "model_intended":
            yield from ((seq, facts["facts"][name]) for name in ("prompt", "tools") if facts["facts"].get(name))
