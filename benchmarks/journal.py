"""What journalling costs: CPU per gated call beside SQLite's own insert, and bytes per turn on short and long threads.

A gated call is two rows (intent and outcome) with their payloads, in two transactions. SQLite's own cost is that of two
transactions that insert rows of the same sizes without index, hash or key. Bytes are those of journal and checkpoints.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from langchain_core.messages import AIMessage

from _report import arguments, finish, table
from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Scope
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.records import Decision, Label, Usage
from interlock.serving.session import Session

MEASURED = 20
"""Turns over which sizes and times are taken."""

SCOPE = Scope(run="r" * 32, thread="thread", subject=Scope.subject_of("default", "mira"))
ALLOWED = Decision(outcome="allow", policies=("read",), reason="customers may see their own orders")


def main() -> None:
    options = arguments(__doc__, calls=2000, turns=1000)
    with tempfile.TemporaryDirectory() as scratch:
        journal_us, whole_us = journalled(Path(scratch) / "home", options.calls)
        sqlite_us = inserted(Path(scratch) / "bare.db", options.calls, row_bytes=900)
        per_turn = asyncio.run(
            grown(Path(scratch) / "thread", [10, max(10 + MEASURED, options.turns // 10), options.turns])
        )
    figures = {
        "cpu_us_per_gated_call": round(whole_us, 1),
        "sqlite_insert_us_per_gated_call": round(sqlite_us, 1),
        "journalling_us_beside_sqlite": round(whole_us - sqlite_us, 1),
        "cpu_us_per_row": round(journal_us, 1),
        **{f"bytes_per_turn_at_{turn}": one.size for turn, one in per_turn.items()},
        "bytes_ratio": round(per_turn[options.turns].size / per_turn[10].size, 2),
        **{f"cpu_ms_per_turn_at_{turn}": one.cpu_ms for turn, one in per_turn.items()},
        "cpu_ratio": round(per_turn[options.turns].cpu_ms / per_turn[10].cpu_ms, 2),
    }
    table("Journalling", ("", "value"), [(name, f"{value:,}") for name, value in figures.items()])
    finish(figures, as_json=options.json)


def journalled(place: Path, calls: int) -> tuple[float, float]:
    """Journal calls as the gate does; gives median CPU microseconds a row and a call."""
    home = Home(place)
    spent: list[float] = []
    for number in range(calls):
        intended, done = call_of(number)
        began = time.process_time()
        for event in (intended, done):
            with home.database.transaction() as tx:
                home.journal.append(tx, SCOPE, f"1.act.{number}.0", event)
        spent.append(time.process_time() - began)
    home.close()
    return 1e6 * median(spent) / 2, 1e6 * median(spent)


def call_of(number: int) -> tuple[events.Event, events.Event]:
    """Make the events of one call, each with content of its own."""
    intended = events.ToolIntended(
        call=f"call-{number}", tool="find_order", version="1", read_only=True, arguments={"order_id": number},
        digest=f"{number:064x}", decision=ALLOWED, label=Label(),
    )  # fmt: skip
    value = {"order_id": number, "status": "on its way", "items": ["mug", "kettle"], "total": "89.00"}
    done = events.ToolDone(
        call=f"call-{number}", tool="find_order", value=value, label=Label(), usage=Usage(tool_calls=1), ms=1.0
    )
    return intended, done


def inserted(file: Path, calls: int, *, row_bytes: int) -> float:
    """Insert bare rows of the same size in as many transactions; gives median CPU microseconds a call."""
    base = sqlite3.connect(file, isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=NORMAL")
    base.execute("CREATE TABLE bare (seq INTEGER PRIMARY KEY, body TEXT)")
    spent: list[float] = []
    for _ in range(calls):
        began = time.process_time()
        for _row in range(2):
            base.execute("BEGIN IMMEDIATE")
            base.execute("INSERT INTO bare (body) VALUES (?)", ("x" * row_bytes,))
            base.execute("COMMIT")
        spent.append(time.process_time() - began)
    base.close()
    return 1e6 * median(spent)


@dataclass(frozen=True, kw_only=True)
class Turns:
    """What some turns in a row cost, each."""

    size: int
    """Bytes in journal and checkpoints."""
    cpu_ms: float


async def grown(place: Path, after: Sequence[int]) -> dict[int, Turns]:
    """Talk for many turns; gives what each of the next turns costs, once a thread has so many."""
    home, found, said = Home(place), dict[int, Turns](), 0

    async def talk(session: Session, turns: int) -> None:
        nonlocal said
        for _ in range(turns):
            await session.send(f"And where is order {said}?")
            said += 1

    async with Session(talking(after[-1] + MEASURED), home=home, thread="long") as session:
        for point in after:
            await talk(session, point - said)
            size, began = size_of(home), time.process_time()
            await talk(session, MEASURED)
            spent = (time.process_time() - began) / MEASURED
            found[point] = Turns(size=(size_of(home) - size) // MEASURED, cpu_ms=round(1000 * spent, 2))
    home.close()
    return found


def talking(turns: int) -> Any:
    """Make an agent that calls one tool in each turn."""

    @tool(read_only=True)
    async def find_order(order_id: int) -> str:
        """Find an order."""
        return f"order {order_id} is on its way"

    lines: list[AIMessage | str] = []
    for turn in range(turns):
        call = {"name": "find_order", "args": {"order_id": turn}, "id": f"c{turn}", "type": "tool_call"}
        lines += [AIMessage("", tool_calls=[call]), f"Order {turn} is on its way."]
    return tool_loop(Agent(name="desk", model=ScriptedChatModel(lines), tools=[find_order]))


def size_of(home: Home) -> int:
    """Count the bytes in journal and checkpoints, without what is free in them."""
    total = 0
    for file in ("journal.db", "checkpoints.db"):
        base = sqlite3.connect(home.path / file)
        pages, size, free = (
            base.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size", "freelist_count")
        )
        base.close()
        total += (pages - free) * size
    return total


if __name__ == "__main__":
    main()
