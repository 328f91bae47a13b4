"""One call of a graph, and the runs that it entered: none of them holds its thread once the call is over.

A run ends in its nodes. A call may be over between two of them: whoever listened went away, steps ran out, the caller
wanted a pause, or no edge led on.
"""

from asyncio import CancelledError
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from interlock.runtime.errors import InterlockError
from interlock.runtime.journal.events import RunEnded

if TYPE_CHECKING:
    from interlock.graphs.runs import Entered

    Abandon = Callable[[Entered, RunEnded], None]

CALL = "__interlock_call"
"""The call of a graph, in the config of its tasks."""
UNFINISHED = "unfinished"
"""Code of a run whose graph came to rest between two nodes."""


class GraphCall:
    """A call of a graph that is under way."""

    def __init__(self) -> None:
        self._entered: dict[str, tuple[Entered, Abandon]] = {}

    def enters(self, entered: "Entered", abandon: "Abandon") -> None:
        """Note a run whose node begins, and how it is left where no node ends it."""
        self._entered[entered.run.scope.run] = (entered, abandon)

    def over(self, error: BaseException | None) -> None:
        """Leave the runs that no node has ended."""
        for entered, abandon in self._entered.values():
            if entered.ended is None:
                abandon(entered, _end(error))


@contextmanager
def calling() -> Generator[GraphCall]:
    """Call a graph in this block."""
    call = GraphCall()
    try:
        yield call
    except BaseException as error:
        call.over(error)
        raise
    call.over(None)


def call_of(config: Mapping[str, Any]) -> GraphCall | None:
    """Find the call to which a task belongs."""
    found = config.get("configurable", {}).get(CALL)
    return found if isinstance(found, GraphCall) else None


def _end(error: BaseException | None) -> RunEnded:
    if error is None:
        return RunEnded(status="failed", code=UNFINISHED, reason="the graph came to rest before the run was done")
    if isinstance(error, GeneratorExit):
        return RunEnded(status="failed", code=CancelledError.__name__, reason="nobody listened any more")
    code = error.code if isinstance(error, InterlockError) else type(error).__name__
    return RunEnded(status="failed", code=code, reason=str(error))
