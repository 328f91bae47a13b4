"""A run's budget across its nodes: steps, time, graphs inside graphs, and how it winds down."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START
from langgraph.types import Command
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Agent, Budget, Caller, Limit, Session, WindDown, tool
from interlock.graphs import ThreadState, Workflow, tool_loop
from interlock.runtime.errors import BadInput
from interlock.runtime.gate.shared import account_of
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay
from interlock.tools.guards import Guards


async def answer(state: Any, runtime: Any) -> dict[str, Any]:
    return {"draft": AIMessage("Done.")}


def workflow(agent: Any, **nodes: Any) -> Any:
    """Wire nodes one after the other."""
    made = Workflow(agent, ThreadState)
    names = [START, *nodes, END]
    for name, node in nodes.items():
        made.add_node(name, node)
    for before, after in pairwise(names):
        made.add_edge(before, after)
    return made.compile()


async def test_each_node_of_ones_own_is_a_step_each_time_it_runs(home: Home, agents: Agents) -> None:
    async def again(state: Any, runtime: Any) -> Command[str]:
        return Command(goto="again")

    made = Workflow(agents.make(budget=Budget(steps=7)), ThreadState)
    made.add_node("again", again, goes_to=("again",))
    made.add_edge(START, "again")
    async with Session(made.compile(), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.usage.steps) == ("stopped", 7)
    assert "the next step needs 1 steps, 7 of 7 are spent" in reply.text


async def test_a_node_of_ones_own_that_hangs_is_stopped_with_the_run(home: Home, agents: Agents) -> None:
    async def hang(state: Any, runtime: Any) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    async with Session(workflow(agents.make(budget=Budget(seconds=0.2)), hang=hang), home=home) as session:
        reply = await session.send("go")

    assert (reply.status, reply.code) == ("stopped", "budget")
    assert "of 0.2 seconds are spent" in reply.text


def around(agents: Agents, inner: Any, budget: Budget) -> Any:
    """Make a workflow in which another graph runs, once in each of two nodes."""

    async def ask(state: Any, runtime: Any) -> dict[str, Any]:
        await inner.ainvoke({"messages": [("user", "pay")]})
        return {}

    return workflow(agents.make(budget=budget), first=ask, second=ask, answer=answer)


async def test_a_graph_inside_another_uses_the_budget_of_both(home: Home, agents: Agents, till: Till) -> None:
    inner = tool_loop(agents.make(*[calls(call("pay", "c", amount="1")), "Paid."] * 2, budget=Budget(tool_calls=1)))
    async with Session(around(agents, inner, Budget(tool_calls=5)), home=home) as session:
        reply = await session.send("pay twice")

    assert (reply.status, len(till.paid)) == ("done", 2)
    assert (reply.usage.tool_calls, reply.usage.model_calls, reply.usage.steps) == (2, 4, 7)


async def test_a_graph_inside_another_stops_at_the_limit_of_the_outer_one(
    home: Home, agents: Agents, till: Till
) -> None:
    inner = tool_loop(agents.make(*[calls(call("pay", "c", amount="1")), "Paid."] * 2))
    async with Session(around(agents, inner, Budget(tool_calls=1)), home=home) as session:
        reply = await session.send("pay twice")

    assert (reply.status, reply.code, len(till.paid)) == ("stopped", "budget", 1)
    assert f"run {reply.run} stopped" in reply.text


async def test_a_scope_that_both_graphs_share_is_charged_once(home: Home, agents: Agents) -> None:
    budget = Budget(limits=[Limit(scope="user", tool_calls=5)])
    inner = tool_loop(agents.make(*[calls(call("pay", "c", amount="1")), "Paid."] * 2, budget=budget))
    async with Session(around(agents, inner, budget), home=home) as session:
        reply = await session.send("pay twice")

    user = home.ledger.usage(account_of(budget.limits[0], session.caller, "", home.clock.now()))
    assert (user.tool_calls, user.model_calls, user.steps) == (2, 4, 7)
    assert user.seconds == pytest.approx(reply.usage.seconds)


def winding(agents: Agents, *lines: Any, **limits: Any) -> Any:
    return tool_loop(agents.make(*lines, budget=Budget(**limits, wind_down=WindDown(at=0.5, model="embedded"))))


async def test_near_a_limit_a_smaller_model_is_asked(home: Home, agents: Agents) -> None:
    asked = [calls(call("look", f"c{n}")) for n in range(2)]
    async with Session(winding(agents, *asked, model_calls=4), home=home) as session:
        reply = await session.send("look into the till")

    models = [e.event.model for e in home.journal.of_run(reply.run) if isinstance(e.event, events.ModelIntended)]
    assert models == ["scripted", "scripted", "embedded"]
    assert (reply.status, "200" in reply.text) == ("done", True)


async def test_at_the_limit_the_run_replies_with_what_it_has_done(home: Home, agents: Agents, till: Till) -> None:
    asked = [calls(call("pay", f"c{n}", amount=f"{n}")) for n in range(1, 4)]
    agent = agents.make(*asked, budget=Budget(tool_calls=2, wind_down=WindDown()))
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("pay three times")

    assert (reply.status, reply.code, till.paid) == ("stopped", "budget", [Decimal(1), Decimal(2)])
    assert reply.text == (
        "I had to stop before I was done: 2 of 2 tool calls are used up.\n"
        "Done:\n- pay(amount=1): paid 1\n- pay(amount=2): paid 2"
    )


async def test_the_next_run_of_the_thread_knows_what_the_user_was_told(home: Home, agents: Agents, till: Till) -> None:
    asked = [calls(call("pay", f"c{n}", amount=f"{n}")) for n in range(1, 4)]
    agent = agents.make(*asked, "As I said.", budget=Budget(tool_calls=2, wind_down=WindDown()))
    async with Session(tool_loop(agent), home=home) as session:
        stopped = await session.send("pay three times")
        reply = await session.send("what have you done?")
        history = await session.history()

    assert isinstance(agent.model, ScriptedChatModel)
    seen = [str(message.content) for message in agent.model.asked[-1]]
    assert reply.text == "As I said."
    assert seen[-2:] == [stopped.text, "what have you done?"]
    assert [str(m.content) for m in history][-3:] == [stopped.text, "what have you done?", "As I said."]
    assert [m.type for m in history] == ["human", "ai", "tool", "ai", "tool", "ai", "tool", "ai", "human", "ai"]


async def test_a_run_after_one_that_was_stopped_can_be_replayed(home: Home, agents: Agents) -> None:
    asked = [calls(call("pay", f"c{n}", amount=f"{n}")) for n in range(1, 3)]
    graph = tool_loop(agents.make(*asked, "As I said.", budget=Budget(tool_calls=1, wind_down=WindDown())))
    async with Session(graph, home=home) as session:
        await session.send("pay twice")
        reply = await session.send("what have you done?")

    found = await replay(record(home.journal, reply.run), graph)

    assert found.identical, "\n".join((found.place, *found.diff))


class Talkative(ScriptedChatModel):
    max_output_tokens: int = 5_000


async def test_a_call_that_only_the_smaller_model_can_pay_for_is_made_by_it(home: Home, agents: Agents) -> None:
    budget = Budget(output_tokens=2_000, wind_down=WindDown(model="embedded"))
    agent = replace(agents.make(budget=budget), model=Talkative(lines=["never said"]))
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("look into the till")

    models = {e.event.model for e in home.journal.of_run(reply.run) if isinstance(e.event, events.ModelIntended)}
    assert (reply.status, models) == ("done", {"embedded"})


async def test_a_limit_of_nothing_that_nothing_counts_towards_is_not_near(home: Home, agents: Agents) -> None:
    async with Session(winding(agents, "Hello.", usd=0), home=home) as session:
        reply = await session.send("hi")

    assert (reply.status, reply.text) == ("done", "Hello.")


@pytest.mark.parametrize("wrong", [0, 1, -0.2, 1.5, float("nan")])
def test_a_share_to_wind_down_at_lies_between_none_and_all(wrong: float) -> None:
    with pytest.raises(BadInput, match="at: "):
        WindDown(at=wrong)


async def test_a_result_that_was_kept_counts_as_a_call_and_costs_nothing(home: Home, agents: Agents) -> None:
    @tool(read_only=True, usd="0.03", guards=Guards(cache_s=60))
    def rate() -> int:
        """Look an exchange rate up."""
        return 7

    model = ScriptedChatModel([*(calls(call("rate", f"c{n}")) for n in range(3)), "It is 7."])
    graph = tool_loop(Agent(name="a", model=model, tools=[rate], budget=Budget(usd="0.06", tool_calls=3)))
    async with Session(graph, home=home) as session:
        reply = await session.send("the rate, three times")

    assert (reply.status, reply.usage.tool_calls, reply.usage.usd) == ("done", 3, Decimal("0.03"))


async def test_a_graph_that_is_a_node_of_another_waits_there_and_pays_from_the_budget_of_both(
    home: Home, agents: Agents, till: Till
) -> None:
    inner = tool_loop(agents.make(calls(call("pay", "c", amount="100")), "Paid."))
    graph = workflow(agents.make(budget=Budget(tool_calls=1)), desk=inner)
    async with Session(graph, home=home, user="7") as session:
        waiting = await session.send("pay")
        [asked] = waiting.approvals
        home.approvals.answer(asked["id"], approve=True, by=Caller(user="boss", roles=("lead",)))
        reply = await session.resume()

    assert (waiting.status, asked["for"]["user"]) == ("waiting", "7")
    assert (reply.status, reply.text, till.paid) == ("done", "Paid.", [Decimal(100)])
    assert (reply.usage.tool_calls, reply.usage.model_calls) == (1, 2)
