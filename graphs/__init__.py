"""Patterns, and graphs of one's own. Each takes an agent and gives a compiled LangGraph graph."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock.graphs.agent import Agent
    from interlock.graphs.patterns import assembly_of, plan_execute, tool_loop
    from interlock.graphs.state import PlanState, ThreadState
    from interlock.graphs.workflow import Workflow

__all__ = ["Agent", "PlanState", "ThreadState", "Workflow", "assembly_of", "plan_execute", "tool_loop"]

_HOMES = {"Agent": "agent", "PlanState": "state", "ThreadState": "state", "Workflow": "workflow"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"interlock.graphs.{_HOMES.get(name, 'patterns')}"), name)
