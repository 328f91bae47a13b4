"""A conversation with an agent: send text, get a reply or typed events."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from types import AsyncGeneratorType, TracebackType
from typing import Any, Self, cast
from weakref import ref

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from interlock.graphs.patterns import Compiled, assembly_of
from interlock.nodes.begin import check_request
from interlock.runtime.errors import BadInput, InterlockError, ModelAtFault, NotFound
from interlock.runtime.gate.holders import holder_here
from interlock.runtime.gate.leases import Lease, giving_up, holding, keep_out, lasting, release, take
from interlock.runtime.gate.stops import RunStopped
from interlock.runtime.home import Home, using
from interlock.runtime.records import Caller
from interlock.runtime.settings import settings
from interlock.runtime.storage.checkpoints import Saver
from interlock.serving.outcome import reply_of, was_cut_off
from interlock.serving.replies import Ended, NodeDone, Reply, SessionEvent, Token, ToolReturned

SPEAKING = ("think", "respond")
"""Nodes whose model text is meant for the user."""

RECURSION_LIMIT = 1_000
"""LangGraph's own brake, far above any budget's steps."""


class Session:
    """One thread of one user with one graph.

    Use it as an async context manager, or call `aclose`. `say` is the blocking form for scripts.

    Args:
        graph: made by one of `interlock.graphs`.
        home: where journal, checkpoints and memory lie; default: the settings' home.
        thread: its name; None makes a new one.

    Raises:
        BadInput: the graph was not made by Interlock.
    """

    def __init__(
        self,
        graph: Compiled,
        *,
        home: Home | Path | str | None = None,
        thread: str | None = None,
        user: str = "anonymous",
        tenant: str = "default",
        roles: tuple[str, ...] = (),
    ) -> None:
        if (assembly := assembly_of(graph)) is None:
            raise BadInput(
                what="the graph was not made by Interlock", where="Session(graph)", fix="make it with interlock.graphs"
            )
        self.home = home if isinstance(home, Home) else Home(home or settings().home, database=settings().database)
        self.caller = Caller.of({"user": user, "tenant": tenant, "roles": roles})
        self.thread = f"t-{self.home.clock.new_id()}" if thread is None else _checked(thread)
        self._plain = graph
        self._free = assembly.agent.output is None  # what must fit a schema is not said before it does
        self._graph: Compiled | None = None
        self._saver: Saver | None = None
        self._streamed: ref[AsyncGenerator[SessionEvent]] | None = None
        self._over = asyncio.Event()  # set while no turn of ours is under way
        self._over.set()

    async def __aenter__(self) -> Self:
        self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close a stream that was left, and the checkpoints; the thread can be opened again."""
        await self._leave_stream()
        self._graph = None
        if self._saver is not None:
            self._saver.close()
            self._saver = None

    def say(self, text: str) -> Reply:
        """Send text and wait for the reply. For scripts that have no event loop.

        Raises:
            BadInput: an event loop is running here, which waiting would stop.
            InterlockError: as `send`.
        """
        if _is_in_a_loop():
            raise BadInput(
                what="an event loop is running, and would stand still",
                where="Session.say",
                fix="await session.send(...)",
            )

        async def once() -> Reply:
            try:
                return await self.send(text)
            finally:
                await self.aclose()

        return asyncio.run(once())

    async def send(self, text: str) -> Reply:
        """Send text and get the reply.

        A thread that waits for a person stays as it is: the reply says so, and the text is not taken. A run that was
        cut off, or whose approvals have been answered, is finished first; its own reply comes along as `before`.

        Raises:
            InterlockError: bad input, or the house itself failed. A run that was stopped or that failed is a reply.
        """
        async with aclosing(self._run(text, tokens=False)) as events:
            ends = [event.reply async for event in events if isinstance(event, Ended)]
        return ends[-1].model_copy(update={"before": ends[0] if len(ends) > 1 else None})

    def stream(self, text: str) -> AsyncGenerator[SessionEvent]:
        """Send text and get events as they happen; the last one is `Ended`, and so is one for a run finished first.

        Who stops listening cuts the run off; what is sent next finishes it first.
        """
        events = self._run(text, tokens=True)
        self._streamed = ref(events)
        return events

    async def resume(self) -> Reply:
        """Go on with a run that waits or was cut off: after approvals were answered, or after a crash.

        Raises:
            NotFound: the thread has no unfinished run.
        """
        with self._turn() as lease:
            snapshot = await self._snapshot()
            if not snapshot.tasks:
                raise NotFound(
                    what=f"thread {self.thread!r} has no unfinished run",
                    where=str(self.home.path),
                    fix="send it a message",
                )
            async with aclosing(self._drive(self._wake(snapshot), lease)) as events:
                return [event.reply async for event in events if isinstance(event, Ended)][-1]

    async def history(self) -> list[Any]:
        """Give the thread's messages, oldest first."""
        return list((await self._snapshot()).values.get("messages", []))

    async def _run(self, text: str, *, tokens: bool) -> AsyncGenerator[SessionEvent]:
        check_request(text, "text")
        await self._end_abandoned()
        with self._turn() as lease:
            snapshot = await self._snapshot()
            self._same_user(snapshot.values)
            if self._is_open(snapshot):
                if self.home.approvals.list(thread=self.thread):
                    yield Ended(reply=self._reply(snapshot.values["run"]["id"]))
                    return
                async with aclosing(self._drive(self._wake(snapshot), lease)) as events:
                    async for event in events:
                        yield event
                        if isinstance(event, Ended) and event.reply.status != "done":
                            return
            async with aclosing(self._drive({"messages": [HumanMessage(text)]}, lease, tokens=tokens)) as events:
                async for event in events:
                    yield event

    async def _end_abandoned(self) -> None:
        """Wait for the end of a stream that nobody holds any more: Python closes it in a task of its own."""
        if self._streamed is not None and self._streamed() is None:
            await self._over.wait()

    async def _leave_stream(self) -> None:
        """Close the last stream, unless somebody is drawing from it."""
        events = self._streamed() if self._streamed is not None else None
        if isinstance(events, AsyncGeneratorType) and not events.ag_running:
            await events.aclose()
        await self._end_abandoned()

    @contextmanager
    def _turn(self) -> Generator[Lease]:
        """Hold the thread from before anything is read of it; the run that begins takes the lease over.

        LangGraph keeps a request before any node runs, so the lease must be there first, and still be there then.

        Raises:
            ThreadBusy: another worker holds it.
        """
        home, holder = self.home, holder_here(self.home.clock.new_id())
        with home.database.transaction() as tx:
            lease = take(tx, self.thread, "of another session", holder, home.clock)
        self._over.clear()
        try:
            self._opened()
            assert self._saver is not None  # noqa: S101  # it was just opened
            self._saver.admit = partial(self._admit, lease)
            yield lease
        finally:
            self._over.set()
            with giving_up(lease), home.database.transaction() as tx:
                release(tx, lease)

    def _admit(self, lease: Lease) -> None:
        """Let nothing be kept of what was read of the thread before another worker had it."""
        if not lasting(lease, self.home.clock, 0):
            with self.home.database.transaction() as tx:
                keep_out(tx, lease)

    def _is_open(self, snapshot: Any) -> bool:
        """Tell whether the last run was cut off or waits; one that was stopped or failed has been answered for.

        A task counts though it is done, and so does a run: it was cut off before the checkpoint that takes them up.
        """
        run = snapshot.values.get("run", {}).get("id")
        if not snapshot.tasks or not run:
            return False
        return was_cut_off(self.home, run) or reply_of(self.home, run).status in ("waiting", "done")

    def _wake(self, snapshot: Any) -> Any:
        """Make what sets a paused graph going: an answer to just the interrupts that stand, or nothing after a crash.

        Raises:
            BadInput: a node asks something itself, with LangGraph's `interrupt`, to which we know no answer.
        """
        if unknown := [item.value for item in snapshot.interrupts if not self.home.approvals.behind(item.value)]:
            raise BadInput(
                what=f"a node waits for an answer to {unknown[0]!r}, which no approval gives",
                where=f"thread {self.thread}",
                fix="answer with graph.ainvoke(Command(resume=...)) and a checkpointer of yours, or ask in the reply",
            )
        waiting = {item.id: True for item in snapshot.interrupts}
        return Command(resume=waiting) if waiting else None

    async def _drive(self, given: Any, lease: Lease, *, tokens: bool = False) -> AsyncGenerator[SessionEvent]:
        graph: Any = self._opened()
        modes = ["updates", "messages"] if tokens and self._free else ["updates"]
        error: Exception | None = None
        run = ""
        stream = graph.astream(given, self._config, context=self.caller, stream_mode=modes, durability="sync")
        try:
            async with aclosing(self._at_home(stream, lease)) as chunks:
                async for mode, chunk in chunks:
                    for event in _events(mode, chunk):
                        yield event
        except RunStopped as stopped:
            run = stopped.run  # of a run that was stopped in its first node the thread's state knows nothing
        except Exception as caught:
            error = caught
        run = run or (await self._snapshot()).values.get("run", {}).get("id")
        if error is not None and (not run or _is_of_the_house(error)):
            raise error
        yield Ended(reply=self._reply(run))

    async def _at_home(self, stream: AsyncGenerator[Any], lease: Lease) -> AsyncGenerator[Any]:
        """Draw from a stream with our home and our hold in force, but not while the items are looked at."""
        async with aclosing(stream):
            while True:
                with using(self.home), holding(lease):
                    try:
                        item = await anext(stream)
                    except StopAsyncIteration:
                        return
                yield item

    def _reply(self, run: str) -> Reply:
        return reply_of(self.home, run).model_copy(update={"thread": self.thread})

    def _same_user(self, values: dict[str, Any]) -> None:
        owner = values.get("run")
        if owner and (owner["user"], owner["tenant"]) != (self.caller.user, self.caller.tenant):
            raise NotFound(
                what=f"user {self.caller.user!r} has no thread {self.thread!r}",
                where=str(self.home.path),
                fix="use another --thread",
            )

    @property
    def _config(self) -> Any:
        return {"configurable": {"thread_id": self.thread}, "recursion_limit": RECURSION_LIMIT}

    async def _snapshot(self) -> Any:
        return await self._opened().aget_state(self._config)

    def _opened(self) -> Compiled:
        if self._graph is None:
            self._saver = self.home.saver(cast(dict[str, Any], self._plain.channels))
            self._graph = self._plain.copy({"checkpointer": self._saver})
        return self._graph


def _checked(thread: str) -> str:
    if not isinstance(thread, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not check types
        raise BadInput(what=f"the thread's name is a {type(thread).__name__}", where="thread", fix="give it as text")
    if not thread or any(character == "\0" or "\ud800" <= character <= "\udfff" for character in thread):
        raise BadInput(what=f"thread {thread!r} cannot be used", where="thread", fix="give it a name, or leave it out")
    return thread


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_of_the_house(error: Exception) -> bool:
    """Tell whether an error is for the caller or the operator. Any other made the run fail, which its reply tells."""
    return isinstance(error, InterlockError) and not isinstance(error, ModelAtFault)


def _events(mode: str, chunk: Any) -> list[SessionEvent]:
    if mode == "messages":
        message, facts = chunk
        node = facts.get("langgraph_node", "")
        text = str(message.text) if isinstance(message, AIMessage) and node in SPEAKING else ""
        return [Token(text=text, node=node)] if text else []
    events: list[SessionEvent] = []
    for node, writes in chunk.items():
        written: Any = cast(dict[str, Any], writes).get("messages") if isinstance(writes, dict) else None
        for message in cast(list[Any], written or []):
            if isinstance(message, ToolMessage) and node == "act":
                ok = message.status == "success"
                events.append(ToolReturned(tool=message.name or "", ok=ok, content=str(message.text)))
        events.append(NodeDone(node=node))
    return events
