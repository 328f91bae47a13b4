"""Runs made by chance: rounds of parallel calls, or plans with dependencies; tools that fail; people who answer."""

import asyncio
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from interlock import Agent, Budget, Caller, tool
from interlock.graphs import plan_execute, tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import Line, ScriptedChatModel
from interlock.serving.replies import Reply
from interlock.serving.session import Session

POLICY = """
@id("look") permit (principal, action in [Action::"look", Action::"weigh"], resource);
@id("small") permit (principal, action == Action::"pay", resource)
when { context.args.amount.lessThanOrEqual(decimal("50.00")) };
@id("large") @decision("ask") @reason("more than 50") @roles("lead")
permit (principal, action == Action::"pay", resource) when { context.args.amount.greaterThan(decimal("50.00")) };
@id("huge") @reason("more than 500") forbid (principal, action == Action::"pay", resource)
when { context.args.amount.greaterThan(decimal("500.00")) };
"""
BOSS = Caller(user="boss", roles=("lead",))
MOST_STEPS = 30


def tools_of(chance: random.Random) -> list[Any]:
    """Make tools that take their time, and fail now and then."""

    @tool(read_only=True, timeout=5)
    async def look(number: int) -> dict[str, int]:
        """Look something up."""
        await asyncio.sleep(chance.choice((0, 0, 0.001, 0.003)))
        if chance.random() < 0.1:
            raise LookupError(f"{number} is not there")
        return {"number": number, "found": chance.randrange(1000)}

    @tool(read_only=True, timeout=5)
    def weigh(name: str) -> float:
        """Weigh something."""
        if chance.random() < 0.1:
            raise ValueError("the scales are broken")
        return chance.random()

    @tool(destructive=True, timeout=5)
    async def pay(amount: Decimal) -> str:
        """Pay an amount."""
        await asyncio.sleep(chance.choice((0, 0.002)))
        if chance.random() < 0.15:
            raise ConnectionError("the line went dead")
        return f"paid {amount}"

    return [look, weigh, pay]


def graph_of(seed: int, folder: Path) -> Compiled:
    """Make the graph of a seed. Its model's script is made by the same chance as the tools' failures."""
    chance = random.Random(seed)  # noqa: S311  # chance, not a secret
    policy = folder / "policy.cedar"
    if not policy.exists():
        policy.write_text(POLICY)
    planned = chance.random() < 0.5
    lines = list(planned_lines(chance) if planned else looped_lines(chance))
    agent = Agent(
        name="chancer",
        model=ScriptedChatModel(lines),
        tools=tools_of(chance),
        policy=policy,
        budget=Budget(steps=chance.choice((3, 50)) if chance.random() < 0.2 else 50),
    )
    return plan_execute(agent) if planned else tool_loop(agent)


def looped_lines(chance: random.Random) -> Iterator[Line]:
    """Script rounds of calls, then an answer; rarely a model that breaks."""
    left = chance.randrange(MOST_STEPS)
    while left > 0:
        count = min(left, chance.choice((1, 1, 2, 3, 5)))
        yield AIMessage("", tool_calls=[_call(chance, f"c{left}-{n}") for n in range(count)])
        left -= count
    yield RuntimeError("the model is gone") if chance.random() < 0.1 else "That is all."


def planned_lines(chance: random.Random) -> Iterator[Line]:
    """Script plans with dependencies, one for each time that planning is asked for, and an answer."""
    plan = {"steps": list(_steps(chance, chance.randrange(1, 16)))}
    for number in range(3):
        yield lambda messages, n=number: _planned_or_said(plan, messages, n)
    for _ in range(3):
        yield "That is what came of it."


def _planned_or_said(plan: dict[str, Any], messages: list[Any], number: int) -> AIMessage | str:
    if number and "<results>" in str(messages[-1].content) and "<tools>" not in str(messages[0].content):
        return "That is what came of it."
    return AIMessage("", tool_calls=[{"name": "Plan", "args": plan, "id": f"plan-{number}"}])


def _steps(chance: random.Random, count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        call = _call(chance, "")
        arguments = {name: {"origin": "constant", "value": value} for name, value in call["args"].items()}
        step = {"id": f"s{number}", "goal": "", "tool": call["name"], "arguments": arguments}
        if number and chance.random() < 0.4:
            step["when"] = [{"step": f"s{chance.randrange(number)}", "op": "not_null"}]
        yield step


def _call(chance: random.Random, id: str) -> Any:
    name = chance.choice(("look", "look", "weigh", "pay", "pay", "nope"))
    some = chance.randrange(100)  # few calls are alike: a model that goes in circles would end the run
    arguments: dict[str, Any] = {
        "look": {"number": chance.choice((some, f"number {some}"))},
        "weigh": {"name": f"thing {chance.randrange(9)}"},
        "pay": {"amount": str(chance.choice((5, 20, 60, 200, 900)) + some % 20)},
        "nope": {"number": some},
    }[name]
    return {"name": name, "args": arguments, "id": id, "type": "tool_call"}


async def take_place(graph: Compiled, home: Home, seed: int) -> Reply:
    """Let one run happen, people's answers and all."""
    chance = random.Random(-seed)  # noqa: S311  # chance, not a secret
    async with Session(graph, home=home, user=f"user {seed}") as session:
        reply = await session.send("Do what must be done.")
        while reply.status == "waiting":
            for waiting in reply.approvals:
                if chance.random() < 0.8:
                    home.approvals.answer(waiting["id"], approve=chance.random() < 0.7, by=BOSS, note="seen")
            if all(home.approvals.get(one["id"]).state == "pending" for one in reply.approvals):
                break
            reply = await session.resume()
        return reply
