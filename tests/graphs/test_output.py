"""Agents that declare what their replies must look like."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage, SystemMessage, ToolMessage
from langgraph.graph import END, START
from pydantic import BaseModel, Field, RootModel

from interlock import Agent, Session
from interlock.graphs import ThreadState, Workflow, assembly_of, plan_execute, tool_loop
from interlock.runtime.errors import BadInput
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.models.scripted import Line, ScriptedChatModel
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay
from interlock.serving.replies import Token

PLANNED = AIMessage(
    "", tool_calls=[{"name": "Plan", "args": {"steps": [{"id": "s1", "tool": "look", "goal": "look"}]}, "id": "p"}]
)
LOOKED = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "l"}])
HIDES = '@id("names") @mask("*") forbid (principal, action == Action::"reply", resource);'


class Found(BaseModel):
    """What is in the till."""

    amount: int = Field(ge=0)
    currency: Literal["USD", "EUR"] = "USD"


class Card(BaseModel):
    """A card, in full."""

    number: str = Field(pattern="^[0-9]+$")


def gives(**fields: Any) -> AIMessage:
    """Write data as a model does: as the arguments of a call."""
    return AIMessage("", tool_calls=[{"name": "Found", "args": fields, "id": "f"}])


Make = Callable[..., Any]
each_pattern = pytest.mark.parametrize(("make", "before"), [(tool_loop, LOOKED), (plan_execute, PLANNED)])


def with_output(agents: Any, *lines: Line) -> Any:
    return replace(agents.make(*lines), output=Found)


@each_pattern
async def test_a_reply_that_fits_goes_out_as_it_is_and_as_data(
    make: Make, before: AIMessage, home: Home, agents: Any
) -> None:
    async with Session(make(with_output(agents, before, '{"amount": 200}')), home=home) as session:
        reply = await session.send("what is in the till?")
        last = (await session.history())[-1]

    assert (reply.status, reply.data) == ("done", {"amount": 200, "currency": "USD"})
    assert Found.model_validate_json(reply.text) == Found(amount=200)
    assert last.text == reply.text


@each_pattern
async def test_a_reply_in_words_is_asked_for_as_data(make: Make, before: AIMessage, home: Home, agents: Any) -> None:
    agent = with_output(agents, before, "There are 200.", gives(amount=200))
    async with Session(make(agent), home=home) as session:
        reply = await session.send("what is in the till?")

    assert reply.data == {"amount": 200, "currency": "USD"}
    assert isinstance(told := agent.model.asked[-1][-1], SystemMessage)
    assert "no valid Found" in told.text


@each_pattern
async def test_a_reply_that_breaks_its_schema_is_told_to_the_model_field_by_field(
    make: Make, before: AIMessage, home: Home, agents: Any
) -> None:
    agent = with_output(agents, before, "200", gives(amount=-1, currency="XXX"), gives(amount=1))
    async with Session(make(agent), home=home) as session:
        reply = await session.send("what is in the till?")

    assert reply.data == {"amount": 1, "currency": "USD"}
    assert isinstance(told := agent.model.asked[-1][-1], ToolMessage)
    assert "amount: Input should be greater than or equal to 0" in told.text
    assert "currency: Input should be 'USD' or 'EUR'" in told.text


@each_pattern
async def test_a_reply_that_stays_broken_fails_the_run_and_does_not_go_out(
    make: Make, before: AIMessage, home: Home, agents: Any
) -> None:
    agent = with_output(agents, before, "Much.", gives(amount="much"), "Very much.")
    async with Session(make(agent), home=home, thread="t") as session:
        reply = await session.send("what is in the till?")

    assert (reply.status, reply.code, reply.data) == ("failed", "output", None)
    assert "no valid Found came of it: it was not called" in reply.text
    found = [e.event for e in home.journal.of_thread("t")]
    ended = [(e.status, e.code) for e in found if isinstance(e, events.RunEnded)]
    assert ended == [("failed", "output")]
    assert not any(isinstance(event, events.Replied) for event in found)


async def test_the_error_names_the_field_and_what_is_wrong_with_it(home: Home, agents: Any) -> None:
    broken = gives(amount="much")
    async with Session(tool_loop(with_output(agents, "Much.", broken, broken)), home=home) as session:
        reply = await session.send("what is in the till?")

    assert "amount: Input should be a valid integer" in reply.text


async def test_what_the_schema_does_not_name_does_not_go_out(home: Home, agents: Any) -> None:
    async with Session(tool_loop(with_output(agents, '{"amount": 1, "pin": "1234"}')), home=home) as session:
        assert "1234" not in (await session.send("what is in the till?")).text


async def test_a_question_of_the_planner_must_fit_too(home: Home, agents: Any) -> None:
    asks = AIMessage("", tool_calls=[{"name": "Plan", "args": {"question": "Which till?"}, "id": "p"}])
    async with Session(plan_execute(with_output(agents, asks, gives(amount=0))), home=home) as session:
        assert (await session.send("look")).data == {"amount": 0, "currency": "USD"}


async def test_a_draft_of_a_graph_of_ones_own_must_fit_too(home: Home, agents: Any) -> None:
    async def answer(_state: ThreadState, _runtime: Any) -> dict[str, Any]:
        return {"draft": AIMessage("200 dollars")}

    workflow = Workflow(with_output(agents, gives(amount=200)), ThreadState)
    workflow.add_node("answer", answer)
    workflow.add_edge(START, "answer")
    workflow.add_edge("answer", END)
    async with Session(workflow.compile(), home=home) as session:
        assert (await session.send("look")).data == {"amount": 200, "currency": "USD"}


async def test_a_policy_that_changes_the_reply_cannot_let_out_what_no_longer_fits(home: Home, tmp_path: Path) -> None:
    policy = tmp_path / "hides.cedar"
    policy.write_text(HIDES)
    model = ScriptedChatModel(['{"number": "4111111111111111"}'])
    agent = Agent(name="a", model=model, policy=policy, output=Card)
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("look")

    assert reply.status == "failed"
    assert "number: String should match pattern" in reply.text


async def test_words_that_are_not_yet_checked_are_not_streamed(home: Home, agents: Any) -> None:
    agent = with_output(agents, "There are 200.", gives(amount=200))
    async with Session(tool_loop(agent), home=home) as session:
        seen = [event async for event in session.stream("what is in the till?")]

    assert [event for event in seen if isinstance(event, Token)] == []


async def test_a_run_with_an_output_comes_again_from_its_record(home: Home, agents: Any) -> None:
    def graph() -> Any:
        return tool_loop(with_output(agents, "200", gives(amount=-1), gives(amount=1)))

    async with Session(graph(), home=home) as session:
        reply = await session.send("what is in the till?")

    assert (await replay(record(home.journal, reply.run), graph())).identical


def test_another_schema_is_another_manifest(agents: Any) -> None:
    class Changed(Found):
        note: str

    Changed.__name__ = "Found"
    plain, first = agents.make(), with_output(agents)
    made = [assembly_of(tool_loop(agent)) for agent in (plain, first, replace(first, output=Changed))]

    assert len({assembly.manifest_hash for assembly in made if assembly}) == 3


class Numbers(RootModel[list[int]]):
    """A list, and no object."""


class Called(BaseModel):
    """What JSON cannot hold."""

    back: Callable[[], int]


UNFIT = [
    dict, Found(amount=1), Numbers, Called, {"type": "object"}, {"type": "array", "items": {"type": "string"}},
    {"type": "object", "properties": {"amount": {"type": "money"}}},
    {"type": "object", "properties": {"amount": {"$ref": "https://example.org/amount.json"}}},
]  # fmt: skip


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_no_model_could_be_asked_for_is_refused_when_it_is_declared(unfit: Any) -> None:
    with pytest.raises(BadInput, match="output="):
        Agent(name="a", output=unfit)
