"""A tool that stands in for another is decided on as if it had been called."""

from typing import Any

import pytest
from tests.graphs.conftest import call, calls

from interlock import Agent, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.tools import Guards

FIRST = 'permit (principal, action == Action::"near", resource);'
CITY = 'context.args.city == "Rome"'
SECOND = f'@id("rome") permit (principal, action == Action::"far", resource) when {{ {CITY} }};'
ASKS = '@id("asks") @decision("ask") permit (principal, action == Action::"far", resource);'


@tool(read_only=True)
async def far(city: str) -> str:
    """Tell the weather from afar."""
    return f"rain in {city}"


@tool(read_only=True, guards=Guards(fallback=far))
async def near(city: str) -> str:
    """Tell the weather."""
    raise ConnectionError("down")


async def told(home: Home, rules: str, city: str, tools: list[Any]) -> tuple[str, str]:
    """Ask for the weather, and give how the call ended and what the model was told."""
    policy = home.path.with_name("policy.cedar")
    policy.write_text(rules)
    model = ScriptedChatModel([calls(call("near", "c1", city=city)), "Done."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=tools, policy=policy)), home=home) as opened:
        reply = await opened.send("what is the weather?")
    return reply.calls[0].outcome, str(model.asked[-1][-1].content)


async def test_what_policies_allow_stands_in(home: Home) -> None:
    assert await told(home, FIRST + SECOND, "Rome", [near, far]) == ("done", "rain in Rome")


@pytest.mark.parametrize("rules", [FIRST, FIRST + SECOND, FIRST + ASKS], ids=["unnamed", "another city", "asks"])
async def test_what_policies_do_not_allow_does_not_stand_in(rules: str, home: Home) -> None:
    outcome, content = await told(home, rules, "Oslo", [near, far])

    assert outcome == "failed"
    assert "ConnectionError: down; then far: far may not stand in" in content


async def test_a_stand_in_that_is_no_tool_of_the_agent_is_vouched_for_by_who_declared_it(home: Home) -> None:
    assert await told(home, FIRST, "Oslo", [near]) == ("done", "rain in Oslo")
