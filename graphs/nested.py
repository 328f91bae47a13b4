"""A graph as a node of another: it answers what was said on the thread, and its answer is drafted."""

from typing import Any

from interlock.graphs.governed import Node


def as_node(graph: Any) -> Node:
    """Make a node of a graph. What it uses comes out of both budgets, and what it read labels what is said."""

    async def run(state: Any, runtime: Any) -> dict[str, Any]:
        final = await graph.ainvoke({"messages": state["messages"]})
        said = {"draft": final["messages"][-1]}
        return said | ({"label": final["label"]} if final.get("label") else {})

    return run
