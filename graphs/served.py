"""An agent's tools for callers from outside, who bring a model of their own. Each call is a run."""

from typing import Final

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import ExecutionInfo, Runtime

from interlock.graphs.assembly import Assembly
from interlock.graphs.headers import HEADER
from interlock.graphs.runs import Entered
from interlock.runtime.errors import ArgumentsRefused, InterlockError
from interlock.runtime.gate import effects
from interlock.runtime.gate.backstop import passing
from interlock.runtime.gate.run import RunHeader
from interlock.runtime.gate.stops import RunStopped
from interlock.runtime.home import Home, using
from interlock.runtime.journal.events import RunEnded, RunResumed, RunStarted
from interlock.runtime.ports import ToolOutcome
from interlock.runtime.records import UNTRACED, Caller, Label, Origin, Status, ToolCall

THREADS = "served-"
"""How the threads of such calls begin."""
STRANGER: Final = Origin(choices={"": "known"}, why="a model outside chose it; what that has read is not known")
"""What led to a call of an untrusted caller: good for reading, and to be looked at by a person before an effect."""
_AT = "call"
"""Where in its run the call stands: every thread holds one call."""


class Served:
    """Makes calls for one caller, through the gate and on record (the `call` of ports.Toolbox).

    A call that waits for a person, or that a crash cut off, is gone on with when the same call comes again.
    """

    def __init__(self, assembly: Assembly, home: Home, caller: Caller) -> None:
        self._assembly, self._home, self._caller = assembly, home, caller
        self._at_work: set[str] = set()

    async def call(self, call: ToolCall, *, at: str, label: Label) -> ToolOutcome:
        """Make one call; where the house itself refuses, that is an outcome too."""
        with using(self._home):
            thread, run = self._unfinished(call) or (f"{THREADS}{self._home.clock.new_id()}", "")
            self._at_work.add(thread)
            try:
                return _told(await self._made(call, label, thread, run))
            except (InterlockError, RunStopped) as error:
                return ToolOutcome(call=call, ok=False, content=f"{error.code}: {error}")
            finally:
                self._at_work.discard(thread)

    async def _made(self, call: ToolCall, label: Label, thread: str, run: str) -> ToolOutcome:
        entered = self._entered(thread, run)
        entered.run.inside += 1
        try:
            with passing("governed"):
                origin = UNTRACED if label.integrity == "trusted" else STRANGER
                outcome = await entered.deps.tools.call(call, at=_AT, label=label, origin=origin)
            self._assembly.runs.require_lease(entered)
            entered.ended = RunEnded(status="done")
            if outcome.waiting is not None:
                entered.ended = RunEnded(status="waiting", approvals=[outcome.waiting["id"]])
            return outcome
        except BaseException as error:
            status: Status = "stopped" if isinstance(error, GraphBubbleUp) else "failed"
            entered.ended = RunEnded(
                status=status, code=getattr(error, "code", type(error).__name__), reason=str(error)
            )
            raise
        finally:
            entered.run.inside -= 1
            self._assembly.runs.leave(entered)

    def _entered(self, thread: str, run: str) -> Entered:
        place = ExecutionInfo(checkpoint_id="", checkpoint_ns="", task_id="", thread_id=thread)
        runtime = Runtime(context=self._caller, execution_info=place)
        if run:
            return self._assembly.runs.resume(self._header(thread, run), runtime)
        return self._assembly.runs.begin({"messages": []}, runtime)[0]

    def _header(self, thread: str, run: str) -> RunHeader:
        """Read back from the journal how the run was begun."""
        started = next(e.event for e in self._home.journal.of_run(run) if isinstance(e.event, RunStarted))
        return RunHeader(
            v=HEADER, id=run, thread=thread, turn=started.turn, user=started.caller.user, tenant=started.caller.tenant,
            roles=list(started.caller.roles), agent=started.agent, manifest=started.manifest, path="", step=0,
        )  # fmt: skip

    def _unfinished(self, call: ToolCall) -> tuple[str, str] | None:
        """Find the thread and run in which the same call waits, or was cut off."""
        tool = self._assembly.tools.get(call.tool)
        if tool is None:
            return None
        try:
            arguments = tool.check(call.arguments)
        except ArgumentsRefused:
            return None
        digest = effects.request_digest(tool.contract, arguments)
        with self._home.database.transaction() as tx:
            begun = effects.alike(tx, digest)
        asked = [
            (a.thread, a.run) for a in self._home.approvals.list(state=None)
            if a.tool == call.tool and a.arguments == arguments
        ]  # fmt: skip
        found = ((thread, run) for thread, run in (*begun, *asked) if self._goes_on(thread, run))
        return next(found, None)

    def _goes_on(self, thread: str, run: str) -> bool:
        """Tell whether a run is one of ours, for this caller, and not finished."""
        if not thread.startswith(THREADS) or thread in self._at_work:
            return False
        events = [entry.event for entry in self._home.journal.of_run(run)]
        started = next((event for event in events if isinstance(event, RunStarted)), None)
        if started is None or started.agent != self._assembly.agent.name:
            return False
        if (started.caller.user, started.caller.tenant) != (self._caller.user, self._caller.tenant):
            return False
        last = next(event for event in reversed(events) if isinstance(event, RunStarted | RunResumed | RunEnded))
        return not isinstance(last, RunEnded) or last.status == "waiting"


def _told(outcome: ToolOutcome) -> ToolOutcome:
    """Tell a caller that cannot be woken what the call waits for."""
    if outcome.waiting is None:
        return outcome
    asked = outcome.waiting
    told = (
        f"{outcome.call.tool} was not done: it waits for a person to answer approval {asked['id']} "
        f"({asked['reason']}). Once that is answered, make the same call again."
    )
    return ToolOutcome(call=outcome.call, ok=False, content=told, label=outcome.label, waiting=asked)
