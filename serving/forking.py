"""Go on from the middle of a recorded run with another prompt, model or result: what would have happened."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from interlock.graphs.patterns import Compiled, assembly_of
from interlock.runtime.gate.stops import RunStopped
from interlock.runtime.home import Home, using
from interlock.runtime.records import Caller
from interlock.runtime.replay.fork import Before, Edits, ForkHome, require_fitting
from interlock.runtime.replay.recording import Recording
from interlock.serving.outcome import reply_of
from interlock.serving.replaying import messages_of, opened, seed, wake
from interlock.serving.replies import Reply


async def fork(
    recording: Recording,
    graph: Compiled,
    *,
    home: Home | Path,
    step: str,
    model: str | None = None,
    edits: Edits | None = None,
) -> Reply:
    """Run a recording up to a step, and go on live from there, as a new run on a new thread of the home.

    Args:
        step: where it parts: a place such as `think.2`, or the number of an event.
        model: asked from there on instead of the agent's own.
        edits: other results than the recorded ones, by place.

    Raises:
        RecordingBroken: the run has no such step.
        BadInput: an edit is nothing that could have come back there.
    """
    before = Before(recording, step, edits or {})
    if (assembly := assembly_of(graph)) is not None:
        require_fitting(recording, edits or {}, assembly.contracts)
    here = ForkHome(home, before, model=model)
    thread = f"fork-{here.clock.new_id()}"
    try:
        with opened(graph, here) as running:
            return await _run(recording, running, here, thread)
    finally:
        if (assembly := assembly_of(graph)) is not None:
            assembly.close(here)
        here.close()


async def _run(recording: Recording, graph: Compiled, home: ForkHome, thread: str) -> Reply:
    config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 1_000}
    await seed(recording, graph, config, thread)
    given: Any = {"messages": messages_of(recording.started["messages"])}
    caller = Caller.model_validate(recording.started["caller"])
    while True:
        with using(home), suppress(RunStopped):
            await graph.ainvoke(given, config, context=caller, durability="sync")
        snapshot = await graph.aget_state(config)
        run = snapshot.values["run"]["id"]
        if not _answer_as_before(home, thread):
            return reply_of(home, run).model_copy(update={"thread": thread})
        given = wake(snapshot)


def _answer_as_before(home: ForkHome, thread: str) -> bool:
    """Give again the answers that people gave before the fork; what is asked after it is asked anew."""
    waiting = home.approvals.list(thread=thread)
    given = [(approval.id, found) for approval in waiting if (found := home.before.answered(approval))]
    for id, (step, by) in given:
        note = f"as in run {home.before.recording.run}"
        home.approvals.answer(id, approve=step.facts["answer"] == "approved", by=by, note=note)
    return bool(given)
