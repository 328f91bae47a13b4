"""Answer from what the steps brought."""

from typing import Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime

from interlock.nodes.plan import results_block
from interlock.nodes.prompt import prompt
from interlock.runtime.ports import Deps


class Reads(TypedDict):
    messages: list[AnyMessage]
    recalled: list[str]
    progress: dict[str, Any]
    steps: int


class Writes(TypedDict):
    draft: AIMessage
    steps: int


async def respond(state: Reads, runtime: Runtime[Deps]) -> Writes:
    """Ask the model for the answer; no tool is offered, so nothing more can happen."""
    deps, step = runtime.context, state["steps"] + 1
    messages = prompt(deps.prompts.text("respond"), state["messages"], state["recalled"])
    reply = await deps.model.ask([*messages, results_block(state["progress"])], at=f"respond.{step}")
    return {"draft": reply, "steps": step}
