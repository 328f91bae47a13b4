"""Offer to the memory what the user said about themselves, and what rules read from this turn."""

from collections.abc import Sequence
from typing import Any, TypedDict

from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, Send
from pydantic import BaseModel, Field, ValidationError

from interlock.nodes.noticing import by_rules
from interlock.nodes.state import last_said, this_turn
from interlock.runtime.memories import FactRule, Kind, Note, Sensitivity, Slot
from interlock.runtime.ports import Deps

APPROVING = "approve_memory"
"""The node that waits until people have agreed."""


class Noticed(BaseModel, frozen=True):
    """One thing worth remembering, in the user's own words."""

    text: str
    kind: Kind = "fact"
    subject: str = Field(default="", description="whom it is about, such as `user`")
    attribute: str = Field(default="", description="what of them it tells, such as `contact channel`; empty if none")
    many: bool = Field(default=False, description="whether several can be true at a time, as with allergies")
    sensitivity: Sensitivity = Field(default="normal", description="`personal` for health, belief, family and the like")
    confidence: float = Field(default=1.0, ge=0, le=1, description="how sure it is that this was stated")

    def note(self) -> Note:
        """Make what is offered to the memory."""
        named = self.subject.strip() and self.attribute.strip()
        return Note(
            text=self.text,
            kind=self.kind,
            slot=Slot(subject=self.subject, attribute=self.attribute, many=self.many) if named else None,
            sensitivity=self.sensitivity,
            confidence=self.confidence,
        )


class Memories(BaseModel, frozen=True):
    """Facts and preferences that the user has stated in the last message. None if there are none."""

    notes: list[Noticed] = []


class Reads(TypedDict):
    messages: list[AnyMessage]
    run: dict[str, Any]


async def remember(
    state: Reads, runtime: Runtime[Deps], *, rules: Sequence[FactRule] = (), then: str = "finish"
) -> Command[str]:
    """Extract what was stated, from the user's own message only, and offer each to the memory.

    Args:
        rules: read facts beside that, also from tools' results.
        then: the node that goes on. Notes that people must agree to are waited for before it.
    """
    deps, turn = runtime.context, this_turn(state["messages"])
    if deps.memory is None or not last_said(state["messages"]):
        return Command(goto=then)
    waiting: list[Send] = []
    notes = [*by_rules(rules, turn, deps.tools.contract), *await _extracted(deps, turn)]
    for index, note in enumerate(notes):
        made = await deps.memory.remember(note, at=f"remember.{index}")
        if made.waiting is not None:
            offered = {"note": note.model_dump(mode="json"), "at": f"remember.{index}", "run": state["run"]}
            waiting.append(Send(APPROVING, offered))
    return Command(goto=waiting or then)


async def _extracted(deps: Deps, turn: Sequence[AnyMessage]) -> list[Note]:
    prompt = [SystemMessage(deps.prompts.text("remember")), *turn[:1]]
    reply = await deps.model.ask(prompt, at="remember", schema=Memories)
    return [noticed.note() for noticed in _read(reply.tool_calls)]


def _read(calls: Any) -> list[Noticed]:
    try:
        return [note for call in calls for note in Memories.model_validate(call["args"]).notes]
    except ValidationError:
        return []  # a model that breaks the shape has noticed nothing that could be trusted
