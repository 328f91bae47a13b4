"""A run of many steps: what recording it costs, and what replaying it costs."""

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Any

from langchain_core.messages import AIMessage

from interlock import Agent, Budget, tool
from interlock.graphs import tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import Line, ScriptedChatModel
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay
from interlock.serving.session import Session

ROUNDS = 5


def long_run(place: Path, steps: int) -> tuple[float, float]:
    """Record and replay a run of so many steps, in turn; gives the median CPU milliseconds of each.

    A step is a model call or a tool call.
    """
    recording_s: list[float] = []
    replay_s: list[float] = []
    for number in range(ROUNDS):
        home, graph = Home(place / f"long-{number}"), _graph(steps)
        began = time.process_time()
        run = asyncio.run(_happened(home, graph))
        recording_s.append(time.process_time() - began)
        found, graph = record(home.journal, run), _graph(steps)
        home.close()
        began = time.process_time()
        again = asyncio.run(replay(found, graph))
        replay_s.append(time.process_time() - began)
        if not again.identical:  # a replay that stops early would be cheap
            raise RuntimeError(f"differs at {again.place}")
    return 1000 * median(recording_s), 1000 * median(replay_s)


async def _happened(home: Home, graph: Compiled) -> str:
    async with Session(graph, home=home) as session:
        return (await session.send("Look at all of them.")).run


def _graph(steps: int) -> Compiled:
    @tool(read_only=True)
    async def look(number: int) -> dict[str, Any]:
        """Look something up."""
        return {"number": number, "name": f"thing {number}", "stock": 7 * number}

    rounds = (steps - 1) // 2
    lines: list[Line] = [
        AIMessage("", tool_calls=[{"name": "look", "args": {"number": n}, "id": f"c{n}"}]) for n in range(rounds)
    ]
    budget = Budget(steps=steps, tool_calls=steps, model_calls=steps, tokens=10_000_000)
    return tool_loop(Agent(name="long", model=ScriptedChatModel([*lines, "done"]), tools=[look], budget=budget))
