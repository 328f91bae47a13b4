"""Wait until people have agreed that something is remembered, or have not."""

from typing import Any, TypedDict

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from interlock.runtime.memories import Note
from interlock.runtime.ports import Deps


class Offered(TypedDict):
    """One note on its way to the memory."""

    note: dict[str, Any]
    at: str


class Writes(TypedDict):
    pass


async def approve(state: Offered, runtime: Runtime[Deps]) -> Writes:
    """Offer the note until it has its answer. The approval lies with the gate; `interrupt` only wakes the run."""
    memory, note = runtime.context.memory, Note.model_validate(state["note"])
    if memory is None:
        return {}
    made = await memory.remember(note, at=state["at"])
    while made.waiting is not None:
        interrupt(made.waiting)
        made = await memory.remember(note, at=state["at"])
    return {}
