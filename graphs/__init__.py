"""Patterns: `tool_loop` and `plan_execute`. Each takes an agent and returns a compiled LangGraph graph."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock.graphs.agent import Agent
    from interlock.graphs.patterns import assembly_of, plan_execute, tool_loop

__all__ = ["Agent", "assembly_of", "plan_execute", "tool_loop"]


def __getattr__(name: str) -> object:
    if name == "Agent":
        from interlock.graphs.agent import Agent

        return Agent
    if name in __all__:
        from interlock.graphs import patterns

        return getattr(patterns, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
