"""Let suites run an agent: a graph as an evaluation target, each attempt in a home of its own."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

from interlock.evals.target import (
    Answer,
    Observation,
    Place,
    Say,
    SeenApproval,
    SeenCall,
    SeenDecision,
    Subject,
    Target,
    Turn,
)
from interlock.graphs.patterns import Compiled, assembly_of
from interlock.runtime.errors import NotFound, RecordingBroken
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry
from interlock.runtime.records import Caller
from interlock.runtime.replay.answering import RecordedHome
from interlock.runtime.replay.recording import Recording, imported
from interlock.serving.outcome import calls_of, reply_of
from interlock.serving.replies import CallMade, Reply
from interlock.serving.session import Session

CallOutcome = Literal["ok", "failed", "denied", "invalid", "waiting"]


def target_of(graph: Compiled) -> Target:
    """Make an evaluation target of a graph."""

    @asynccontextmanager
    async def opened(place: Place) -> AsyncGenerator[Subject]:
        home = Home(place.home) if place.recording is None else RecordedHome(place.home, _read(place.recording))
        async with AsyncExitStack() as stack:
            try:
                yield _Subject(graph, home, stack)
            finally:
                if (assembly := assembly_of(graph)) is not None:
                    assembly.close(home)
                home.close()

    def target(place: Place) -> AbstractAsyncContextManager[Subject]:
        return opened(place)

    return target


def _read(file: Path) -> Recording:
    try:
        return imported(file.read_bytes(), str(file))
    except OSError as error:
        raise RecordingBroken(what=f"cannot be read: {error}", where=str(file), fix="record the run again") from error


class _Subject:
    """One attempt: sessions by thread and user, in one home."""

    def __init__(self, graph: Compiled, home: Home, stack: AsyncExitStack) -> None:
        self._graph, self._home, self._stack = graph, home, stack
        self._sessions: dict[str, Session] = {}
        self._seen = 0

    async def __call__(self, turn: Turn) -> Observation:
        """Take one turn and say what it brought about."""
        reply = await (self._say(turn) if isinstance(turn, Say) else self._answer(turn))
        return self._observed(reply)

    async def _say(self, turn: Say) -> Reply:
        return await (await self._session(turn.thread, turn.caller)).send(turn.text)

    async def _answer(self, turn: Answer) -> Reply:
        waiting = [a for a in self._home.approvals.list(thread=turn.thread) if turn.tool in ("", a.tool)]
        if not waiting:
            raise NotFound(what=f"nothing waits for {turn.tool or 'an answer'}", where=turn.thread, fix="see the calls")
        self._home.approvals.answer(waiting[0].id, approve=turn.approve, by=turn.by, note=turn.reason)
        asker = Caller(user=waiting[0].user, tenant=waiting[0].tenant)
        return await (await self._session(turn.thread, asker)).resume()

    async def _session(self, thread: str, caller: Caller) -> Session:
        if thread not in self._sessions:
            session = Session(
                self._graph, home=self._home, thread=thread, user=caller.user, tenant=caller.tenant, roles=caller.roles
            )
            self._sessions[thread] = await self._stack.enter_async_context(session)
        return self._sessions[thread]

    def _observed(self, reply: Reply) -> Observation:
        """See what is new in the journal since the last turn."""
        entries = [e for e in self._home.journal.everything() if e.seq > self._seen]
        self._seen = entries[-1].seq if entries else self._seen
        whole = reply_of(self._home, reply.run)
        return Observation(
            status=reply.status,
            reply=reply.text,
            run=reply.run,
            thread=reply.thread,
            calls=tuple(_seen_call(call) for call in calls_of(entries)),
            decisions=tuple(_seen_decisions(entries)),
            waiting=tuple(
                SeenApproval(id=a["id"], tool=a["tool"], arguments=a["arguments"], roles=tuple(a["roles"]))
                for a in whole.approvals
            ),
            usage=whole.usage,
            memories=self._memories(entries),
        )

    def _memories(self, entries: list[Entry]) -> tuple[str, ...] | None:
        assembly = assembly_of(self._graph)
        started = next((e.event for e in reversed(entries) if isinstance(e.event, events.RunStarted)), None)
        if assembly is None or started is None or assembly.agent.memory is None:
            return None
        return assembly.remembered(self._home, started.caller)


def _seen_call(call: CallMade) -> SeenCall:
    outcome: CallOutcome
    if call.outcome == "refused":
        outcome = "denied" if call.policies or "not allowed" in call.detail else "invalid"
    else:
        outcome = {"done": "ok", "failed": "failed", "waiting": "waiting"}[call.outcome]  # type: ignore[assignment]
    content = call.detail or ("" if call.value is None else str(call.value))
    return SeenCall(tool=call.tool, arguments=call.arguments, outcome=outcome, content=content)


def _seen_decisions(entries: list[Entry]) -> list[SeenDecision]:
    found: list[SeenDecision] = []
    for entry in entries:
        event = entry.event
        decision = getattr(event, "decision", None)
        if decision is not None:
            action = _NAMED_BY.get(event.kind)
            name = getattr(event, action) if action else _ACTIONS.get(event.kind, event.kind)
            found.append(
                SeenDecision(action=name, outcome=decision.outcome, policies=decision.policies, reason=decision.reason)
            )
    return found


_NAMED_BY = {"tool_intended": "tool", "approval_requested": "tool", "refused": "action"}
_ACTIONS = {
    "model_intended": "call_model",
    "memory_read": "read_memory",
    "memory_intended": "write_memory",
    "replied": "reply",
}
