"""Agents with many tools: a run is offered those that fit its request, and may call no others."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, SystemMessage, ToolMessage

from interlock import Agent, Session, tool
from interlock.graphs import plan_execute, tool_loop
from interlock.runtime.errors import BadInput
from interlock.runtime.home import Home
from interlock.runtime.journal.events import ModelIntended, Noted, Refused
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.tools import Select

GOODS = ("bicycles", "carpets", "drums", "engines", "flutes", "gloves", "hammers", "kettles", "ladders", "mirrors")


def _stock(what: str) -> Any:
    def count() -> int:
        return len(what)

    count.__doc__ = f"Count the {what} in the warehouse."
    return tool(name=f"count_{what}", read_only=True)(count)


@tool(read_only=True)
def find_order(order_id: int) -> str:
    """Look up one order by its number."""
    return f"order {order_id}: paid"


@tool(read_only=True)
def current_weather(city: str) -> str:
    """Tell what the weather is now in a city."""
    return f"sunny in {city}"


TOOLS = [*map(_stock, GOODS), current_weather, find_order]
SELECT = Select(most=3, pinned=("find_order",))


def asks(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"{name}-{len(arguments)}"}])


def agent(*lines: Any, select: Any = SELECT) -> Agent:
    return Agent(name="clerk", model=ScriptedChatModel(lines), tools=TOOLS, select=select)


def offered(home: Home) -> list[list[str]]:
    notes = [entry.event for entry in home.journal.everything() if isinstance(entry.event, Noted)]
    return [note.facts["tools"] for note in notes if note.what == "offered"]


def bound(home: Home) -> list[list[str]]:
    asked = [entry.event for entry in home.journal.everything() if isinstance(entry.event, ModelIntended)]
    return [[each["function"]["name"] for each in home.journal.payload(event.tools)] for event in asked]


async def test_the_model_sees_the_tools_that_fit_and_the_pinned_ones(home: Home) -> None:
    lines = (asks("current_weather", city="Bern"), "Sunny.")
    async with Session(tool_loop(agent(*lines)), home=home) as session:
        reply = await session.send("What is the weather like in Bern right now, please?")

    assert [(call.tool, call.outcome) for call in reply.calls] == [("current_weather", "done")]
    (chosen,) = offered(home)
    assert {"current_weather", "find_order"} <= set(chosen) and len(chosen) == 3
    assert bound(home) == [chosen, chosen]


async def test_a_call_of_a_tool_that_was_not_offered_is_refused_and_says_so(home: Home) -> None:
    lines = (asks("count_drums"), "I cannot.")
    async with Session(tool_loop(agent(*lines)), home=home) as session:
        await session.send("What is the weather like in Bern right now, please?")
        told = [m.content for m in await session.history() if isinstance(m, ToolMessage)]

    assert len(told) == 1 and "'count_drums' exists, but is not offered" in told[0]
    assert "current_weather" in told[0] and "of 12 tools" in told[0]
    refused = [entry.event for entry in home.journal.everything() if isinstance(entry.event, Refused)]
    assert [(each.action, each.code) for each in refused] == [("count_drums", "not-offered")]


async def test_each_request_is_offered_its_own_tools(home: Home) -> None:
    async with Session(tool_loop(agent("Hm.", "Hm.")), home=home) as session:
        await session.send("How many drums are there in the warehouse today?")
        await session.send("And now tell me how many kettles we still have there.")

    first, second = offered(home)
    assert "count_drums" in first and "count_kettles" in second


async def test_what_was_just_used_stays_on_offer_for_a_short_answer(home: Home) -> None:
    lines = (asks("count_drums"), "Five. Shall I count again?", asks("count_drums"), "Five.")
    async with Session(tool_loop(agent(*lines)), home=home) as session:
        await session.send("How many drums are there in the warehouse today?")
        reply = await session.send("Yes, please.")

    assert [(call.tool, call.outcome) for call in reply.calls] == [("count_drums", "done")]


async def test_a_planner_sees_only_what_is_offered(home: Home) -> None:
    model = ScriptedChatModel([AIMessage("", tool_calls=[{"name": "Plan", "args": {"say": "No."}, "id": "p"}])])
    made = Agent(name="clerk", model=model, tools=TOOLS, select=SELECT)
    async with Session(plan_execute(made), home=home) as session:
        await session.send("What is the weather like in Bern right now, please?")

    shown = str(next(message for message in model.asked[0] if isinstance(message, SystemMessage)).content)
    (chosen,) = offered(home)
    assert [each.contract.name for each in TOOLS if f'"{each.contract.name}"' in shown] == chosen


async def test_a_run_that_goes_on_in_another_process_keeps_what_it_was_offered(home: Home) -> None:
    @tool()
    def count_again(what: str) -> int:
        """Have goods in the warehouse counted again by hand."""
        return len(what)

    def made(*lines: Any) -> Agent:
        return Agent(name="clerk", model=ScriptedChatModel(lines), tools=[*TOOLS, count_again], select=SELECT)

    request = "Please have the drums in the warehouse counted again by hand."
    async with Session(tool_loop(made(asks("count_again", what="drums"))), home=home, thread="t") as session:
        waiting = await session.send(request)
    home.approvals.answer(waiting.approvals[0]["id"], approve=True, by=_boss())
    async with Session(tool_loop(made(asks("count_carpets"), "Done.")), home=home, thread="t") as session:
        reply = await session.resume()

    assert [(call.tool, call.outcome) for call in reply.calls] == [
        ("count_again", "done"),
        ("count_carpets", "refused"),
    ]
    assert len(offered(home)) == 1


def _boss() -> Any:
    from interlock import Caller

    return Caller(user="boss", roles=("approver",))


async def test_an_agent_with_few_tools_is_offered_all(home: Home) -> None:
    async with Session(tool_loop(agent("Hm.", select=Select(most=12))), home=home) as session:
        await session.send("hello")

    assert offered(home) == [] and len(bound(home)[0]) == len(TOOLS)


def test_a_pinned_tool_must_be_there() -> None:
    with pytest.raises(BadInput, match="there is no tool 'find_odrer' to pin"):
        agent(select=Select(pinned=("find_odrer",)))


def test_there_must_be_room_for_what_is_pinned() -> None:
    with pytest.raises(BadInput, match="most=1 with 2 pinned tools"):
        Select(most=1, pinned=("a", "b"))
