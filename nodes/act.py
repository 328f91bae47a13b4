"""Make one tool call, and wait for a person where one must be asked."""

from typing import Any, TypedDict

from langchain_core.messages import ToolMessage
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from interlock.nodes.state import Asked, as_call, label_of
from interlock.runtime.ports import Deps, ToolOutcome
from interlock.runtime.records import UNTRACED, Origin


class Writes(TypedDict):
    messages: list[ToolMessage]
    label: dict[str, Any]


async def act(state: Asked, runtime: Runtime[Deps]) -> Writes:
    """Make the call. The approval itself lies with the gate; what `interrupt` returns only wakes the run."""
    call = as_call(state["call"])
    tools = runtime.context.tools
    origin = Origin.model_validate(state["origin"]) if "origin" in state else UNTRACED
    outcome = await tools.call(call, at=state["at"], label=label_of(state), origin=origin)
    while outcome.waiting is not None:
        interrupt(outcome.waiting)
        outcome = await tools.call(call, at=state["at"], label=label_of(state), origin=origin)
    return {"messages": [_message(outcome)], "label": outcome.label.model_dump(mode="json")}


def _message(outcome: ToolOutcome) -> ToolMessage:
    return ToolMessage(
        outcome.content,
        tool_call_id=outcome.call.id,
        name=outcome.call.tool,
        status="success" if outcome.ok else "error",
        id=f"r-{outcome.call.id}",
        additional_kwargs={"code": outcome.code} if outcome.code else {},
    )
