"""Seconds: work ends near the limit, whatever hangs and whose limit it is, and nobody pays for what is being opened."""

import asyncio
import time
from typing import Any

import pytest
from tests.graphs.conftest import Agents, call, calls
from tests.graphs.test_budget import workflow

from interlock import Agent, Budget, Limit, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.openings import Openings, opening, opening_for
from interlock.runtime.time_limits import TimeLimit


class Hanging:
    """Waits as long as it likes."""

    def __init__(self) -> None:
        self.stopped_after_s: list[float] = []

    async def wait(self, seconds: float = 60.0) -> None:
        began = time.monotonic()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.stopped_after_s.append(time.monotonic() - began)


SHARED = [
    Budget(seconds=0.4),
    Budget(limits=[Limit(scope="thread", per="ever", seconds=0.4)]),
    Budget(limits=[Limit(scope="user", per="day", seconds=0.4)]),
    Budget(limits=[Limit(scope="tenant", per="month", seconds=0.4)]),
]


@pytest.mark.parametrize("budget", SHARED)
async def test_a_long_tool_call_ends_with_the_time_that_is_left(home: Home, budget: Budget) -> None:
    hanging = Hanging()

    @tool(read_only=True, timeout=60)
    async def hang() -> int:
        """Take long."""
        await hanging.wait()
        return 1

    model = ScriptedChatModel([calls(call("hang", "c")), "Done."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[hang], budget=budget)), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.code) == ("stopped", "budget")
    assert [seconds < 30 for seconds in hanging.stopped_after_s] == [True]


@pytest.mark.parametrize("budget", SHARED)
async def test_a_node_of_ones_own_that_hangs_ends_with_the_time_that_is_left(
    home: Home, agents: Agents, budget: Budget
) -> None:
    hanging = Hanging()

    async def hang(state: Any, runtime: Any) -> dict[str, Any]:
        await hanging.wait()
        return {}

    async with Session(workflow(agents.make(budget=budget), hang=hang), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.code) == ("stopped", "budget")
    assert [seconds < 30 for seconds in hanging.stopped_after_s] == [True]


async def test_parallel_branches_end_together_with_the_time_that_is_left(home: Home) -> None:
    hanging = Hanging()

    @tool(read_only=True, timeout=60)
    async def hang(n: int) -> int:
        """Take long."""
        await hanging.wait()
        return n

    model = ScriptedChatModel([calls(*(call("hang", f"c{n}", n=n) for n in range(4))), "Done."])
    budget = Budget(limits=[Limit(scope="user", seconds=1.2)])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[hang], budget=budget)), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.code, len(hanging.stopped_after_s)) == ("stopped", "budget", 4)
    assert max(hanging.stopped_after_s) < 30


async def test_a_limit_whose_time_seems_over_is_asked_whether_it_is() -> None:
    slices = iter([0.02, 0.02, 0.02, 0.0])
    limit = TimeLimit(lambda: next(slices))
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        async with limit:
            await asyncio.sleep(30)

    assert limit.expired()
    assert 0.05 < time.monotonic() - began < 20


async def test_time_in_which_something_is_opened_counts_towards_no_limit(home: Home, agents: Agents) -> None:
    def load() -> None:
        with opening():
            time.sleep(3)

    @tool(read_only=True, timeout=60)
    async def meaning() -> int:
        """Look a meaning up."""
        await asyncio.to_thread(load)
        return 1

    asked = [calls(call("meaning", f"c{n}")) for n in range(2)]
    budget = Budget(seconds=3, limits=[Limit(scope="user", seconds=3)])
    model = ScriptedChatModel([*asked, "Done."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[meaning], budget=budget)), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.text) == ("done", "Done.")
    assert reply.usage.seconds < 3


def test_what_parallel_branches_wait_for_at_once_passes_once() -> None:
    clock = ManualClock()
    outer = Openings(clock=clock)
    inner = Openings(clock=clock, outer=outer)
    with opening_for(inner), opening():
        clock.advance(1)
        with opening():
            clock.advance(2)
        assert inner.seconds(clock.monotonic()) == 3
    clock.advance(5)

    assert (inner.seconds(clock.monotonic()), outer.seconds(clock.monotonic())) == (3, 3)
