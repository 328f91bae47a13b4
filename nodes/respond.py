"""Answer from what the steps brought."""

from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AnyMessage
from langgraph.runtime import Runtime
from langgraph.types import Command

from interlock.nodes.asking import ask
from interlock.nodes.plan import results_block
from interlock.nodes.prompt import prompt
from interlock.nodes.think import sends
from interlock.nodes.tracing import origins
from interlock.runtime.ports import Deps


class Reads(TypedDict):
    messages: list[AnyMessage]
    recalled: list[str]
    progress: dict[str, Any]
    steps: int
    summary: NotRequired[dict[str, Any]]

    plan: dict[str, Any]
    label: dict[str, Any]
    run: dict[str, Any]


async def respond(state: Reads, runtime: Runtime[Deps], *, then: str = "finish") -> Command[str]:
    """Ask the model for the answer. No tool is offered; a call that it makes all the same is one that no plan foresees.

    Args:
        then: the node that takes the answer.
    """
    deps, step = runtime.context, state["steps"] + 1
    messages = prompt(deps.prompts.text("respond"), state["messages"], state["recalled"], state.get("summary"))
    reply = await ask(deps.model, [*messages, results_block(state["progress"])], at=f"respond.{step}")
    if not reply.tool_calls:
        return Command(goto=then, update={"draft": reply, "steps": step})
    traced = origins(reply.tool_calls, state, deps.tools.contract)
    return Command(goto=sends(reply, state, step, traced), update={"messages": [reply], "steps": step})
