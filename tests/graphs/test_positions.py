"""A graph inside other graphs does what it is asked each time that it is asked, and once for each time."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Send

from interlock import Agent, Session, tool
from interlock.graphs import tool_loop
from interlock.graphs.positions import nodes_of
from interlock.runtime.errors import RecordingBroken
from interlock.runtime.home import Home, using
from interlock.runtime.journal.runs import list_runs
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay

ON_T: Any = {"configurable": {"thread_id": "t"}}
PAY: Any = {"messages": [("user", "Pay 5.")]}


class Till:
    """Pays what a request names, and counts."""

    def __init__(self, folder: Path) -> None:
        self.paid: list[int] = []
        self.breaks = False
        self._policy = folder / "till.cedar"
        self._policy.write_text('@id("all") permit (principal, action, resource);')

    @property
    def pay(self) -> Any:
        """Make the tool that pays."""

        @tool(destructive=True)
        def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return "paid"

        return pay

    def answer(self, messages: list[Any]) -> AIMessage:
        """Pay what was asked for, and say so."""
        if messages[-1].type == "tool":
            if self.breaks:
                raise RuntimeError("the model is gone")
            return AIMessage("Paid.")
        amount = int("".join(filter(str.isdigit, messages[-1].text)))
        return AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": amount}, "id": "p"}])

    def graph(self) -> Any:
        """Make the graph."""
        return self.agent([self.answer] * 20, self.pay)

    def agent(self, said: list[Any], *tools: Any) -> Any:
        """Make a graph of a model that says this."""
        return tool_loop(Agent(name="till", model=ScriptedChatModel(said), tools=tools, policy=str(self._policy)))


@pytest.fixture
def till(tmp_path: Path) -> Till:
    return Till(tmp_path)


def around(inner: Any) -> Any:
    """Put a graph into a plain one."""
    builder = StateGraph(MessagesState)
    builder.add_node("till", inner)
    builder.add_edge(START, "till")
    builder.add_edge("till", END)
    return builder


@pytest.mark.parametrize("levels", [1, 2])
async def test_a_graph_inside_a_graph_does_what_each_request_asks(home: Home, till: Till, levels: int) -> None:
    graph: Any = till.graph()
    for _ in range(levels):
        graph = around(graph)
        graph = graph.compile(checkpointer=InMemorySaver() if _ == levels - 1 else None)
    with using(home):
        await graph.ainvoke(PAY, ON_T)
        await graph.ainvoke(PAY, ON_T)

    assert till.paid == [5, 5]


async def test_a_graph_inside_a_circle_does_it_each_time_round(home: Home, till: Till) -> None:
    builder = around(till.graph())

    def again(_state: MessagesState) -> Any:
        return {"messages": [HumanMessage("Pay 5.")]}

    def onward(state: MessagesState) -> str:
        return END if sum(message.type == "human" for message in state["messages"]) > 2 else "again"

    builder.add_node("again", again)
    builder.edges.remove(("till", END))
    builder.add_conditional_edges("till", onward, ["again", END])
    builder.add_edge("again", "till")
    with using(home):
        await builder.compile(checkpointer=InMemorySaver()).ainvoke(PAY, ON_T)

    assert till.paid == [5, 5, 5]


async def test_a_graph_that_is_sent_to_several_times_at_once_does_it_for_each(home: Home, till: Till) -> None:
    def both(_state: MessagesState) -> list[Send]:
        return [Send("till", PAY), Send("till", PAY)]

    builder = StateGraph(MessagesState)
    builder.add_node("till", till.graph())
    builder.add_conditional_edges(START, both, ["till"])
    with using(home):
        await builder.compile(checkpointer=InMemorySaver()).ainvoke(PAY, ON_T)

    assert till.paid == [5, 5]


async def test_an_agent_in_a_tool_does_what_each_call_asks(home: Home, till: Till) -> None:
    inner = till.graph()

    @tool(destructive=True)
    async def order(n: int) -> str:
        """Order something."""
        return str((await inner.ainvoke(PAY))["messages"][-1].text)

    def answer(messages: list[Any]) -> AIMessage:
        if messages[-1].type == "tool":
            return AIMessage("Ordered.")
        return AIMessage("", tool_calls=[{"name": "order", "args": {"n": n}, "id": str(n)} for n in range(2)])

    async with Session(till.agent([answer] * 9, order), home=home, thread="t") as session:
        said = [(await session.send("Order two.")).text for _ in range(2)]

    assert said == ["Ordered.", "Ordered."]
    assert till.paid == [5, 5, 5, 5]


async def test_a_thread_of_the_inner_graphs_own_may_be_used_from_several_threads(home: Home, till: Till) -> None:
    inner = till.graph()

    @tool(destructive=True)
    async def order() -> str:
        """Order something for the one customer."""
        return str((await inner.ainvoke(PAY, {"configurable": {"thread_id": "customer"}}))["messages"][-1].text)

    asked = AIMessage("", tool_calls=[{"name": "order", "args": {}, "id": "o"}])
    outer = till.agent([asked, "Ordered.", asked, "Ordered."], order)
    for thread in ("one", "two"):
        async with Session(outer, home=home, thread=thread) as session:
            await session.send("Order.")

    assert till.paid == [5, 5]


async def test_a_thread_that_nothing_keeps_takes_each_request_as_a_new_one(home: Home, till: Till) -> None:
    with using(home):
        for _ in range(2):
            await till.graph().ainvoke(PAY, ON_T)

    assert till.paid == [5, 5]


async def test_a_thread_whose_checkpoints_went_with_their_process_goes_on_counting(home: Home, till: Till) -> None:
    with using(home):
        for _ in range(3):
            await till.graph().copy({"checkpointer": InMemorySaver()}).ainvoke(PAY, ON_T)

    assert till.paid == [5, 5, 5]
    assert [entry.place for entry in home.journal.of_kind("run_started")] == ["1.begin", "2.begin", "3.begin"]


async def test_a_thread_that_nothing_keeps_goes_on_counting_however_many_graphs_are_inside(
    home: Home, till: Till
) -> None:
    def many(_state: MessagesState) -> list[Send]:
        return [Send("till", PAY) for _ in range(70)]

    builder = StateGraph(MessagesState)
    builder.add_node("till", till.agent([till.answer] * 300, till.pay))
    builder.add_conditional_edges(START, many, ["till"])
    with using(home):
        for _ in range(2):
            await builder.compile().ainvoke(PAY, ON_T)

    assert till.paid == [5] * 140


@pytest.mark.parametrize(("words", "paid"), [("Pay 5.", [5]), ("Pay 5 again.", [5, 5])])
async def test_a_request_that_failed_is_the_same_if_it_is_made_in_the_same_words(
    home: Home, till: Till, words: str, paid: list[int]
) -> None:
    till.breaks = True
    with using(home):
        with pytest.raises(RuntimeError, match="the model is gone"):
            await till.graph().ainvoke(PAY, ON_T)
        till.breaks = False
        await till.graph().ainvoke({"messages": [("user", words)]}, ON_T)

    assert till.paid == paid


@pytest.mark.parametrize("levels", [1, 2, 3])
async def test_what_the_graph_around_has_lost_is_not_done_twice(home: Home, till: Till, levels: int) -> None:
    builder = around(till.graph())
    for _ in range(levels - 1):
        builder = around(builder.compile())
    with using(home):
        for _ in range(2):
            await builder.compile(checkpointer=InMemorySaver()).ainvoke(PAY, ON_T, durability="exit")

    assert till.paid == [5]


async def test_a_run_inside_a_graph_that_is_not_ours_is_replayed(home: Home, till: Till) -> None:
    graph = around(till.graph()).compile(checkpointer=InMemorySaver())
    with using(home):
        await graph.ainvoke(PAY, ON_T)
        await graph.ainvoke(PAY, ON_T)
    recordings = [record(home.journal, run.run) for run in list_runs(home.journal)]

    replayed = [await replay(recording, till.graph()) for recording in recordings]

    assert all(found.identical for found in replayed), replayed[0].diff
    assert till.paid == [5, 5]


async def test_a_run_inside_one_of_ours_is_replayed_with_it(home: Home, till: Till) -> None:
    inner = till.graph()

    @tool(destructive=True)
    async def order() -> str:
        """Order something."""
        return str((await inner.ainvoke(PAY))["messages"][-1].text)

    asked = AIMessage("", tool_calls=[{"name": "order", "args": {}, "id": "o"}])
    async with Session(till.agent([asked, "Ordered."], order), home=home, thread="t") as session:
        outer = await session.send("Order.")
    (run,) = [summary.run for summary in list_runs(home.journal) if summary.run != outer.run]

    with pytest.raises(RecordingBroken, match=f"is a part of run {outer.run}"):
        record(home.journal, run)


@pytest.mark.parametrize(
    ("path", "nodes"),
    [("1.till.3/", "till/"), ("2.act.4.0/", "act/"), ("desk.7/", "desk/"), ("a~0f1e2d3c/b.2/1/", "a/b/"),
     ("~0f1e2d3c/1.act.4.0/2.my.node.1/", "act/my.node/"), ("", "")],
)  # fmt: skip
def test_a_path_names_its_nodes(path: str, nodes: str) -> None:
    assert nodes_of(path) == nodes
