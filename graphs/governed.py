"""Bind a node to runs: its run is entered before it and left after it, and its ports are its context."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langchain_core.messages import RemoveMessage
from langgraph._internal._constants import CONFIG_KEY_CHECKPOINTER
from langgraph._internal._runnable import RunnableCallable
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.runtime import Runtime

from interlock.graphs.calls import call_of
from interlock.graphs.runs import Entered, Runs, running
from interlock.graphs.winding import account, with_account
from interlock.nodes.remember import APPROVING
from interlock.runtime.errors import InterlockError
from interlock.runtime.gate.backstop import passing
from interlock.runtime.gate.run import RunHeader
from interlock.runtime.gate.stops import BudgetSpent, RunStopped
from interlock.runtime.home import current_home
from interlock.runtime.journal.events import RunEnded
from interlock.runtime.openings import opening_for
from interlock.runtime.records import Status
from interlock.runtime.time_limits import TimeLimit

_GRACE_S = 0.5
"""By which a call in a node is stopped before the node itself, so that it is put on record."""
_SLICE_S = 10.0
"""For how long a node of a run that shares its time reserves some of it."""
_ALL = RemoveMessage(REMOVE_ALL_MESSAGES)
Node = Callable[[Any, Runtime[Any]], Awaitable[Any]]


def governed(
    runs: Runs, node: Node, *, name: str, step: bool = False, first: bool = False, last: bool = False
) -> RunnableCallable:
    """Make a LangGraph node of ours. It runs in sync and async graphs alike.

    Args:
        step: whether each time that it runs counts as a step of the budget.
        first: whether it begins the run.
        last: whether it ends it.
    """

    async def run(kept: Any, runtime: Runtime[Any]) -> Any:
        await runs.turn(None if first else kept["run"], runtime)
        entered, header, state = _entered(runs, kept, runtime, first=first)
        entered.run.inside += 1
        if (call := call_of(get_config())) is not None:
            call.enters(entered, runs.abandon)
        try:
            if name in ("act", APPROVING):
                await asyncio.sleep(0)  # let the tasks of this step begin before one of them pauses the run
            if step:
                entered.run.purse.step()
            with passing("governed"), running(entered), opening_for(entered.run.openings):
                # A store that a graph around this one was compiled with is memory beside the gate.
                given = runtime.override(context=entered.ports_of(name), store=None)
                writes = await (_in_time(entered, partial(node, state, given)) if step else node(state, given))
            runs.require_lease(entered)
            if last:
                entered.ended = RunEnded(status="done")
            return writes if header is None else {**_written(writes, state, kept), "run": header}
        except BaseException as error:
            _note_end(entered, error, runtime)
            raise
        finally:
            entered.run.inside -= 1
            await account(entered)
            runs.leave(entered)

    return RunnableCallable(_in_own_loop(run), run, name=name, trace=False)


def _entered(runs: Runs, kept: Any, runtime: Runtime[Any], *, first: bool) -> tuple[Entered, RunHeader | None, Any]:
    """Begin a run, or go on with it; gives also the thread's state, with what was said last."""
    if not first:
        return runs.resume(kept["run"], runtime), None, kept
    state = with_account(current_home(), kept) if runs.winds_down else kept
    return (*runs.begin(state, runtime, can_wait=_is_kept()), state)


def _written(writes: Any, state: Any, kept: Any) -> Any:
    """Write what was put into the thread before the first node saw it."""
    if state is kept:
        return writes
    return {**writes, "messages": [_ALL, *state["messages"], *writes.get("messages", ())]}


async def _in_time(entered: Entered, node: Callable[[], Awaitable[Any]]) -> Any:
    """Run a node for no longer than its run may last. What it does through its ports is stopped there."""
    patience = _Patience(entered=entered)
    limit = TimeLimit(patience.left_s)
    try:
        async with limit:
            return await node()
    except TimeoutError as error:
        if limit.expired() and patience.spent is not None:
            raise patience.spent from error
        raise


@dataclass(kw_only=True)
class _Patience:
    """How long a node may still take, in slices: what is shared with other runs is reserved for each."""

    entered: Entered
    begun: bool = field(default=False, init=False)
    spent: BudgetSpent | None = field(default=None, init=False)
    """The limit that is reached."""

    def left_s(self) -> float:
        """Give the next slice; once nothing is left, time for calls in the node to be put on record.

        Raises:
            BudgetSpent: there is nothing left before the node begins.
        """
        if self.spent is not None:
            return 0.0
        run, now = self.entered.run, self.entered.home.clock.monotonic()
        try:
            shared = any(each.purse.shares_time for each in run.line)
            left = run.time_for(_SLICE_S, now) if shared else run.seconds_left(now)
        except BudgetSpent as spent:
            if not self.begun:
                raise
            self.spent, left = spent, _GRACE_S
        self.begun = True
        return left


def _is_kept() -> bool:
    """Tell whether a checkpointer keeps this run, so that it can wait for people."""
    return bool(get_config().get("configurable", {}).get(CONFIG_KEY_CHECKPOINTER))


def _note_end(entered: Entered, error: BaseException, runtime: Runtime[Any]) -> None:
    """Note how a run ended that an error or an interrupt has left; with several, the first failure counts."""
    if isinstance(error, RunStopped):
        error.run = entered.run.scope.run
    if not isinstance(error, GraphInterrupt):
        code = error.code if isinstance(error, InterlockError) else type(error).__name__
        status: Status = "stopped" if isinstance(error, RunStopped) else "failed"
        if entered.ended is None or entered.ended.status == "waiting":
            entered.ended = RunEnded(status=status, code=code, reason=str(error))
            entered.spent = error if isinstance(error, BudgetSpent) else None
        return
    asked = [id for item in error.args[0] if (id := entered.home.approvals.behind(item.value))]
    if entered.ended is None or entered.ended.status == "waiting":
        before = entered.ended.approvals if entered.ended else []
        entered.ended = RunEnded(status="waiting", approvals=sorted([*before, *asked]))
    if (info := runtime.execution_info) is not None:
        entered.step = info.checkpoint_id
        entered.waiting.add(info.task_id)


def _in_own_loop(run: Node) -> Callable[[Any, Runtime[Any]], Any]:
    """Make the blocking form of a node, for `graph.invoke`."""

    def blocking(state: Any, runtime: Runtime[Any]) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(run(state, runtime))  # type: ignore[arg-type]  # our nodes are coroutines
        return _in_thread(lambda: asyncio.run(run(state, runtime)))  # type: ignore[arg-type]

    return blocking


def _in_thread(do: Callable[[], Any]) -> Any:
    """Run in a thread of its own, because the caller's thread has a running loop."""
    box: dict[str, Any] = {}

    def work() -> None:
        try:
            box["value"] = do()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=copy_context().run, args=(work,))
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["value"]
