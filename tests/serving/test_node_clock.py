"""What nodes take from their clock is on record, and comes again; what they take from elsewhere is named."""

import asyncio
import random
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START
from langgraph.runtime import Runtime

from interlock import Agent
from interlock.graphs.state import ThreadState
from interlock.graphs.workflow import Compiled, Workflow
from interlock.runtime.clock import ManualClock, SystemClock
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.ports import Deps
from interlock.runtime.replay.recording import Recording, record
from interlock.serving.forking import fork
from interlock.serving.replaying import UNSTEADY, replay
from interlock.serving.session import Session


def joined(old: list[str], new: list[str]) -> list[str]:
    return sorted([*old, *new])


class Drawing(ThreadState):
    """What the branches drew."""

    drawn: Annotated[list[str], joined]


def drawing(*, draws: int = 1, otherwise: bool = False) -> Compiled:
    """A graph whose two branches draw lots side by side, and whose last node tells them."""

    def branch(name: str) -> Any:
        async def draw(state: Drawing, runtime: Runtime[Deps]) -> dict[str, Any]:
            clock = runtime.context.clock
            await asyncio.sleep(random.random() / 100)  # noqa: S311  # chance, not a secret
            lots = [f"{name} {clock.new_id()} {clock.random()} {clock.now()}" for _ in range(draws)]
            return {"drawn": lots}

        return draw

    async def tell(state: Drawing, runtime: Runtime[Deps]) -> dict[str, Any]:
        told = [str(random.random())] if otherwise else state["drawn"]  # noqa: S311
        return {"draft": AIMessage("; ".join(told))}

    wired = Workflow(Agent(name="drawer", model=ScriptedChatModel([])), Drawing, name="drawing")
    for name in ("left", "right"):
        wired.add_node(name, branch(name))
        wired.add_edge(START, name)
        wired.add_edge(name, "tell")
    wired.add_node("tell", tell)
    wired.add_edge("tell", END)
    return wired.compile()


async def recorded(home: Home, graph: Compiled) -> tuple[str, Recording]:
    async with Session(graph, home=home) as session:
        reply = await session.send("Draw.")
    return reply.text, record(home.journal, reply.run)


@pytest.mark.parametrize("_time", range(5))
async def test_time_chance_and_ids_of_branches_come_again(_time: int, tmp_path: Path) -> None:
    home = Home(tmp_path)
    text, recording = await recorded(home, drawing(draws=3))
    home.close()

    found = await replay(recording, drawing(draws=3))

    assert text.count("left") == text.count("right") == 3
    assert found.identical, "\n".join((found.place, *found.diff))


async def test_a_node_that_draws_more_or_less_than_it_did_is_named(tmp_path: Path) -> None:
    home = Home(tmp_path)
    _, recording = await recorded(home, drawing(draws=2))
    home.close()

    more, less = await replay(recording, drawing(draws=3)), await replay(recording, drawing(draws=1))

    assert more.place in ("1.left.clock.1", "1.right.clock.1")
    assert any("asks its clock for 'new_id'" in line for line in more.diff)
    assert not less.identical


async def test_a_node_that_draws_from_elsewhere_is_named_as_unsteady(tmp_path: Path) -> None:
    home = Home(tmp_path)
    _, recording = await recorded(home, drawing(otherwise=True))
    home.close()

    found = await replay(recording, drawing(otherwise=True))

    assert found.place == "1.finish"
    assert UNSTEADY in found.diff


@pytest.mark.parametrize(("later", "named"), [("{}", True), ("{}, and it rains", False)])
async def test_a_node_that_looks_at_a_calendar_of_its_own_is_named(tmp_path: Path, later: str, named: bool) -> None:
    calendar = tmp_path / "calendar"

    async def looks(state: Any, runtime: Any) -> dict[str, Any]:
        return {"draft": AIMessage(f"Today is {calendar.read_text()}.")}

    made = Workflow(Agent(name="a", model=ScriptedChatModel([])), ThreadState)
    made.add_node("looks", looks)
    made.add_edge(START, "looks")
    made.add_edge("looks", END)
    graph, home = made.compile(), Home(tmp_path / "home", clock=ManualClock())
    calendar.write_text("2026-01-01")
    _, recording = await recorded(home, graph)
    calendar.write_text(later.format(SystemClock().now().date()))

    found = await replay(recording, graph)

    assert any("they differ by the date alone, 2026-01-01 when it was recorded" in line for line in found.diff) == named


async def test_a_fork_is_told_again_what_was_drawn_before_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    text, recording = await recorded(home, drawing())
    home.close()

    reply = await fork(recording, drawing(), home=tmp_path, step="finish")

    assert reply.text == text
