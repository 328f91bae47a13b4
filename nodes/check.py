"""Judge what the steps brought, and send the next ones off; or replan; or stop with a reason."""

from typing import Any, Literal, TypedDict

import orjson
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import Command

from interlock.nodes.state import this_turn
from interlock.nodes.think import sends
from interlock.nodes.tracing import Contracts, evidence, tainted
from interlock.runtime.labels import field_label, without_positions
from interlock.runtime.plan import Plan, Step
from interlock.runtime.ports import Deps
from interlock.runtime.records import Choice, Origin

MOST_REPLANS = 2

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
    progress = judged(plan, state)
    for id in (id for id in progress if id not in state["progress"]):
        await runtime.context.notebook.note("check", f"check.{state['steps']}.{id}", {"step": id, **progress[id]})
    if _retryable(progress) and state["replans"] < MOST_REPLANS:
        return Command(goto="plan", update={"progress": progress, "replans": state["replans"] + 1})
    ready = [] if _failed(progress) else _ready(plan, progress)
    if not ready:
        return Command(goto="respond", update={"progress": progress})
    asked = AIMessage("", tool_calls=[_call(state, step, progress) for step in ready])
    traced = [planned(step, progress, state, runtime.context.tools.contract) for step in ready]
    return Command(goto=sends(asked, state, state["steps"], traced), update={"progress": progress, "messages": [asked]})


def judged(plan: Plan, state: Reads) -> dict[str, Any]:
    """Add to the progress what became of the steps: done, failed by its criteria, or skipped by its conditions."""
    progress = dict(state["progress"])
    answers = {m.tool_call_id: m for m in this_turn(state["messages"]) if isinstance(m, ToolMessage)}
    for step in plan.steps:
        if step.id in progress:
            continue
        if (answer := answers.get(call_id(state, step))) is not None:
            progress[step.id] = _judge(step, answer, values(progress))
        elif (why := _skipped(step, progress)) is not None:
            progress[step.id] = _entry(step, "skipped", because=why)
    return progress


def values(progress: dict[str, Any]) -> dict[str, Any]:
    """Give the results of the steps that are done."""
    return {id: entry["value"] for id, entry in progress.items() if entry["status"] == "done"}


def call_id(state: Any, step: Step) -> str:
    """Name the tool call of a step: the same after a crash, another in every turn and plan."""
    return f"t{state['run']['turn']}p{state['replans']}-{step.id}"


def _entry(step: Step, status: Status, **more: Any) -> dict[str, Any]:
    return {"goal": step.goal, "tool": step.tool, "status": status, **more}


def _judge(step: Step, answer: ToolMessage, results: dict[str, Any]) -> dict[str, Any]:
    if answer.status == "error":
        return _entry(step, "failed", error=str(answer.text), judged="the call did not succeed")
    value = _parsed(str(answer.text))
    missed = [str(test) for test in step.done_when if not test.holds({**results, step.id: value})]
    if missed:
        return _entry(step, "failed", value=value, judged=f"not fulfilled: {'; '.join(missed)}")
    return _entry(step, "done", value=value)


def _skipped(step: Step, progress: dict[str, Any]) -> str | None:
    """Say why a step is not to be done; None where it is, or where that is not known yet."""
    for needed in sorted(step.needs()):
        if needed in progress and progress[needed]["status"] != "done":
            return f"{needed} was {progress[needed]['status']}"
    known = values(progress)
    if not step.needs() <= known.keys():
        return None
    unmet = [str(test) for test in step.when if not test.holds(known)]
    return f"the condition does not hold: {'; '.join(unmet)}" if unmet else None


def _ready(plan: Plan, progress: dict[str, Any]) -> list[Step]:
    known = values(progress)
    return [step for step in plan.steps if step.id not in progress and step.needs() <= known.keys()]


def _failed(progress: dict[str, Any]) -> bool:
    return any(entry["status"] == "failed" for entry in progress.values())


def _retryable(progress: dict[str, Any]) -> bool:
    """Tell whether a new plan could help: a criterion was missed, or a call could be put another way."""
    return any("was not called" in entry.get("error", "") for entry in progress.values())


def _call(state: Any, step: Step, progress: dict[str, Any]) -> Any:
    known = values(progress)
    arguments = {name: source.resolve(known) for name, source in step.arguments.items()}
    return {"type": "tool_call", "id": call_id(state, step), "name": step.tool, "args": arguments}


def planned(step: Step, progress: dict[str, Any], state: Any, contracts: Contracts) -> Origin:
    """Tell who chose the arguments of a planned call: the plan, or a field of a result."""
    contract = contracts(step.tool)
    if contract is None or not tainted(state):
        return Origin(plan="on", step=step.id)
    proof, known = evidence(state["messages"], contracts), values(progress)
    choices: dict[str, Choice] = {}
    arguments = {name: source.resolve(known) for name, source in step.arguments.items()}
    for name in contract.choosing & arguments.keys():
        source = step.arguments[name]
        giver = contracts(progress[source.step]["tool"]) if source.refers else None
        vouched = giver is None or field_label(giver, without_positions(source.field)).integrity == "trusted"
        choices[name] = "said" if vouched else proof.chosen(arguments[name])
    carries = contract.open_world and proof.carries(arguments)
    return Origin(plan="on", step=step.id, choices=choices, carries=carries)


def _parsed(content: str) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
