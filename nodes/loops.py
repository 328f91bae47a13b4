"""Notice a model that goes in circles: the same call, again and again, with the same result."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage

from interlock.nodes.state import this_turn
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import GoingInCircles

MOST_REPEATS = 3
"""How often one call may bring one and the same result in a turn, and how often a model is told that it did."""
_TOLD = f"Not called again: it brought the same result {MOST_REPEATS} times. Use that, do something else, or answer."
_BESIDE = "Not called: it was asked for beside a call that goes in circles. Ask for it by itself if it is needed."


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A call that has brought the same result too often. Other calls may have been made in between."""

    id: str
    tool: str
    repeats: int
    """How often it brought that result."""
    told: int
    """How often the model was told so, and asked for it again."""


def going_in_circles(
    calls: Sequence[Any], messages: list[AnyMessage], contract: Callable[[str], ToolContract | None]
) -> list[Circle]:
    """Find the calls that go in circles; a result that changes is no circle, nor is a tool that is there to be polled.

    Raises:
        GoingInCircles: the model has been told often enough.
    """
    if len(messages) < 2 * MOST_REPEATS:
        return []
    turn = this_turn(messages)
    asked = [call for message in turn if isinstance(message, AIMessage) for call in message.tool_calls]
    brought = {message.tool_call_id: str(message.content) for message in turn if isinstance(message, ToolMessage)}
    waited_for = {call["name"] for call in calls if (known := contract(call["name"])) is not None and known.polling}
    found = [_circle(call, asked, brought) for call in calls if call["name"] not in waited_for]
    circles = [circle for circle in found if circle.repeats >= MOST_REPEATS]
    for circle in circles:
        if circle.told >= MOST_REPEATS:
            raise GoingInCircles(tool=circle.tool, repeats=circle.repeats, told=circle.told)
    return circles


def told(calls: Sequence[Any], circles: Sequence[Circle]) -> list[ToolMessage]:
    """Answer calls that were not made, because one of them goes in circles."""
    round = {circle.id for circle in circles}
    return [
        ToolMessage(
            _TOLD if call["id"] in round else _BESIDE, tool_call_id=call["id"] or "", name=call["name"], status="error"
        )
        for call in calls
    ]


def _circle(call: Any, asked: list[Any], brought: dict[str, str]) -> Circle:
    alike = (it["id"] for it in asked if it["name"] == call["name"] and it["args"] == call["args"])
    results = Counter(brought[id] for id in alike if id in brought)
    times_told = results.pop(_TOLD, 0)
    return Circle(id=call["id"], tool=call["name"], repeats=max(results.values(), default=0), told=times_told)
