"""Whoever waits for a reply may go away: the run is cut off as by a crash, and gone on with by what is sent next."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError

from interlock import Agent, Caller, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.errors import BadInput
from interlock.runtime.home import Home, using
from interlock.runtime.journal import events
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay
from interlock.serving.replies import Reply

ALL = "permit (principal, action, resource);"


class Shop:
    """Takes payments slowly, and counts them."""

    def __init__(self, folder: Path) -> None:
        self.paid: list[int] = []
        self.paying = asyncio.Event()
        self._policy = folder / "all.cedar"
        self._policy.write_text(ALL)

    def _tool(self) -> Any:
        @tool(destructive=True, idempotent=False, timeout=10)
        async def pay(amount: int) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            self.paying.set()
            if len(self.paid) == 1:
                await asyncio.sleep(5)
            return f"paid {amount}"

        return pay

    def graph(self, **options: Any) -> Any:
        model = ScriptedChatModel([_answer] * 20)
        return tool_loop(Agent(name="shop", model=model, tools=[self._tool()], policy=self._policy), **options)


def _answer(prompt: list[BaseMessage]) -> AIMessage:
    if prompt[-1].type == "human" and "pay" in str(prompt[-1].content):
        return AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 3}, "id": "p"}])
    return AIMessage(f"I was told: {prompt[-1].content}")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


async def _gone_while_paying(session: Session, shop: Shop) -> None:
    sending = asyncio.create_task(session.send("pay"))
    await shop.paying.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def _settled(session: Session, home: Home, waiting: Reply) -> Reply:
    home.approvals.happened(waiting.approvals[0]["id"], by=Caller(user="boss"), note="seen at the bank")
    return await session.send("hello")


async def test_an_effect_of_which_nobody_waited_for_the_end_is_in_doubt_and_is_not_done_again(
    home: Home, shop: Shop
) -> None:
    async with Session(shop.graph(), home=home, thread="t") as session:
        await _gone_while_paying(session, shop)
        waiting = await session.send("hello")
        reply = await _settled(session, home, waiting)

    assert (waiting.status, waiting.approvals[0]["tool"]) == ("waiting", "pay")
    assert reply.before is not None and "pay took effect" in reply.before.text
    assert (reply.status, shop.paid) == ("done", [3])


async def test_a_run_that_nobody_waited_for_is_replayed_as_it_was(home: Home, shop: Shop) -> None:
    graph = shop.graph()
    async with Session(graph, home=home, thread="t") as session:
        await _gone_while_paying(session, shop)
        await _settled(session, home, waiting := await session.send("hello"))

    assert (await replay(record(home.journal, waiting.run), graph)).identical


async def test_a_time_limit_around_a_message_leaves_the_thread_usable(home: Home, shop: Shop) -> None:
    async with Session(shop.graph(), home=home, thread="t") as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await session.send("pay")
        assert (await session.send("hello")).status == "waiting"


async def test_a_stream_that_is_closed_half_way_gives_up_its_thread_and_its_tasks(home: Home, shop: Shop) -> None:
    before = asyncio.all_tasks()
    async with Session(shop.graph(), home=home, thread="t") as session:
        async with aclosing(session.stream("good day")) as stream:
            await anext(stream)

        assert asyncio.all_tasks() == before
        reply = await session.send("hello")
    assert reply.before is not None
    assert (reply.before.text, reply.text) == ("I was told: good day", "I was told: hello")


async def test_after_a_loop_over_a_stream_was_left_the_next_message_is_taken(home: Home, shop: Shop) -> None:
    async with Session(shop.graph(), home=home, thread="t") as session:
        async for _event in session.stream("good day"):
            break
        assert (await session.send("hello")).text == "I was told: hello"


async def test_closing_a_session_closes_the_stream_that_was_left_open(home: Home, shop: Shop) -> None:
    before = asyncio.all_tasks()
    async with Session(shop.graph(), home=home, thread="t") as session:
        stream = session.stream("good day")
        await anext(stream)

    assert asyncio.all_tasks() == before
    assert [event async for event in stream] == []


async def test_the_blocking_form_inside_a_running_loop_says_what_to_do(home: Home, shop: Shop) -> None:
    with pytest.raises(BadInput, match=r"await session\.send"):
        Session(shop.graph(), home=home).say("hello")


ASKED = {"messages": [("user", "good day")]}
THREAD: Any = {"configurable": {"thread_id": "t"}}


async def _left_async(graph: Any) -> None:
    stream = graph.astream(ASKED, THREAD)
    await anext(stream)
    await stream.aclose()


async def _left_blocking(graph: Any) -> None:
    stream = graph.stream(ASKED, THREAD)
    next(stream)
    stream.close()


async def _out_of_steps(graph: Any) -> None:
    with pytest.raises(GraphRecursionError):
        await graph.ainvoke(ASKED, {**THREAD, "recursion_limit": 1})


async def _paused(graph: Any) -> None:
    await graph.ainvoke(ASKED, THREAD, interrupt_before=["think"])


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (_left_async, "CancelledError"),
        (_left_blocking, "CancelledError"),
        (_out_of_steps, "GraphRecursionError"),
        (_paused, "unfinished"),
    ],
)
async def test_a_call_that_is_over_between_two_nodes_holds_its_thread_no_longer(
    leave: Any, code: str, home: Home, shop: Shop
) -> None:
    graph = shop.graph(checkpointer=InMemorySaver())
    with using(home):
        await leave(graph)
        final = await graph.ainvoke({"messages": [("user", "hello")]}, THREAD)

    ended = [entry.event for entry in home.journal.of_thread("t") if isinstance(entry.event, events.RunEnded)]
    assert [end.code for end in ended] == [code, ""]
    assert final["messages"][-1].content == "I was told: hello"


async def test_a_run_that_its_caller_paused_goes_on_where_it_was(home: Home, shop: Shop) -> None:
    graph = shop.graph(checkpointer=InMemorySaver())
    with using(home):
        await _paused(graph)
        final = await graph.ainvoke(None, THREAD)

    assert final["messages"][-1].content == "I was told: good day"
    assert len({entry.run for entry in home.journal.of_thread("t")}) == 1
