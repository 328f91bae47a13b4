"""Whether the audit finds what was done to a journal: edits, deletions, moves, insertions and cuts at random places.

The journal is real: rows of all kinds that a run writes, with payloads, prompts and seals. Each mutation is done in a
transaction, verified and taken back. Two of them are thorough: the forger computes all later hashes anew, and one who
cuts off the end takes the seals with it; a head that was kept elsewhere, as `audit seal` prints it, tells them.
"""

import random
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from sqlalchemy import text

from _report import arguments, finish, table
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.audit import Verdict, verify
from interlock.runtime.journal.journal import Scope, chained
from interlock.runtime.journal.prompts import PromptTail
from interlock.runtime.journal.seals import Seal
from interlock.runtime.records import Caller, Decision, Label, Usage
from interlock.runtime.storage.database import Database, Statement

ALLOW = Decision(outcome="allow", policies=("all",))


def main() -> None:
    options = arguments(__doc__, rows=10_000, mutations=5_000, seed=1)
    with tempfile.TemporaryDirectory(prefix="interlock-audit-") as scratch:
        home = Home(Path(scratch) / "home")
        head = written(home, options.rows)
        began = time.perf_counter()
        assert verify(home.database, head=head).ok
        seconds = time.perf_counter() - began
        counts = measured(home.database, head, options.mutations, random.Random(options.seed))  # noqa: S311
        home.close()
    rows = [(name, *(str(n) for n in count)) for name, count in counts.items()]
    total = [sum(count[i] for count in counts.values()) for i in range(3)]
    title = f"Mutations of a journal of {options.rows:,} rows, verified in {seconds * 1000:.0f} ms"
    table(title, ("mutation", "done", "found", "row named"), [*rows, ("all", *(str(n) for n in total))])
    figures = {name: dict(zip(("done", "found", "named"), count, strict=True)) for name, count in counts.items()}
    finish(
        {"rows": options.rows, "verify_ms": round(seconds * 1000, 1), "mutations": total[0], "found": total[1],
         "named": total[2], "by_kind": figures},
        as_json=options.json,
    )  # fmt: skip


def written(home: Home, rows: int) -> Seal:
    """Write a journal of many runs, and keep a head of its last row."""
    count = 0
    run = 0
    while count < rows:
        run += 1
        scope = Scope(run=f"r{run}", thread=f"t{run % 50}", subject=Scope.subject_of("default", str(run % 20)))
        with home.database.transaction() as tx:
            tail = PromptTail()
            said: list[AnyMessage] = [HumanMessage(f"request {run}")]
            for event in one_run(run):
                if count == rows:
                    break
                if isinstance(event, events.ModelIntended):
                    prompt = tail.write(tx, home.journal, scope.subject, said)
                    home.journal.append(tx, scope, "1.node", event.model_copy(update={"prompt": prompt}))
                    said = [*said, AIMessage(f"answer {len(said)} of run {run}")]
                else:
                    home.journal.append(tx, scope, "1.node", event)
                count += 1
    head = home.journal.seal()
    assert head is not None
    return head


def one_run(run: int) -> Iterator[events.Event]:
    """Give what a run of two tool rounds writes: tools that only look, and a model that counts nothing.

    Effects and accounts stand in tables of their own, which the audit holds against the journal; here there are none.
    """
    usage = Usage()
    caller = Caller(user=str(run % 20))
    yield events.RunStarted(
        agent="a", caller=caller, turn=1, manifest="m", policy="p", messages=[{"content": str(run)}]
    )
    for step in range(3):
        call = f"{run}-{step}"
        yield events.ModelIntended(call=call, model="m", prompt="", messages=1, decision=ALLOW, reserved=usage)
        yield events.ModelDone(call=call, reply={"type": "ai", "content": call}, usage=usage, ms=1.5)
        if step < 2:
            yield events.ToolIntended(
                call=call, tool="pay", version="1", read_only=True, arguments={"n": run}, digest="d", effect="",
                decision=ALLOW, label=Label(),
            )  # fmt: skip
            yield events.ToolDone(call=call, tool="pay", value={"paid": call}, label=Label(), usage=Usage(), ms=2.5)
    yield events.Replied(text=f"done {run}", decision=ALLOW, label=Label())
    yield events.RunEnded(status="done", usage=usage)


@dataclass(frozen=True)
class Forger:
    """Somebody who can write to the file, but has not the key."""

    database: Database
    chance: random.Random
    rows: int

    def do(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.database.transaction() as tx:
            return tx.all(_statement(sql), **values)

    def some_row(self, least: int = 2) -> int:
        return self.chance.randint(least, self.rows - 1)

    def edit(self) -> set[int]:
        row = self.some_row()
        column = self.chance.choice(("run", "thread", "kind", "hash", "head"))
        [(old,)] = self.do(f"SELECT {column} FROM events WHERE seq = :row", row=row)  # noqa: S608  # from the list above
        at = self.chance.randrange(len(old))
        new = old[:at] + self.chance.choice([c for c in "0123456789abcdef" if c != old[at]]) + old[at + 1 :]
        self.do(f"UPDATE events SET {column} = :new WHERE seq = :row", row=row, new=new)  # noqa: S608
        return {row}

    def edit_and_rehash(self) -> set[int]:
        row = self.some_row()
        [(before,)] = self.do("SELECT hash FROM events WHERE seq = :row", row=row - 1)
        [(head,)] = self.do("SELECT head FROM events WHERE seq = :row", row=row)
        forged = head.replace('"place":"1.', '"place":"2.')
        self.do("UPDATE events SET head = :h, hash = :s WHERE seq = :row", row=row, h=forged, s=chained(before, forged))
        return {row, row + 1}

    def edit_and_rehash_all(self) -> set[int]:
        row = self.some_row()
        [(previous,)] = self.do("SELECT hash FROM events WHERE seq = :row", row=row - 1)
        for seq, head in self.do("SELECT seq, head FROM events WHERE seq >= :row ORDER BY seq", row=row):
            forged = head.replace('"place":"1.', '"place":"2.') if seq == row else head
            previous = chained(previous, forged)
            self.do("UPDATE events SET head = :h, hash = :s WHERE seq = :seq", seq=seq, h=forged, s=previous)
        [(sealed,)] = self.do("SELECT min(seq) FROM seals WHERE seq >= :row", row=row)
        return {sealed}

    def edit_content(self) -> set[int]:
        row = self.some_row()
        while not (found := self.do("SELECT json_extract(head, '$.content') FROM events WHERE seq = :r", r=row))[0][0]:
            row = self.some_row()
        digest = found[0][0]
        if self.chance.random() < 0.5:
            self.do("DELETE FROM payloads WHERE digest = :d", d=digest)
        else:
            self.do("UPDATE payloads SET body = cast(body || ' ' AS BLOB) WHERE digest = :d", d=digest)
        users = self.do("SELECT seq FROM events WHERE json_extract(head, '$.content') = :d", d=digest)
        return {seq for (seq,) in users}

    def delete(self) -> set[int]:
        row = self.some_row()
        self.do("DELETE FROM events WHERE seq = :row", row=row)
        if self.chance.random() < 0.5:
            self._shift(row, -1)
        return {row}

    def reorder(self) -> set[int]:
        one, other = self.some_row(), self.some_row()
        while one == other:
            other = self.some_row()
        self.do("UPDATE events SET seq = -1 WHERE seq = :a", a=one)
        self.do("UPDATE events SET seq = :a WHERE seq = :b", a=one, b=other)
        self.do("UPDATE events SET seq = :b WHERE seq = -1", b=other)
        return {min(one, other)}

    def insert(self) -> set[int]:
        row, source = self.some_row(), self.some_row()
        [(before,)] = self.do("SELECT hash FROM events WHERE seq = :row", row=row - 1)
        [(run, thread, kind, head)] = self.do("SELECT run, thread, kind, head FROM events WHERE seq = :s", s=source)
        forged = head.replace(f'"seq":{source},', f'"seq":{row},')
        self._shift(row - 1, 1)
        self.do(
            "INSERT INTO events (seq, run, thread, kind, head, hash) VALUES (:seq, :run, :thread, :kind, :head, :hash)",
            seq=row, run=run, thread=thread, kind=kind, head=forged, hash=chained(before, forged),
        )  # fmt: skip
        return {row, row + 1}

    def truncate(self) -> set[int]:
        row = self.some_row()
        for name in ("events", "seals"):
            self.do(f"DELETE FROM {name} WHERE seq >= :row", row=row)  # noqa: S608
        return {row}

    def _shift(self, after: int, by: int) -> None:
        self.do("UPDATE events SET seq = -(seq + :by) WHERE seq > :after", by=by, after=after)
        self.do("UPDATE events SET seq = -seq WHERE seq < 0")

    def ways(self) -> list[Callable[[], set[int]]]:
        return [
            self.edit, self.edit_and_rehash, self.edit_and_rehash_all, self.edit_content, self.delete, self.reorder,
            self.insert, self.truncate,
        ]  # fmt: skip


@lru_cache(maxsize=64)
def _statement(sql: str) -> Statement:
    """Compile a statement once: one way of forging runs it for every row."""
    return Statement(text(sql))


def measured(database: Database, head: Seal, mutations: int, chance: random.Random) -> dict[str, list[int]]:
    """Do so many mutations, each by itself; for each kind how many were done, found, and named by their row."""
    forger = Forger(database, chance, head.seq)
    counts: dict[str, list[int]] = {}
    for number in range(mutations):
        way = forger.ways()[number % len(forger.ways())]
        with taken_back(database):
            rows = way()
            verdict: Verdict = verify(database, head=head)
        count = counts.setdefault(way.__name__.replace("_", " "), [0, 0, 0])
        count[0] += 1
        count[1] += not verdict.ok
        count[2] += bool(verdict.findings) and verdict.findings[0].row in rows
    return counts


@contextmanager
def taken_back(database: Database) -> Generator[None]:
    """Undo what is done in the block."""
    try:
        with database.transaction():
            yield
            raise _Undo
    except _Undo:
        pass


class _Undo(Exception):
    pass


if __name__ == "__main__":
    main()
