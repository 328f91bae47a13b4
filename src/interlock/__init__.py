"""Production-grade agent orchestration on LangGraph.

The public names are imported when they are first used, so that importing the package itself costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock.graphs.agent import Agent
    from interlock.runtime.errors import InterlockError
    from interlock.runtime.records import (
        Budget,
        Caller,
        Decision,
        Label,
        Limit,
        ShortTerm,
        ToolContext,
        Usage,
        WindDown,
    )
    from interlock.serving.session import Session
    from interlock.tools import tool
else:
    # Hidden from type checkers, which would take any name from a module that has a __getattr__.
    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'interlock' has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value


__all__ = [
    "Agent",
    "Budget",
    "Caller",
    "Decision",
    "InterlockError",
    "Label",
    "Limit",
    "Session",
    "ShortTerm",
    "ToolContext",
    "Usage",
    "WindDown",
    "tool",
]

_HOMES = {
    "Agent": "interlock.graphs.agent",
    "Budget": "interlock.runtime.records",
    "Caller": "interlock.runtime.records",
    "Decision": "interlock.runtime.records",
    "InterlockError": "interlock.runtime.errors",
    "Label": "interlock.runtime.records",
    "Limit": "interlock.runtime.records",
    "WindDown": "interlock.runtime.records",
    "Session": "interlock.serving.session",
    "ShortTerm": "interlock.runtime.records",
    "ToolContext": "interlock.runtime.records",
    "Usage": "interlock.runtime.records",
    "tool": "interlock.tools",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
