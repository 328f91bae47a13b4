"""Ask a tool after a crash whether a call took effect, where it can tell."""

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from interlock.runtime.records import ToolContext
from interlock.tools.places import Place
from interlock.tools.threads import in_thread


@dataclass(frozen=True)
class Happened:
    """What a `status` function returns where the call took effect; None means that it did not."""

    result: Any = None
    """What the tool returned, or would have returned, then."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """A function that tells whether a call took effect. Raises where it cannot tell."""

    function: Callable[..., Any]
    takes: tuple[str, ...]
    """The tool's arguments that it wants to know."""
    context: str
    """The parameter that takes the ToolContext; empty where there is none."""

    async def ask(self, values: dict[str, Any], context: ToolContext, limit_s: float) -> Happened | None:
        """Ask once.

        Raises:
            TypeError: it returned neither `Happened` nor None.
            Exception: whatever it raises, and TimeoutError.
        """
        keywords = {name: values[name] for name in self.takes}
        if self.context:
            keywords[self.context] = context
        call = partial(self.function, **keywords)
        async with asyncio.timeout(limit_s):
            found = call() if inspect.iscoroutinefunction(self.function) else await in_thread(call)
            found = await found if inspect.isawaitable(found) else found
        if found is not None and not isinstance(found, Happened):
            raise TypeError(f"status returned {type(found).__name__}, not Happened or None")
        return found


def status_of(function: Callable[..., Any], arguments: list[str], place: Place) -> Status:
    """Read which of the tool's arguments a status function wants.

    Raises:
        ContractBroken: it wants something that the tool does not take.
    """
    takes: list[str] = []
    context = ""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.annotation in (ToolContext, "ToolContext"):
            context = name
        elif name in arguments:
            takes.append(name)
        elif parameter.default is inspect.Parameter.empty:
            raise place.broken(
                f"its status function wants {name!r}, which the tool does not take",
                f"name some of {', '.join(arguments)}, or annotate it with ToolContext",
            )
    return Status(function=function, takes=tuple(takes), context=context)
