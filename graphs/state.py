"""The state that our graphs keep: plain data, versioned by the run header, checked when a graph is compiled."""

from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, RemoveMessage, convert_to_messages
from langgraph.channels import DeltaChannel
from langgraph.graph.message import REMOVE_ALL_MESSAGES

from interlock.runtime.gate.run import RunHeader
from interlock.runtime.records import Label

SNAPSHOT_EVERY = 5000
"""Updates between full copies of the messages. A thread is read back from its updates; this bounds only the reading."""


def append(messages: list[AnyMessage], batches: Sequence[Any]) -> list[AnyMessage]:
    """Add batches of messages to the thread. Accepts what langchain does: messages, (role, text), dicts, a single one.

    A `RemoveMessage` takes out the message of that id. Deterministic and batching-invariant, as DeltaChannel asks.
    """
    for batch in batches:
        new = convert_to_messages(batch if isinstance(batch, list) else [batch])  # pyright: ignore[reportUnknownArgumentType]
        for message in new:
            if isinstance(message, RemoveMessage):
                _remove(messages, message)
            else:
                messages.append(message)  # type: ignore[arg-type]  # BaseMessage here is always one of AnyMessage
    return messages


def _remove(messages: list[AnyMessage], removal: BaseMessage) -> None:
    everything = removal.id == REMOVE_ALL_MESSAGES
    messages[:] = [] if everything else [message for message in messages if message.id != removal.id]


def joined(label: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Join two labels; a thread's label never gets better."""
    if not label or label == other:
        return other
    return Label.model_validate(label).join(Label.model_validate(other)).model_dump(mode="json")


class ThreadInput(TypedDict):
    """What a graph takes."""

    messages: Annotated[list[AnyMessage], DeltaChannel(append, snapshot_frequency=SNAPSHOT_EVERY)]


class ThreadState(ThreadInput):
    """What every graph keeps of a thread."""

    run: RunHeader
    label: Annotated[dict[str, Any], joined]
    steps: int
    recalled: list[str]
    draft: AIMessage | None


class PlanState(ThreadState):
    """What `plan_execute` keeps beside that."""

    plan: dict[str, Any]
    progress: dict[str, Any]
    replans: int
