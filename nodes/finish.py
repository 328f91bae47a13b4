"""The last node of a run: let the reply out."""

from functools import partial
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.runtime import Runtime

from interlock.nodes.state import label_of, text_of
from interlock.nodes.tracing import given
from interlock.runtime.ports import Deps


class Reads(TypedDict):
    messages: list[AnyMessage]
    draft: AIMessage | None
    label: dict[str, Any]
    steps: int


class Writes(TypedDict):
    messages: list[AIMessage]
    draft: None


async def finish(state: Reads, runtime: Runtime[Deps]) -> Writes:
    """Pass the drafted reply through the door, and add it to the conversation as it was let out."""
    draft = state["draft"] or AIMessage("")
    said = await runtime.context.door.reply(
        text_of(draft), at="finish", label=label_of(state), given=partial(given, state["messages"])
    )
    return {
        "messages": [draft if said == text_of(draft) else draft.model_copy(update={"content": said})],
        "draft": None,
    }
