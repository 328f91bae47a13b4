"""Break the request into steps, with explicit conditions and success criteria."""

from typing import Any, NotRequired, TypedDict

import orjson
from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.runtime import Runtime

from interlock.nodes.asking import ask_for
from interlock.nodes.begin import put_off
from interlock.nodes.condensing import trusted_summary
from interlock.nodes.prompt import prompt
from interlock.nodes.tracing import Contracts, tainted, trusted_only
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import OutputBroken
from interlock.runtime.labels import trusted_view
from interlock.runtime.plan import Plan
from interlock.runtime.ports import Deps


class Reads(TypedDict):
    messages: list[AnyMessage]
    recalled: list[str]
    doubted: list[str]
    plan: dict[str, Any]
    progress: dict[str, Any]
    steps: int
    replans: int
    summary: NotRequired[dict[str, Any]]


class Writes(TypedDict):
    plan: dict[str, Any]
    steps: int
    progress: dict[str, Any]


async def plan(state: Reads, runtime: Runtime[Deps]) -> Writes:
    """Ask the planner for a plan; on a replan, show it what came of the last one. It sees trusted text only."""
    deps, step = runtime.context, state["steps"] + 1
    spoken = trusted_only(state["messages"], deps.tools.contract) if tainted(state) else state["messages"]
    vouched = [text for text in state["recalled"] if text not in state["doubted"]]
    messages = prompt(_system(deps), spoken, vouched, trusted_summary(state.get("summary"), state["messages"]))
    if put_off(state["plan"]):
        messages.append(SystemMessage(f"<planned>\n{orjson.dumps(state['plan']).decode()}\n</planned>"))
    if state["progress"]:
        messages.append(results_block(_trusted(state["progress"], deps.tools.contract)))
    made = await _asked(deps, messages, step)
    await deps.tools.plan([planned.tool for planned in made.steps], at=f"plan.{step}")
    await deps.notebook.note("plan", f"plan.{step}", made.model_dump(mode="json"))
    return {"plan": made.model_dump(mode="json"), "steps": step, "progress": _kept(state["progress"])}


def _system(deps: Deps) -> str:
    tools = orjson.dumps(deps.tools.catalogue()).decode()
    return f"{deps.prompts.text('plan')}\n<tools>\n{tools}\n</tools>"


async def _asked(deps: Deps, messages: list[AnyMessage], step: int) -> Plan:
    try:
        return await ask_for(Plan, deps.model, messages, at=f"plan.{step}")
    except OutputBroken:
        return Plan(say="I could not make a plan for this request.")


def _trusted(progress: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
    """Show of each step what the system vouches for; untrusted text must not plan."""
    return {id: _vouched(entry, contracts(entry["tool"])) for id, entry in progress.items()}


def _vouched(entry: dict[str, Any], contract: ToolContract | None) -> dict[str, Any]:
    if contract is None or contract.plain:
        return entry
    shown = {**entry, "error": "[not shown]"} if "error" in entry else dict(entry)
    return {**shown, "value": trusted_view(contract, entry["value"])} if "value" in entry else shown


def _kept(progress: dict[str, Any]) -> dict[str, Any]:
    """Keep what was done; what failed or was never reached is for the new plan to take up."""
    return {id: entry for id, entry in progress.items() if entry["status"] == "done"}


def results_block(progress: dict[str, Any]) -> SystemMessage:
    """Show a model what came of the steps, marked as data."""
    return SystemMessage(f"<results>\n{orjson.dumps(progress).decode()}\n</results>")
