"""Notice a model that goes in circles: the same call, again and again, with the same result."""

from collections import Counter
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from interlock.nodes.state import this_turn

MOST_REPEATS = 3
"""How often one call may bring one and the same result in a turn."""


def going_in_circles(calls: list[Any], messages: list[AnyMessage]) -> list[str]:
    """Name the tools among the calls that have brought the same result too often; a result that changes is no loop."""
    if len(messages) < 2 * MOST_REPEATS:
        return []
    turn = this_turn(messages)
    asked = [call for message in turn if isinstance(message, AIMessage) for call in message.tool_calls]
    brought = {message.tool_call_id: str(message.content) for message in turn if isinstance(message, ToolMessage)}
    return [call["name"] for call in calls if _repeats(call, asked, brought) >= MOST_REPEATS]


def told(calls: list[Any]) -> list[ToolMessage]:
    """Answer calls that were not made because they go in circles."""
    what = f"Not called again: it brought the same result {MOST_REPEATS} times. Use that, do something else, or answer."
    return [ToolMessage(what, tool_call_id=call["id"] or "", name=call["name"], status="error") for call in calls]


def _repeats(call: Any, asked: list[Any], brought: dict[str, str]) -> int:
    """Count how often a call has brought the result that it brought most."""
    alike = (it["id"] for it in asked if it["name"] == call["name"] and it["args"] == call["args"])
    return max(Counter(brought[id] for id in alike if id in brought).values(), default=0)
