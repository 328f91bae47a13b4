"""One loop with a home of its own, and ways to measure it."""

import gc
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from _loops import LOOPS, Loop
from _models import ANSWER, RoundsModel
from interlock.runtime.home import CHECKPOINTS, Home, using


@dataclass(kw_only=True)
class Bench:
    """A loop that can be run and weighed."""

    loop: Loop
    home: Home
    model: RoundsModel
    graph: Any
    threads: "count[int]" = field(default_factory=count)

    def new_thread(self) -> str:
        return f"thread-{next(self.threads)}"

    async def run(self, thread: str, rounds: int, *, before: Sequence[AnyMessage] = ()) -> float:
        """Ask once on a thread, and give the CPU seconds that took, all threads of the process included.

        Args:
            thread: new or old.
            rounds: tool rounds until the model answers.
            before: messages to put on the thread ahead of the question.
        """
        self.model.restart(rounds)
        config = {"configurable": {"thread_id": thread}, "recursion_limit": 10_000}
        asked = {"messages": [*before, HumanMessage("Where is order 1042?")]}
        gc.collect()
        with using(self.home):
            began = time.process_time()
            final = await self.graph.ainvoke(asked, config, context=self.loop.context)
            used = time.process_time() - began
        if final["messages"][-1].content != ANSWER:
            raise RuntimeError(f"{self.loop.name} did not finish its run")
        return used

    def size(self) -> int:
        """Count the bytes on disk, after everything has left the write-ahead logs."""
        for path in self.home.path.glob("*.db"):
            with sqlite3.connect(path) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()
        return sum(path.stat().st_size for path in self.home.path.rglob("*") if path.is_file())


@asynccontextmanager
async def benches(place: Path) -> AsyncGenerator[list[Bench]]:
    """Set all loops up, each in a folder of its own."""
    async with AsyncExitStack() as stack:
        made: list[Bench] = []
        for number, loop in enumerate(LOOPS):
            home = Home(place / str(number))
            home.path.mkdir(parents=True)
            stack.callback(home.close)
            saver = await stack.enter_async_context(_saver(loop, home))
            model = RoundsModel()
            made.append(Bench(loop=loop, home=home, model=model, graph=loop.build(model, saver)))
        yield made


@asynccontextmanager
async def _saver(loop: Loop, home: Home) -> AsyncGenerator[BaseCheckpointSaver[Any]]:
    """Open a loop's checkpointer; all write to disk, in WAL mode with synchronous=NORMAL."""
    if loop.home_saver:
        with closing(home.saver()) as saver:
            yield saver
        return
    async with aiosqlite.connect(home.path / CHECKPOINTS) as connection:
        await connection.execute("PRAGMA journal_mode=WAL")
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield saver
