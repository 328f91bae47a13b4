"""Runs with graphs inside them, or inside graphs that are not ours, come again as they went."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from interlock import Agent, Session, tool
from interlock.graphs import tool_loop
from interlock.graphs.state import ThreadState
from interlock.graphs.workflow import Compiled, Workflow
from interlock.runtime.home import Home, using
from interlock.runtime.journal.runs import list_runs
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.records import Caller
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay

POLICY = '@id("all") permit (principal, action, resource);'
ASKING = '@id("ask") @decision("ask") permit (principal, action == Action::"pay", resource);'
ON_T: Any = {"configurable": {"thread_id": "t"}}
PAY: Any = {"messages": [("user", "Pay 5.")]}


@tool(destructive=True)
async def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


def answer(messages: list[Any]) -> AIMessage:
    """Pay, and say so."""
    if messages[-1].type == "tool":
        return AIMessage("Paid.")
    return AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 5}, "id": "p"}])


@pytest.fixture
def till(tmp_path: Path) -> Callable[..., Compiled]:
    """Makes a graph that pays, and may have to ask."""

    def make(*, asks: bool = False) -> Compiled:
        policy = tmp_path / f"till-{asks}.cedar"
        policy.write_text(POLICY.replace(";", ' unless { action == Action::"pay" };') + ASKING if asks else POLICY)
        return tool_loop(Agent(name="till", model=ScriptedChatModel([answer] * 20), tools=[pay], policy=str(policy)))

    return make


def desk(folder: Path, *nodes: Any) -> Compiled:
    """Make a workflow of nodes side by side."""
    policy = folder / "desk.cedar"
    policy.write_text(POLICY)
    made = Workflow(Agent(name="desk", model=ScriptedChatModel([]), policy=str(policy)), ThreadState)

    async def end(_state: Any, _runtime: Any) -> Any:
        return {"draft": AIMessage("Done.")}

    made.add_node("end", end)
    for number, node in enumerate(nodes):
        made.add_node(f"n{number}", node)
        made.add_edge(START, f"n{number}")
        made.add_edge(f"n{number}", "end")
    made.add_edge("end", END)
    return made.compile()


def calling(inner: Compiled, times: int = 1, config: Any = None) -> Any:
    """Make a node that asks a graph some times."""

    async def node(_state: Any, _runtime: Any) -> Any:
        for _ in range(times):
            await inner.ainvoke(PAY, config)
        return {}

    return node


async def differences(home: Home, graph: Compiled) -> list[str]:
    """Replay all runs that are not part of another."""
    runs = [run.run for run in list_runs(home.journal)]
    inside = {run for one in runs for run in home.journal.runs_inside(one, 0, 10_000)}
    recordings = [record(home.journal, run) for run in runs if run not in inside]
    found = [await replay(recording, graph) for recording in recordings]
    assert found
    return [line for one in found if not one.identical for line in (one.place, *one.diff)]


async def test_a_run_whose_request_came_as_a_pair_comes_again(home: Home, till: Any) -> None:
    with using(home):
        await till().copy({"checkpointer": InMemorySaver()}).ainvoke(PAY, ON_T)

    assert await differences(home, till()) == []


async def test_runs_that_one_node_of_a_foreign_graph_calls_at_once_come_again_alone(home: Home, till: Any) -> None:
    inner = till()

    async def node(state: MessagesState) -> Any:  # LangGraph names it
        await asyncio.gather(inner.ainvoke(PAY), inner.ainvoke(PAY))
        return {}

    builder = StateGraph(MessagesState)
    builder.add_node("twice", node)
    builder.add_edge(START, "twice")
    with using(home):
        await builder.compile(checkpointer=InMemorySaver()).ainvoke(PAY, ON_T)

    assert await differences(home, till()) == []


async def test_a_graph_inside_a_graph_on_a_thread_of_its_own_comes_again_with_it(
    home: Home, till: Any, tmp_path: Path
) -> None:
    graph = desk(tmp_path, calling(till(), config={"configurable": {"thread_id": "customer"}}))
    async with Session(graph, home=home, thread="t") as session:
        await session.send("Pay.")

    assert await differences(home, graph) == []


async def test_graphs_side_by_side_that_waited_come_again_in_their_order(home: Home, till: Any, tmp_path: Path) -> None:
    inner = till(asks=True)
    graph = desk(tmp_path, calling(inner), calling(inner, times=2))
    async with Session(graph, home=home, thread="t") as session:
        reply = await session.send("Pay.")
        while reply.status == "waiting":
            home.approvals.answer(reply.approvals[0]["id"], approve=True, by=Caller(user="lead"))
            reply = await session.resume()

    assert reply.status == "done"
    assert await differences(home, graph) == []


async def test_a_run_whose_tool_asks_another_agent_comes_again_without_it(
    home: Home, till: Any, tmp_path: Path
) -> None:
    inner = till()

    @tool(destructive=True)
    async def order(n: int) -> str:
        """Order something."""
        return f"{n}: {(await inner.ainvoke(PAY))['messages'][-1].text}"

    calls: Any = [{"name": "order", "args": {"n": n}, "id": str(n)} for n in range(2)]
    policy = tmp_path / "clerk.cedar"
    policy.write_text(POLICY)
    said = [AIMessage("", tool_calls=calls), "Ordered."]
    graph = tool_loop(Agent(name="clerk", model=ScriptedChatModel(said), tools=[order], policy=str(policy)))
    async with Session(graph, home=home, thread="t") as session:
        reply = await session.send("Order two.")

    assert [call.value for call in reply.calls] == ["0: Paid.", "1: Paid."]
    assert await differences(home, graph) == []
