"""Workflows: graphs of one's own, whose nodes are governed like ours."""

import operator
from datetime import datetime
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from interlock import Session
from interlock.graphs import ThreadState, Workflow
from interlock.runtime.errors import BadInput, StateBroken
from interlock.runtime.home import Home, using
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


def _asking(agents: Any, question: Any) -> Workflow:
    class Asked(ThreadState):
        color: str

    async def ask(_state: Asked, _runtime: Any) -> dict[str, Any]:
        return {"color": interrupt(question)}

    async def answer(state: Asked, _runtime: Any) -> dict[str, Any]:
        return {"draft": AIMessage(f"You want {state['color']}.")}

    wired = Workflow(agents.make(), Asked)
    wired.add_node("ask", ask)
    wired.add_node("answer", answer)
    wired.add_edge(START, "ask")
    wired.add_edge("ask", "answer")
    wired.add_edge("answer", END)
    return wired


@pytest.mark.parametrize("question", [{"question": "Which color?"}, {"id": "1", "question": "Which?"}, "Which?", None])
async def test_a_node_may_ask_with_an_interrupt_of_its_own(question: Any, home: Home, agents: Any) -> None:
    thread: Any = {"configurable": {"thread_id": "t"}}
    graph = _asking(agents, question).compile(InMemorySaver())
    with using(home):
        waiting = await graph.ainvoke({"messages": [("user", "paint it")]}, thread)
        final = await graph.ainvoke(Command(resume="blue"), thread)

    assert [one.value for one in waiting["__interrupt__"]] == [question]
    assert final["messages"][-1].content == "You want blue."


async def test_a_session_gives_no_answer_to_what_a_node_asks_itself(home: Home, agents: Any) -> None:
    async with Session(_asking(agents, {"question": "Which color?"}).compile(), home=home) as session:
        reply = await session.send("paint it")
        with pytest.raises(BadInput, match="a node waits for an answer to"):
            await session.send("blue")
        with pytest.raises(BadInput, match="no approval gives"):
            await session.resume()

    assert (reply.status, reply.approvals) == ("waiting", [])
    assert "waits for an answer of its own" in reply.text
