"""Bind a node to runs: its run is entered before it and left after it, and its ports are its context."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from langgraph._internal._constants import CONFIG_KEY_CHECKPOINTER
from langgraph._internal._runnable import RunnableCallable
from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.runtime import Runtime

from interlock.graphs.runs import Entered, Runs
from interlock.runtime.errors import InterlockError
from interlock.runtime.gate.backstop import passing
from interlock.runtime.gate.stops import RunStopped
from interlock.runtime.journal.events import RunEnded
from interlock.runtime.records import Status

Node = Callable[[Any, Runtime[Any]], Awaitable[Any]]


def governed(runs: Runs, node: Node, *, name: str, first: bool = False, last: bool = False) -> RunnableCallable:
    """Make a LangGraph node of ours. It runs in sync and async graphs alike."""
    counts = name in ("think", "plan")

    async def run(state: Any, runtime: Runtime[Any]) -> Any:
        header = None
        if first:
            entered, header = runs.begin(state, runtime, can_wait=_is_kept())
        else:
            entered = runs.resume(state["run"], runtime)
        entered.run.inside += 1
        try:
            if name == "act":
                await asyncio.sleep(0)  # let the tasks of this step begin before one of them pauses the run
            if counts:
                runs.check_steps(entered, state["steps"])
            with passing("governed"):
                writes = await node(state, runtime.override(context=entered.deps))
            runs.require_lease(entered)
            if last:
                entered.ended = RunEnded(status="done")
            return writes if header is None else {**writes, "run": header}
        except BaseException as error:
            _note_end(entered, error, runtime)
            raise
        finally:
            entered.run.inside -= 1
            runs.leave(entered)

    return RunnableCallable(_in_own_loop(run), run, name=name, trace=False)


def _is_kept() -> bool:
    """Tell whether a checkpointer keeps this run, so that it can wait for people."""
    return bool(get_config().get("configurable", {}).get(CONFIG_KEY_CHECKPOINTER))


def _note_end(entered: Entered, error: BaseException, runtime: Runtime[Any]) -> None:
    """Note how a run ended that an error or an interrupt has left; with several, the first failure counts."""
    if not isinstance(error, GraphInterrupt):
        code = error.code if isinstance(error, InterlockError) else type(error).__name__
        status: Status = "stopped" if isinstance(error, RunStopped) else "failed"
        if entered.ended is None or entered.ended.status == "waiting":
            entered.ended = RunEnded(status=status, code=code, reason=str(error))
        return
    asked: list[str] = [item.value["id"] for item in error.args[0] if isinstance(item.value, dict)]
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
