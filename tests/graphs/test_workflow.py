"""Workflows: graphs of one's own, whose nodes are governed like ours."""

import operator
from datetime import datetime
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START
from langgraph.runtime import Runtime

from interlock import Session
from interlock.graphs import ThreadState, Workflow
from interlock.runtime.errors import StateBroken
from interlock.runtime.home import Home
from interlock.runtime.ports import Deps
from interlock.runtime.records import Label, ToolCall


class Desk(ThreadState):
    found: Annotated[list[int], operator.add]


async def look(state: Any, runtime: Runtime[Deps]) -> dict[str, Any]:
    call = ToolCall(id="1", tool="look")
    outcome = await runtime.context.tools.call(call, at="look", label=Label())
    return {"found": [outcome.value]}


async def double(state: Any, runtime: Runtime[Deps]) -> dict[str, Any]:
    return {"found": [400]}


async def answer(state: Any, runtime: Runtime[Deps]) -> dict[str, Any]:
    return {"draft": AIMessage(f"found {sorted(state['found'])}")}


async def test_parallel_nodes_of_ones_own_pass_the_gate(home: Home, agents: Any) -> None:
    desk = Workflow(agents.make(), Desk)
    for name, node in (("look", look), ("double", double), ("answer", answer)):
        desk.add_node(name, node)
    for before, after in (
        (START, "look"),
        (START, "double"),
        ("look", "answer"),
        ("double", "answer"),
        ("answer", END),
    ):
        desk.add_edge(before, after)

    async with Session(desk.compile(), home=home) as session:
        reply = await session.send("look twice")

    assert reply.text == "found [200, 400]"
    assert [(call.tool, call.outcome) for call in reply.calls] == [("look", "done")]


class Dated(ThreadState):
    seen: dict[str, list[datetime]]


def test_a_state_that_no_checkpoint_could_keep_is_refused_before_anything_runs(agents: Any) -> None:
    with pytest.raises(StateBroken, match="channel 'seen' holds datetime"):
        Workflow(agents.make(), Dated)
