"""Notice a model that goes in circles: the same call, again and again, with the same result."""

from collections import Counter
from typing import Any

import orjson
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from interlock.nodes.state import this_turn

MOST_REPEATS = 3
"""How often one call may bring one and the same result in a turn."""


def going_in_circles(calls: list[Any], messages: list[AnyMessage]) -> list[str]:
    """Name the tools among the calls that have brought the same result too often; a result that changes is no loop."""
    if len(messages) < 2 * MOST_REPEATS:
        return []
    turn = this_turn(messages)
    asked = {call["id"]: _key(call) for m in turn if isinstance(m, AIMessage) for call in m.tool_calls}
    brought = Counter(
        (asked[m.tool_call_id], str(m.content)) for m in turn if isinstance(m, ToolMessage) and m.tool_call_id in asked
    )
    often = {key for (key, _result), times in brought.items() if times >= MOST_REPEATS}
    return [call["name"] for call in calls if _key(call) in often]


def told(calls: list[Any]) -> list[ToolMessage]:
    """Answer calls that were not made because they go in circles."""
    what = f"Not called again: it brought the same result {MOST_REPEATS} times. Use that, do something else, or answer."
    return [ToolMessage(what, tool_call_id=call["id"] or "", name=call["name"], status="error") for call in calls]


def _key(call: Any) -> bytes:
    return orjson.dumps([call["name"], call["args"]], option=orjson.OPT_SORT_KEYS)
