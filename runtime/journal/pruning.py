"""Retention: the oldest part of the chain is removed, and a signed cut vouches for where it now begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, select

from interlock.runtime.database import Statement, Transaction
from interlock.runtime.gate.approvals import approvals
from interlock.runtime.gate.effects import effects
from interlock.runtime.home import Home
from interlock.runtime.journal.journal import ALL, events, payloads

Row = tuple[Any, ...]

_DROP_ROWS = Statement(delete(events).where(events.c.seq <= bindparam("upto")))
_DIGESTS = Statement(select(payloads.c.digest))
_HELD = (Statement(select(approvals.c.arguments)), Statement(select(effects.c.outcome)))
_CELLS = ("prompt", "history")
_BODIES = ("tools", "manifest_kept")


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was removed, or would be."""

    rows: int
    runs: int
    payloads: int
    threads: tuple[str, ...]
    """Threads of which nothing is left; their checkpoints may go too."""
    held_by: str = ""
    """A run that is old and has not ended; nothing after its beginning can go before it does."""


def prune(home: Home, *, before: datetime, dry_run: bool = False) -> Pruned:
    """Remove the runs that ended before a time, as far as they stand at the beginning of the chain.

    Payloads go with the last row that refers to them; what approvals and the effects ledger hold stays, so that no
    effect can happen twice. The newest row always stays.
    """
    with home.database.transaction(durable=True) as tx:
        rows = tx.all(ALL)
        cut, held_by = _cut(rows, before.isoformat())
        left = [row for row in rows if row[0] > cut]
        gone = [row for row in rows if row[0] <= cut]
        doomed = _unreferenced(home, tx, left) if gone else set[str]()
        threads = {row[2] for row in gone} - {row[2] for row in left}
        if gone and not dry_run:
            home.journal.cut(tx, cut, gone[-1][5])
            tx.run(_DROP_ROWS, upto=cut)
            for digest in doomed:
                home.journal.drop(tx, digest)
    return Pruned(
        rows=len(gone), runs=len({row[1] for row in gone}), payloads=len(doomed), threads=tuple(sorted(threads)),
        held_by=held_by,
    )  # fmt: skip


def _cut(rows: list[Row], before: str) -> tuple[int, str]:
    """Find the last row that may go: old, with no run on both sides of it; and the run that is in the way."""
    last = {run: seq for seq, run, *_ in rows}
    ended = {run: kind == "run_ended" and _status(head) != "waiting" for _, run, _, kind, head, _ in rows}
    best, reach = 0, 0
    for seq, run, _thread, _kind, head, _hash in rows[:-1]:
        if orjson.loads(head)["at"] >= before:
            return best, ""
        if not ended[run]:
            return best, run
        reach = max(reach, last[run])
        if reach == seq:
            best = seq
    return best, ""


def _status(head: str) -> str:
    return str(orjson.loads(head)["facts"].get("status", ""))


def _unreferenced(home: Home, tx: Transaction, left: list[Row]) -> set[str]:
    kept = {digest for statement in _HELD for (digest,) in tx.all(statement)}
    for row in left:
        kept.update(_references(home, row, kept))
    return {digest for (digest,) in tx.all(_DIGESTS)} - kept


def _references(home: Home, row: Row, known: set[str]) -> Iterator[str]:
    """Name the payloads that a row refers to, prompts down to their first cell."""
    head = orjson.loads(row[4])
    if head["content"]:
        yield head["content"]
    yield from (found for name in _BODIES if (found := head["facts"].get(name)))
    for name in _CELLS:
        digest: str | None = head["facts"].get(name)
        while digest and digest not in known:
            yield digest
            cell: dict[str, Any] = home.journal.payload(digest) or {}
            digest = cell.get("prev")
