"""Agents that declare by a JSON schema what their replies must look like."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage

from interlock import Session
from interlock.graphs import assembly_of, tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import Line
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay

FOUND = {
    "title": "Found in the till",
    "description": "What is in the till.",
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 0},
        "notes": {"type": "array", "items": {"$ref": "#/$defs/Note"}},
    },
    "required": ["amount"],
    "$defs": {"Note": {"type": "object", "properties": {"value": {"enum": [5, 10, 20]}}, "required": ["value"]}},
}


def gives(**fields: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "Found_in_the_till", "args": fields, "id": "f"}])


def with_output(agents: Any, *lines: Line) -> Any:
    return replace(agents.make(*lines), output=FOUND)


async def test_a_reply_that_fits_goes_out_as_it_is_and_as_data(home: Home, agents: Any) -> None:
    agent = with_output(agents, '{"amount": 25.5, "notes": [{"value": 20}]}')
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("what is in the till?")

    assert (reply.status, reply.data) == ("done", {"amount": 25.5, "notes": [{"value": 20}]})


async def test_a_reply_that_breaks_its_schema_is_told_to_the_model_field_by_field(home: Home, agents: Any) -> None:
    agent = with_output(agents, "25", gives(amount=-1, notes=[{"value": 3}]), gives(amount=25))
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("what is in the till?")

    assert reply.data == {"amount": 25}
    assert isinstance(told := agent.model.asked[-1][-1], ToolMessage)
    assert "field 'amount' must be such that minimum is 0, but -1 was given" in told.text
    assert "field 'notes[0].value' must be one of 5, 10, 20, but 3 was given" in told.text


@pytest.mark.parametrize(
    "leak",
    [{"amount": 1, "pin": "1234"}, {"amount": 1, "notes": [{"value": 5, "pin": "1234"}]}, {"amount": float("nan")}],
    ids=["beside", "inside", "no number"],
)
async def test_what_the_schema_does_not_name_and_what_is_no_json_does_not_go_out(
    leak: dict[str, Any], home: Home, agents: Any
) -> None:
    agent = with_output(agents, "see", gives(**leak), gives(**leak))
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("what is in the till?")

    assert reply.status == "failed"
    assert "no valid Found_in_the_till came of it" in reply.text


async def test_an_open_object_may_hold_what_it_does_not_name(home: Home, agents: Any) -> None:
    agent = replace(agents.make('{"amount": 1, "pin": "12"}'), output={**FOUND, "additionalProperties": True})
    async with Session(tool_loop(agent), home=home) as session:
        assert (await session.send("what is in the till?")).data == {"amount": 1, "pin": "12"}


async def test_a_run_comes_again_from_its_record(home: Home, agents: Any) -> None:
    def graph() -> Any:
        return tool_loop(with_output(agents, "25", gives(amount=-1), gives(amount=1)))

    async with Session(graph(), home=home) as session:
        reply = await session.send("what is in the till?")

    assert (await replay(record(home.journal, reply.run), graph())).identical


def test_another_schema_is_another_manifest_and_the_same_one_is_not(agents: Any) -> None:
    changed = {**FOUND, "required": []}
    given = [None, FOUND, deepcopy(FOUND), changed]
    made = [assembly_of(tool_loop(replace(agents.make(), output=output))) for output in given]
    plain, first, same, other = (assembly.manifest_hash for assembly in made if assembly)

    assert first == same
    assert len({plain, first, other}) == 3


def test_a_schema_that_is_changed_after_it_was_declared_changes_no_agent(agents: Any) -> None:
    schema = deepcopy(FOUND)
    agent = replace(agents.make(), output=schema)

    schema["required"] = []

    assert agent.reply_shape.model_json_schema()["required"] == ["amount"]
