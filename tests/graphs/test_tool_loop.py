"""The tool loop: the model calls tools until it answers, and the gate stands before each call."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from interlock import Budget, Caller, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.errors import ApprovalRefused, BadInput, MessageRefused, NotFound, ThreadBusy
from interlock.runtime.home import Home, using
from interlock.runtime.journal import events
from interlock.runtime.journal.audit import verify

LEAD = Caller(user="boss", roles=("lead",))


def asks(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"{name}-{arguments}"}])


def said(history: list[Any]) -> list[str]:
    return [str(m.content) for m in history if isinstance(m, ToolMessage)]


async def test_a_tool_is_called_and_the_model_answers_from_its_result(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("look"), "There are 200.")), home=home) as session:
        reply = await session.send("What is in the till?")

    assert (reply.status, reply.text) == ("done", "There are 200.")
    assert [(c.tool, c.outcome, c.value) for c in reply.calls] == [("look", "done", 200)]


async def test_a_wrong_argument_goes_back_to_the_model_and_nothing_is_paid(home: Home, agents: Any, till: Any) -> None:
    model_lines = (asks("pay", amount="a lot"), asks("pay", amount="10"), "Paid.")
    async with Session(tool_loop(agents.make(*model_lines)), home=home) as session:
        await session.send("pay")
        history = await session.history()

    assert "argument 'amount'" in said(history)[0]
    assert till.paid == [Decimal(10)]


async def test_a_denied_call_is_not_made_and_the_model_is_told_why(home: Home, agents: Any, till: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="501"), "I may not.")), home=home) as session:
        reply = await session.send("pay 501")

    assert till.paid == []
    assert [(c.outcome, c.policies) for c in reply.calls] == [("refused", ("huge",))]


async def test_a_call_to_a_tool_that_is_not_there_names_those_that_are(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pai", amount="1"), "Oh.")), home=home) as session:
        await session.send("pay")

        assert said(await session.history()) == [
            "There is no tool 'pai'. Did you mean 'pay'? The tools are: pay, look."
        ]


async def test_a_large_payment_waits_and_happens_once_after_it_is_approved(home: Home, agents: Any, till: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="100"), "Done.")), home=home, user="7") as session:
        waiting = await session.send("pay 100")
        assert (waiting.status, till.paid) == ("waiting", [])

        home.approvals.answer(waiting.approvals[0]["id"], approve=True, by=LEAD)
        reply = await session.resume()

    assert (reply.status, till.paid) == ("done", [Decimal(100)])
    assert home.approvals.get(waiting.approvals[0]["id"]).state == "used"


async def test_a_denied_approval_tells_the_model_the_reason(home: Home, agents: Any, till: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="100"), "Pity.")), home=home, user="7") as session:
        waiting = await session.send("pay 100")
        home.approvals.answer(waiting.approvals[0]["id"], approve=False, by=LEAD, note="no receipt")
        await session.resume()

        assert said(await session.history()) == ["boss denied pay: no receipt"]
    assert till.paid == []


async def test_an_approval_cannot_be_answered_twice(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="100"))), home=home, user="7") as session:
        id = (await session.send("pay 100")).approvals[0]["id"]
    home.approvals.answer(id, approve=True, by=LEAD)

    with pytest.raises(ApprovalRefused, match="it is approved already"):
        home.approvals.answer(id, approve=False, by=LEAD)


@pytest.mark.parametrize(
    ("by", "why"),
    [
        (Caller(user="boss"), "it needs the role lead"),
        (Caller(user="7", roles=("lead",)), "'7' asked for it"),
        (Caller(user="boss", tenant="other", roles=("lead",)), "another tenant"),
    ],
)
async def test_an_approval_is_refused_from_whom_it_may_not_come(home: Home, agents: Any, by: Caller, why: str) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="100"))), home=home, user="7") as session:
        id = (await session.send("pay 100")).approvals[0]["id"]

    with pytest.raises(ApprovalRefused, match=why):
        home.approvals.answer(id, approve=True, by=by)


async def test_what_stands_beside_a_waiting_call_is_done_once_and_the_lease_is_given_up(
    home: Home, agents: Any, till: Any
) -> None:
    four = AIMessage(
        "",
        tool_calls=[{"name": "pay", "args": {"amount": amount}, "id": amount} for amount in ("10", "100", "501", "20")],
    )
    async with Session(tool_loop(agents.make(four, "All told.")), home=home, thread="t", user="7") as session:
        waiting = await session.send("pay four times")
        assert till.paid == [Decimal(10), Decimal(20)]
        home.approvals.answer(waiting.approvals[0]["id"], approve=True, by=LEAD)
        await session.resume()

    assert till.paid == [Decimal(10), Decimal(20), Decimal(100)]
    ends = [e.event.status for e in home.journal.of_thread("t") if isinstance(e.event, events.RunEnded)]
    assert ends == ["waiting", "done"]


async def test_an_answer_passed_to_langgraph_does_not_stand_for_an_approval(home: Home, agents: Any, till: Any) -> None:
    graph = tool_loop(agents.make(asks("pay", amount="100")), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    with using(home):
        await graph.ainvoke({"messages": [("user", "pay")]}, config, context=Caller(user="7"))
        again = await graph.ainvoke(Command(resume=True), config)

    assert till.paid == []
    assert len(again["__interrupt__"]) == 1


async def test_an_effect_that_may_have_happened_is_put_to_a_person_and_not_repeated(
    home: Home, agents: Any, till: Any
) -> None:
    till.breaks = ConnectionResetError("the line went dead")
    async with Session(tool_loop(agents.make(asks("pay", amount="10"), "I see.")), home=home, user="7") as session:
        waiting = await session.send("pay 10")
        assert waiting.approvals[0]["question"] == "in_doubt"
        home.approvals.answer(waiting.approvals[0]["id"], approve=False, by=LEAD)
        await session.resume()

        assert "not known whether pay took effect" in said(await session.history())[0]
    assert till.paid == [Decimal(10)]


async def test_the_run_stops_before_the_call_that_would_pass_its_budget(home: Home, agents: Any, till: Any) -> None:
    lines = [asks("pay", amount=str(n)) for n in range(1, 9)]
    graph = tool_loop(agents.make(*lines, budget=Budget(tool_calls=3)))
    async with Session(graph, home=home) as session:
        reply = await session.send("pay and pay")

    assert (reply.status, reply.code, len(till.paid)) == ("stopped", "budget", 3)
    assert "the next step needs 1 tool_calls, 3 of 3 are spent" in reply.text


async def test_steps_are_counted(home: Home, agents: Any) -> None:
    graph = tool_loop(agents.make(*[asks("look", _=n) for n in range(9)], budget=Budget(steps=4)))
    async with Session(graph, home=home) as session:
        reply = await session.send("look")

    assert (reply.status, reply.usage.model_calls) == ("stopped", 4)


async def test_tokens_are_reserved_before_they_are_spent(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make("hi", budget=Budget(tokens=500))), home=home) as session:
        reply = await session.send("hello")

    assert (reply.status, reply.usage.model_calls) == ("stopped", 0)


async def test_time_is_a_limit(home: Home, agents: Any) -> None:
    @tool(read_only=True, timeout=30)
    async def look() -> int:
        """Look, for long."""
        await asyncio.sleep(30)
        return 1

    graph = tool_loop(agents.make(asks("look"), budget=Budget(seconds=0.2), tools=[look, *agents._till.tools()[:1]]))
    async with Session(graph, home=home) as session:
        reply = await session.send("look")

    assert (reply.status, reply.code) == ("stopped", "budget")
    assert "seconds" in reply.text


@pytest.mark.parametrize("text", ["", "  \n ", "x" * 1_000_000])
async def test_an_empty_or_endless_request_is_refused_and_leaves_no_run_behind(
    home: Home, agents: Any, text: str
) -> None:
    async with Session(tool_loop(agents.make("fine")), home=home, thread="t") as session:
        with pytest.raises(MessageRefused):
            await session.send(text)

        assert (await session.send("hello")).text == "fine"


async def test_another_user_cannot_enter_a_thread(home: Home, agents: Any) -> None:
    graph = tool_loop(agents.make("hello", "again"))
    async with Session(graph, home=home, thread="t", user="7") as session:
        await session.send("hi")

    async with Session(graph, home=home, thread="t", user="8") as other:
        with pytest.raises(NotFound, match="user '8' has no thread 't'"):
            await other.send("hi")


async def test_two_runs_at_once_on_one_thread_are_refused(home: Home, agents: Any) -> None:
    started = asyncio.Event()

    @tool(read_only=True)
    async def look() -> int:
        """Look for a while."""
        started.set()
        await asyncio.sleep(0.3)
        return 1

    tools = [look, *agents._till.tools()[:1]]
    graph = tool_loop(agents.make(asks("look"), "one", "two", tools=tools))
    async with Session(graph, home=home, thread="t") as one, Session(graph, home=home, thread="t") as two:
        first = asyncio.create_task(one.send("look"))
        await started.wait()
        with using(home), pytest.raises(ThreadBusy):
            await graph.copy({"checkpointer": InMemorySaver()}).ainvoke(
                {"messages": [("user", "hi")]}, {"configurable": {"thread_id": "t"}}
            )
        await first
        assert (await two.send("and now?")).text == "two"


async def test_a_message_on_a_waiting_thread_says_so_and_leaves_the_approval_standing(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="100"))), home=home, user="7") as session:
        first = await session.send("pay 100")
        second = await session.send("hello?")

    assert (second.status, second.approvals) == ("waiting", first.approvals)


async def test_a_run_is_journalled_and_verifies(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("pay", amount="10"), "Paid.")), home=home, thread="t") as session:
        await session.send("pay")

    assert [e.event.kind for e in home.journal.of_thread("t")] == [
        "run_started", "model_intended", "model_done", "tool_intended", "tool_done", "model_intended", "model_done",
        "replied", "run_ended",
    ]  # fmt: skip
    assert verify(home.database).ok


async def test_a_stream_gives_tokens_tools_and_the_reply(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(asks("look"), "There are 200.")), home=home) as session:
        seen = [event async for event in session.stream("what is in the till?")]

    assert [e.tool for e in seen if e.kind == "tool"] == ["look"]
    assert "".join(e.text for e in seen if e.kind == "token") == "There are 200."
    assert seen[-1].kind == "ended" and seen[-1].reply.text == "There are 200."


def test_the_graph_runs_blocking_too(home: Home, agents: Any) -> None:
    graph = tool_loop(agents.make(asks("look"), "There are 200."))
    with using(home):
        final = graph.invoke({"messages": [("user", "look")]}, context=Caller(user="7"))

    assert final["messages"][-1].content == "There are 200."


async def test_the_graph_runs_as_a_subgraph_and_resumes_there(home: Home, agents: Any, till: Any) -> None:
    inner = tool_loop(agents.make(asks("pay", amount="100"), "Paid."))
    builder = StateGraph(MessagesState, context_schema=Caller)
    builder.add_node("desk", inner)
    builder.add_edge(START, "desk")
    builder.add_edge("desk", END)
    graph: Any = builder.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    with using(home):
        paused = await graph.ainvoke({"messages": [("user", "pay")]}, config, context=Caller(user="7"))
        home.approvals.answer(paused["__interrupt__"][0].value["id"], approve=True, by=LEAD)
        final = await graph.ainvoke(Command(resume=True), config, context=Caller(user="7"))

    assert final["messages"][-1].content == "Paid."
    assert till.paid == [Decimal(100)]


def test_the_graph_draws_itself(agents: Any) -> None:
    drawn = tool_loop(agents.make()).get_graph().draw_mermaid()

    assert "think -.-> act" in drawn


def broken(name: str) -> AIMessage:
    return AIMessage("", invalid_tool_calls=[{"name": name, "args": "{bad", "id": "1", "error": "no JSON"}])


async def test_a_call_that_cannot_be_read_is_told_to_the_model_once(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(broken("look"), asks("look"), "There are 200.")), home=home) as session:
        reply = await session.send("what is in the till?")

    assert (reply.status, reply.text) == ("done", "There are 200.")


@pytest.mark.parametrize("silence", ["", "  ", broken("look")])
async def test_a_model_that_gives_nothing_usable_fails_the_run_and_says_so(
    home: Home, agents: Any, silence: Any
) -> None:
    async with Session(tool_loop(agents.make(silence, silence)), home=home, thread="t") as session:
        reply = await session.send("hello")

    assert (reply.status, reply.code) == ("failed", "model-unclear")
    assert "gave no usable answer" in reply.text
    ended = [e.event for e in home.journal.of_thread("t") if isinstance(e.event, events.RunEnded)]
    assert [(end.status, end.code) for end in ended] == [("failed", "model-unclear")]


async def test_a_run_whose_approval_was_answered_is_finished_first_and_its_reply_comes_along(
    home: Home, agents: Any, till: Any
) -> None:
    graph = tool_loop(agents.make(asks("pay", amount="100"), "Paid.", "Hello."))
    async with Session(graph, home=home, user="7") as session:
        waiting = await session.send("pay 100")
        home.approvals.answer(waiting.approvals[0]["id"], approve=True, by=LEAD)
        reply = await session.send("hello")

    assert reply.text == "Hello."
    assert reply.before is not None and reply.before.text == "Paid."


async def test_a_run_that_failed_is_not_taken_up_by_the_next_message(home: Home, agents: Any) -> None:
    async with Session(tool_loop(agents.make(RuntimeError("no line"), "second", "third")), home=home) as session:
        failed = await session.send("first")
        reply = await session.send("second")

    assert (failed.status, reply.text, reply.before) == ("failed", "second", None)


@pytest.mark.parametrize("text", [None, 5, "\u200b", "lone \ud800"])
async def test_what_is_no_text_is_refused(home: Home, agents: Any, text: Any) -> None:
    async with Session(tool_loop(agents.make("fine")), home=home) as session:
        with pytest.raises(MessageRefused):
            await session.send(text)


def test_a_thread_that_is_named_by_a_number_is_refused(home: Home, agents: Any) -> None:
    number: Any = 7
    with pytest.raises(BadInput, match="the thread's name is a int"):
        Session(tool_loop(agents.make()), home=home, thread=number)
