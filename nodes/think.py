"""One round of a tool loop: the model calls tools, or answers."""

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, Send

from interlock.nodes.asking import ask
from interlock.nodes.loops import going_in_circles, told
from interlock.nodes.prompt import prompt
from interlock.nodes.state import Asked
from interlock.nodes.tracing import origins
from interlock.runtime.ports import Deps
from interlock.runtime.records import Origin


class Reads(TypedDict):
    messages: list[AnyMessage]
    recalled: list[str]
    label: dict[str, Any]
    run: dict[str, Any]
    steps: int
    summary: NotRequired[dict[str, Any]]


async def think(state: Reads, runtime: Runtime[Deps], *, then: str = "finish") -> Command[str]:
    """Ask the model what to do next; each call it makes becomes a task of its own.

    Args:
        then: the node that takes the answer.
    """
    deps, step = runtime.context, state["steps"] + 1
    messages = prompt(deps.prompts.text("system"), state["messages"], state["recalled"], state.get("summary"))
    reply = await ask(deps.model, messages, at=f"think.{step}", tools=True)
    if not reply.tool_calls:
        return Command(goto=then, update={"draft": reply, "steps": step})
    if circles := going_in_circles(reply.tool_calls, state["messages"], deps.tools.contract):
        facts = {"tools": [circle.tool for circle in circles], "repeats": [circle.repeats for circle in circles]}
        await deps.notebook.note("loop", f"think.{step}.loop", facts)
        return Command(goto="think", update={"messages": [reply, *told(reply.tool_calls, circles)], "steps": step})
    traced = origins(reply.tool_calls, state, deps.tools.contract)
    return Command(goto=sends(reply, state, step, traced), update={"messages": [reply], "steps": step})


def sends(reply: AIMessage, state: Any, step: int, traced: Sequence[Origin | None]) -> list[Send]:
    """Give every call of a message its own task, so that one that waits or fails does not repeat the others."""
    found: list[Send] = []
    for index, (call, origin) in enumerate(zip(reply.tool_calls, traced, strict=True)):
        asked = Asked(call=dict(call), label=state["label"], at=f"act.{step}.{index}")
        if origin is not None:
            asked["origin"] = origin.model_dump(mode="json", exclude_defaults=True)
        found.append(Send("act", asked | {"run": state["run"]}))
    return found
