"""Take out of the memory what is not to be kept."""

from typing import Any, TypedDict

from langgraph.runtime import Runtime

from interlock.runtime.ports import Deps


class Writes(TypedDict):
    pass


async def prune(state: Any, runtime: Runtime[Deps]) -> Writes:
    """Let the prune policy do its work, as a step of a graph of one's own."""
    if runtime.context.memory is not None:
        await runtime.context.memory.prune(at=f"prune.{state['steps']}")
    return {}
