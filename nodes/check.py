"""Judge what the steps brought, and send the next ones off; or replan; or stop with a reason."""

from typing import Any, Literal, TypedDict

import orjson
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command

from interlock.nodes.state import this_turn
from interlock.nodes.think import sends
from interlock.nodes.tracing import Contracts, evidence, tainted
from interlock.runtime.envelope import Envelope
from interlock.runtime.plan import Plan, Step, next_steps, progress
from interlock.runtime.ports import Deps
from interlock.runtime.records import Origin

MOST_REPLANS = 2
MENDABLE = ("arguments", "unknown-tool", "not-offered")
"""Codes of refusals that another plan could avoid."""

Status = Literal["done", "failed", "skipped"]


class Reads(TypedDict):
    messages: list[AnyMessage]
    label: dict[str, Any]
    run: dict[str, Any]
    plan: dict[str, Any]
    progress: dict[str, Any]
    steps: int
    replans: int


async def check(state: Reads, runtime: Runtime[Deps], *, then: str = "finish") -> Command[str]:
    """Judge each finished step by its own criteria, then go on with those that are ready.

    Args:
        then: the node that takes an answer which needs no step.
    """
    plan = Plan.model_validate(state["plan"])
    if plan.question or plan.say:
        return Command(goto=then, update={"draft": AIMessage(plan.question or plan.say)})
    found = judged(plan, state)
    for id in (id for id in found if id not in state["progress"]):
        await runtime.context.notebook.note("check", f"check.{state['steps']}.{id}", {"step": id, **found[id]})
    if _retryable(found) and state["replans"] < MOST_REPLANS:
        return Command(goto="plan", update={"progress": found, "replans": state["replans"] + 1})
    ready = () if _failed(found) else next_steps(plan, values(found))
    if not ready:
        return Command(goto="respond", update={"progress": found})
    asked = AIMessage("", tool_calls=[_call(state, step, found) for step in ready])
    traced = [planned(plan, step, found, state, runtime.context.tools.contract) for step in ready]
    return Command(goto=sends(asked, state, state["steps"], traced), update={"progress": found, "messages": [asked]})


def judged(plan: Plan, state: Reads) -> dict[str, Any]:
    """Add to the progress what became of the steps: done, failed by its criteria, or skipped by its conditions."""
    found = dict(state["progress"])
    answers = {m.tool_call_id: m for m in this_turn(state["messages"]) if isinstance(m, ToolMessage)}
    for step in plan.steps:
        if step.id not in found and (answer := answers.get(call_id(state, step))) is not None:
            found[step.id] = _judge(step, answer, values(found))
    standing = progress(plan, values(found), _failed(found))
    skipped = {id: why for id, (how, why) in standing.items() if how == "skipped" and id not in found}
    for step in plan.steps:
        if step.id in skipped:
            found[step.id] = _entry(step, "skipped", because=skipped[step.id])
    return found


def values(found: dict[str, Any]) -> dict[str, Any]:
    """Give the results of the steps that are done."""
    return {id: entry["value"] for id, entry in found.items() if entry["status"] == "done"}


def call_id(state: Any, step: Step) -> str:
    """Name the tool call of a step: the same after a crash, another in every turn and plan."""
    return f"t{state['run']['turn']}p{state['replans']}-{step.id}"


def _entry(step: Step, status: Status, **more: Any) -> dict[str, Any]:
    return {"goal": step.goal, "tool": step.tool, "status": status, **more}


def _judge(step: Step, answer: ToolMessage, results: dict[str, Any]) -> dict[str, Any]:
    if answer.status == "error":
        code = answer.additional_kwargs.get("code", "")
        return _entry(step, "failed", error=str(answer.text), code=code, judged="the call did not succeed")
    value = _parsed(str(answer.text))
    missed = [str(test) for test in step.done_when if not test.holds({**results, step.id: value})]
    if missed:
        return _entry(step, "failed", value=value, judged=f"not fulfilled: {'; '.join(missed)}")
    return _entry(step, "done", value=value)


def _failed(found: dict[str, Any]) -> list[str]:
    return [id for id, entry in found.items() if entry["status"] == "failed"]


def _retryable(found: dict[str, Any]) -> bool:
    """Tell whether a new plan could help: a call was refused that could be put another way."""
    return any(entry.get("code") in MENDABLE for entry in found.values())


def _call(state: Any, step: Step, found: dict[str, Any]) -> Any:
    known = values(found)
    arguments = {name: source.resolve(known) for name, source in step.arguments.items()}
    return {"type": "tool_call", "id": call_id(state, step), "name": step.tool, "args": arguments}


def planned(plan: Plan, step: Step, found: dict[str, Any], state: Any, contracts: Contracts) -> Origin:
    """Tell who chose the arguments of a planned call: the plan, or a field of a result."""
    contract = contracts(step.tool)
    if contract is None or not tainted(state):
        return Origin(plan="on", step=step.id)
    known = values(found)
    brought = {id: [value] for id, value in known.items()}
    proof = evidence(state["messages"], contracts)
    envelope = Envelope(plan=plan, contracts=contracts, evidence=proof, results=brought)
    return envelope.foreseen(step, {name: source.resolve(known) for name, source in step.arguments.items()})


def _parsed(content: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
