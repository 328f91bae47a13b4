"""Lay a prompt out: what never changes first, the conversation next, what is new last."""

from typing import Any

from langchain_core.messages import AnyMessage, SystemMessage

from interlock.nodes.condensing import condensed, standing
from interlock.nodes.recall import fenced
from interlock.nodes.state import this_turn


def prompt(system: str, messages: list[AnyMessage], recalled: list[str], summary: Any = None) -> list[AnyMessage]:
    """Make the messages for a model: the system text, the history, what is remembered, and this turn.

    Args:
        summary: the thread's running summary, which takes the place of the messages that it stands for.
    """
    turn = this_turn(messages)
    history = condensed(standing(summary, messages), messages)
    return [SystemMessage(system), *history[: len(history) - len(turn)], *fenced(recalled), *turn]
