"""The parts of a run's state that nodes read and write. All of it is plain data that a checkpoint keeps."""

from typing import Any, NotRequired, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from interlock.runtime.records import Label, ToolCall


class Asked(TypedDict):
    """One tool call on its way to `act`."""

    call: dict[str, Any]
    label: dict[str, Any]
    at: str
    origin: NotRequired[dict[str, Any]]
    """What led to it, where that was traced."""


def as_call(call: Any) -> ToolCall:
    """Read a tool call as langchain writes it (id, name, args)."""
    return ToolCall(id=call["id"] or call["name"], tool=call["name"], arguments=call["args"])


def label_of(state: Any) -> Label:
    """Read the label of all that the run has seen so far."""
    return Label.model_validate(state.get("label") or {})


def this_turn(messages: list[AnyMessage]) -> list[AnyMessage]:
    """Give the messages since the user last spoke, that one included."""
    for index in range(len(messages) - 1, -1, -1):
        if isinstance(messages[index], HumanMessage):
            return messages[index:]
    return messages


def last_said(messages: list[AnyMessage]) -> str:
    """Give what the user said last."""
    turn = this_turn(messages)
    return text_of(turn[0]) if turn and isinstance(turn[0], HumanMessage) else ""


def text_of(message: AnyMessage) -> str:
    """Give a message's text, whatever blocks it is made of."""
    return str(message.text)


def unanswered(messages: list[AnyMessage]) -> list[Any]:
    """Name the tool calls of the last model message that no tool message answers."""
    answered: set[str] = set()
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            return [call for call in message.tool_calls if call["id"] not in answered]
        if found := getattr(message, "tool_call_id", None):
            answered.add(found)
    return []
