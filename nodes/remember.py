"""Offer to the memory what the user said about themselves."""

from typing import Any, TypedDict

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.runtime import Runtime
from pydantic import BaseModel, Field, ValidationError

from interlock.nodes.state import last_said, this_turn
from interlock.runtime.memories import Kind, Note, Slot
from interlock.runtime.ports import Deps


class Noticed(BaseModel, frozen=True):
    """One thing worth remembering, in the user's own words."""

    text: str
    kind: Kind = "fact"
    subject: str = Field(default="", description="whom it is about, such as `user`")
    attribute: str = Field(default="", description="what of them it tells, such as `preferred channel`; empty if none")


class Memories(BaseModel, frozen=True):
    """Facts and preferences that the user has stated in the last message. None if there are none."""

    notes: list[Noticed] = []


class Reads(TypedDict):
    messages: list[AnyMessage]


class Writes(TypedDict):
    pass


async def remember(state: Reads, runtime: Runtime[Deps]) -> Writes:
    """Extract what was stated, from the user's own message only, and offer each to the memory."""
    deps = runtime.context
    if deps.memory is None or not last_said(state["messages"]):
        return {}
    request = this_turn(state["messages"])[:1]
    reply = await deps.model.ask(
        [SystemMessage(deps.prompts.text("remember")), *request], at="remember", schema=Memories
    )
    for index, noticed in enumerate(_read(reply.tool_calls)):
        slot = Slot(subject=noticed.subject, attribute=noticed.attribute) if noticed.attribute else None
        await deps.memory.remember(Note(text=noticed.text, kind=noticed.kind, slot=slot), at=f"remember.{index}")
    return {}


def _read(calls: Any) -> list[Noticed]:
    try:
        return [note for call in calls for note in Memories.model_validate(call["args"]).notes]
    except ValidationError:
        return []  # a model that breaks the shape has noticed nothing that could be trusted
