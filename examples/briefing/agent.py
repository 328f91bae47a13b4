"""A morning briefing: two look-ups side by side, wired by hand, each through the gate."""

import operator
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.graph import END, START
from langgraph.runtime import Runtime

from interlock import Agent, Label
from interlock.graphs import ThreadState, Workflow
from interlock.runtime.ports import Deps
from interlock.runtime.records import ToolCall

from .tools import appointments, open_tasks

agent = Agent(name="briefing", tools=[appointments, open_tasks])


class Briefing(ThreadState):
    """What the two look-ups found, whichever came first."""

    lines: Annotated[list[str], operator.add]


async def look_up(tool: str, runtime: Runtime[Deps]) -> list[Any]:
    """Call a tool; a refusal is an answer like any other, so nothing is lost where one look-up fails."""
    outcome = await runtime.context.tools.call(ToolCall(id=tool, tool=tool), at=tool, label=Label())
    return outcome.value if outcome.ok else [{"title": outcome.content, "at": "", "due": ""}]


async def calendar(_state: Briefing, runtime: Runtime[Deps]) -> dict[str, Any]:
    """Look at the day's appointments."""
    return {"lines": [f"{found['at']} {found['title']}" for found in await look_up("appointments", runtime)]}


async def tasks(_state: Briefing, runtime: Runtime[Deps]) -> dict[str, Any]:
    """Look at what is still to be done."""
    return {"lines": [f"by {found['due']}: {found['title']}" for found in await look_up("open_tasks", runtime)]}


async def tell(state: Briefing, _runtime: Runtime[Deps]) -> dict[str, Any]:
    """Put both together."""
    return {"draft": AIMessage("\n".join(sorted(state["lines"])))}


flow = Workflow(agent, Briefing, name="briefing")
for name, node in (("calendar", calendar), ("tasks", tasks), ("tell", tell)):
    flow.add_node(name, node)
for before, after in ((START, "calendar"), (START, "tasks"), ("calendar", "tell"), ("tasks", "tell"), ("tell", END)):
    flow.add_edge(before, after)

graph = flow.compile()
