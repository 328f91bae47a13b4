"""The state that our graphs keep: plain data, versioned by the run header, checked when a graph is compiled."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

import orjson
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, RemoveMessage, convert_to_messages
from langgraph.channels import DeltaChannel
from langgraph.graph.message import REMOVE_ALL_MESSAGES

from interlock.runtime.errors import StateBroken
from interlock.runtime.gate.run import RunHeader
from interlock.runtime.records import Label

SNAPSHOT_EVERY = 5000
"""Updates between full copies of the messages. A thread is read back from its updates; this bounds only the reading."""


def append(messages: list[AnyMessage], batches: Sequence[Any]) -> list[AnyMessage]:
    """Add batches of messages to the thread. Accepts what langchain does: messages, (role, text), dicts, a single one.

    A `RemoveMessage` takes out the message of that id. Deterministic and batching-invariant, as DeltaChannel asks.
    """
    for batch in batches:
        given: list[Any] = batch if isinstance(batch, list) else [batch]  # pyright: ignore[reportUnknownVariableType]
        plain = all(isinstance(message, BaseMessage) for message in given)  # as nodes write them
        for message in given if plain else convert_to_messages(given):
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
    doubted: list[str]
    """Those of the recalled texts that nobody vouches for."""
    draft: AIMessage | None
    summary: dict[str, Any] | None
    """What the older messages come to, where the agent has a `short_term`; see `nodes.condensing.Summary`."""


class PlanState(ThreadState):
    """What `plan_execute` keeps beside that."""

    plan: dict[str, Any]
    progress: dict[str, Any]
    replans: int


_PLAIN = (str, int, float, bool, NoneType, Any)
_CONTAINERS = (list, tuple, dict, Union, UnionType, Literal)


def check_state(state: type[Any]) -> None:
    """Refuse channels that a checkpoint cannot keep, before anything runs.

    LangGraph notices only after the node after next, when the effects have happened.

    Raises:
        StateBroken: naming the channel.
    """
    for name, kind in get_type_hints(state).items():
        if (foreign := _foreign(kind)) is not None:
            raise StateBroken(
                what=f"channel {name!r} holds {getattr(foreign, '__name__', foreign)}",
                where=state.__name__,
                fix="keep plain data in the state: text, numbers, lists, dicts, TypedDicts and messages",
            )


def _foreign(kind: Any) -> Any:
    """Find the first type inside a type that is not plain data; None where there is none."""
    made: type | None = kind if isinstance(kind, type) else None
    if kind in _PLAIN or (made is not None and issubclass(made, BaseMessage)):
        return None
    if is_typeddict(kind):
        return next((found for part in get_type_hints(kind).values() if (found := _foreign(part)) is not None), None)
    origin: Any = get_origin(kind)
    if origin is Annotated:
        return _foreign(get_args(kind)[0])
    if origin is Literal or kind in (list, dict):
        return None
    if origin in _CONTAINERS:
        parts = (part for part in get_args(kind) if part is not Ellipsis)
        return next((found for part in parts if (found := _foreign(part)) is not None), None)
    return kind


def new_messages(messages: list[Any]) -> list[Any]:
    """Give the messages that came in with this run: those after the last one that a run had left."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].type in ("ai", "tool"):
            return messages[index + 1 :]
    return messages


def state_before(state: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the thread's state holds beside its messages and its run, as far as it is plain data."""
    found: dict[str, Any] = {}
    for name in state.keys() - {"messages", "run"}:
        if state[name]:
            with suppress(TypeError):
                found[name] = orjson.loads(orjson.dumps(state[name]))
    return dict(sorted(found.items()))
