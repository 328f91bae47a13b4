"""Lay a prompt out: what never changes first, the conversation next, what is new last."""

from langchain_core.messages import AnyMessage, SystemMessage

from interlock.nodes.recall import fenced
from interlock.nodes.state import this_turn


def prompt(system: str, messages: list[AnyMessage], recalled: list[str]) -> list[AnyMessage]:
    """Make the messages for a model: the system text, the history, what is remembered, and this turn."""
    turn = this_turn(messages)
    history = messages[: len(messages) - len(turn)]
    return [SystemMessage(system), *history, *fenced(recalled), *turn]
