"""plan_execute: planned first, done step by step, each step judged by its own criteria."""

from decimal import Decimal
from typing import Any

from langchain_core.messages import AIMessage

from interlock import Caller, Session
from interlock.graphs import plan_execute
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Noted

LEAD = Caller(user="boss", roles=("lead",))


def plans(*steps: dict[str, Any], **more: Any) -> AIMessage:
    """Write a plan as a model does: as the arguments of a call of Plan."""
    return AIMessage("", tool_calls=[{"name": "Plan", "args": {"steps": list(steps), **more}, "id": "p"}])


def step(id: str, tool: str, **more: Any) -> dict[str, Any]:
    arguments = {name: {"value": value} for name, value in more.pop("args", {}).items()}
    return {"id": id, "tool": tool, "goal": f"do {id}", "arguments": {**arguments, **more.pop("sources", {})}, **more}


def checks(home: Home) -> list[tuple[str, str]]:
    noted = [e.event for e in home.journal.everything() if isinstance(e.event, Noted)]
    return [(event.facts["step"], event.facts["status"]) for event in noted if event.what == "check"]


async def run(home: Home, agents: Any, *lines: Any) -> Any:
    async with Session(plan_execute(agents.make(*lines)), home=home, thread="t", user="7") as session:
        return await session.send("do it")


async def test_steps_are_done_in_the_order_of_what_they_need(home: Home, agents: Any, till: Any) -> None:
    plan = plans(
        step("s1", "look"),
        step("s2", "pay", sources={"amount": {"origin": "constant", "value": "5"}},
             when=[{"step": "s1", "op": "at_least", "value": 100}]),
    )  # fmt: skip

    reply = await run(home, agents, plan, "Looked and paid.")

    assert (reply.status, reply.text, till.paid) == ("done", "Looked and paid.", [Decimal(5)])
    assert checks(home) == [("s1", "done"), ("s2", "done")]


async def test_an_argument_comes_from_the_field_of_an_earlier_result(home: Home, agents: Any, till: Any) -> None:
    plan = plans(step("s1", "look"), step("s2", "pay", sources={"amount": {"origin": "result", "step": "s1"}}))

    async with Session(plan_execute(agents.make(plan, "Waiting.")), home=home, user="7") as session:
        reply = await session.send("pay what is there")

    assert [a["arguments"] for a in reply.approvals] == [{"amount": "200"}]


async def test_a_step_whose_condition_does_not_hold_is_skipped(home: Home, agents: Any, till: Any) -> None:
    plan = plans(
        step("s1", "look"),
        step("s2", "pay", args={"amount": "5"}, when=[{"step": "s1", "op": "at_most", "value": 100}]),
    )

    await run(home, agents, plan, "Not paid.")

    assert till.paid == []
    assert checks(home) == [("s1", "done"), ("s2", "skipped")]


async def test_a_step_that_misses_its_criterion_failed_and_what_needs_it_is_not_done(
    home: Home, agents: Any, till: Any
) -> None:
    plan = plans(
        step("s1", "look", done_when=[{"step": "s1", "op": "at_least", "value": 1000}]),
        step("s2", "pay", sources={"amount": {"origin": "result", "step": "s1"}}),
    )

    reply = await run(home, agents, plan, "It did not work out.")

    assert (reply.status, till.paid) == ("done", [])
    assert checks(home)[0] == ("s1", "failed")


async def test_a_call_with_wrong_arguments_is_planned_anew_and_what_was_done_is_not_repeated(
    home: Home, agents: Any, till: Any
) -> None:
    first = plans(step("s1", "pay", args={"amount": "7"}), step("s2", "pay", args={"amount": "much"}))
    second = plans(step("s3", "pay", args={"amount": "8"}))

    reply = await run(home, agents, first, second, "Both paid.")

    assert (reply.status, till.paid) == ("done", [Decimal(7), Decimal(8)])


async def test_what_is_no_plan_is_asked_for_once_more(home: Home, agents: Any) -> None:
    reply = await run(
        home, agents, plans(step("s1", "look", when=[{"step": "s9", "op": "is_null"}])), plans(say="Hello.")
    )

    assert reply.text == "Hello."


async def test_a_question_ends_the_run_with_the_question(home: Home, agents: Any, till: Any) -> None:
    reply = await run(home, agents, plans(question="How much?"))

    assert (reply.status, reply.text, till.paid) == ("done", "How much?", [])


async def test_steps_beside_a_question_are_kept_for_the_plan_that_has_the_answer(
    home: Home, agents: Any, till: Any
) -> None:
    pay = step("s2", "pay", args={"amount": "20"})
    agent = agents.make(plans(step("s1", "look"), question="How much?"), plans(step("s1", "look"), pay), "Paid.")
    async with Session(plan_execute(agent), home=home) as session:
        asked = await session.send("look, then pay")
        reply = await session.send("20, please")

    assert (asked.text, reply.text, till.paid) == ("How much?", "Paid.", [Decimal(20)])
    shown = [[str(m.content) for m in prompt if str(m.content).startswith("<planned>")] for prompt in agent.model.asked]
    assert [len(found) for found in shown] == [0, 1, 0]
    assert '"tool":"look"' in shown[1][0]


async def test_a_call_that_a_policy_denied_is_not_planned_anew(home: Home, agents: Any, till: Any) -> None:
    reply = await run(home, agents, plans(step("s1", "pay", args={"amount": "900"})), "It was not allowed.")

    assert (reply.text, till.paid) == ("It was not allowed.", [])


async def test_a_step_waits_for_approval_and_the_plan_goes_on_after_it(home: Home, agents: Any, till: Any) -> None:
    plan = plans(step("s1", "pay", args={"amount": "100"}), step("s2", "look", when=[{"step": "s1", "op": "not_null"}]))
    async with Session(plan_execute(agents.make(plan, "Paid and looked.")), home=home, user="7") as session:
        waiting = await session.send("pay 100, then look")
        home.approvals.answer(waiting.approvals[0]["id"], approve=True, by=LEAD)
        reply = await session.resume()

    assert (reply.text, till.paid) == ("Paid and looked.", [Decimal(100)])
    assert [call.tool for call in reply.calls] == ["pay", "look"]


def test_the_graph_draws_planner_and_executor_apart(agents: Any) -> None:
    drawn = plan_execute(agents.make()).get_graph().draw_mermaid()

    assert "plan --> check" in drawn
    assert "check -.-> act" in drawn
