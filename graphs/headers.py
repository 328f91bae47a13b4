"""What a run's header says."""

from collections.abc import Mapping
from typing import Any

from langgraph.runtime import Runtime

from interlock.graphs.positions import Spot, path_here, step_here
from interlock.runtime.errors import BadInput
from interlock.runtime.gate.run import RunHeader
from interlock.runtime.home import Home
from interlock.runtime.records import Caller

HEADER = 1
"""Version of the run header in checkpoints."""
LONE = "lone-"
"""How the thread of a run begins that was given none."""


def new_header(
    home: Home,
    caller: Caller,
    state: Mapping[str, Any],
    runtime: Runtime[Any],
    *,
    agent: str,
    manifest: str,
    around: Spot | None,
) -> RunHeader:
    """Make the header of a run that begins.

    Args:
        around: the task of another run in which it begins.
    """
    before: Mapping[str, Any] = state.get("run") or {}
    thread = _thread(runtime, around) or f"{LONE}{home.clock.new_id()}"
    return RunHeader(
        v=HEADER,
        id=home.clock.new_id(),
        thread=thread,
        turn=int(before.get("turn", 0)) + 1,
        user=caller.user,
        tenant=caller.tenant,
        roles=list(caller.roles),
        agent=agent,
        manifest=manifest,
        path=new_path(home, runtime, around),
        step=step_here(),
    )


def new_path(home: Home, runtime: Runtime[Any], around: Spot | None) -> str:
    """Name where the graph of a run that begins stands in the graphs around it."""
    before = home.outside.path_around if home.outside and not around else ""
    return before + path_here(around, _thread(runtime, around))


def _thread(runtime: Runtime[Any], around: Spot | None) -> str:
    """Name the thread of a run that begins; empty where it has none."""
    info = runtime.execution_info
    return (info.thread_id if info else None) or (around.run.scope.thread if around else "")


def leased(header: RunHeader) -> str:
    """Name what a run holds the lease of: its thread, or its own place in it where another run holds that."""
    return header["thread"] + (f"#{header['path']}" if header["path"] else "")


def check_person(caller: Caller, context: Any) -> None:
    """Let a run be gone on with for the same person only.

    Raises:
        BadInput: it was started for another one.
    """
    given = Caller.of(context)
    if context is not None and (given.user, given.tenant) != (caller.user, caller.tenant):
        raise BadInput(
            what=f"the run acts for user {caller.user!r} of {caller.tenant!r}, not {given.user!r} of {given.tenant!r}",
            where="context=",
            fix="resume it for the same user, or start a new thread",
        )
