"""A world that is counted, an agent that changes it, and workers that are killed while they do."""

import asyncio
import fcntl
import os
import random
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from _postgres import unlocked
from interlock import Agent, Budget, Caller, Session, ToolContext, tool
from interlock.graphs import tool_loop
from interlock.runtime.clock import SystemClock
from interlock.runtime.errors import NotFound, ThreadBusy
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.tools import Happened, Refused

DONE, WAITING, STOPPED, BROKEN = 0, 3, 4, 9
_ROUNDS = (
    (("pay", 1), ("book", 2), ("ship", 3)),
    (("pay", 400), ("ship", 5)),
    (("book", 6), ("pay", 7)),
)
EXPECTED = sorted((name, n) for calls in _ROUNDS for name, n in calls)
_POLICY = """
@id("all") permit (principal, action, resource);
@id("large") @decision("ask") @quorum("2") @reason("more than 100")
permit (principal, action == Action::"pay", resource) when { context.args.n > 100 };
"""
_PEOPLE = (Caller(user="ada"), Caller(user="ben"))


@dataclass(frozen=True)
class World:
    """What agents change: files under a folder that outlives every worker."""

    place: Path
    url: str | None = None
    """Of the database that the workers share, each on a machine of its own; None: they share a folder."""

    def home(self, machine: int = 0) -> Home:
        """Give the home of a machine, with a clock that the world can move."""
        folder = self.place / ("home" if self.url is None else f"machine-{machine}")
        return Home(folder, clock=JumpingClock(self), database=self.url)

    def did(self, name: str, n: int, key: str, fence: int | None = None) -> bool:
        """Do it, without asking whether it was done before. One write, so that a kill leaves it done or not done.

        With a fence: in one piece with refusing a worker that another has taken over from, as a resource does.
        """
        with self.locked():
            if fence is not None and not self.admits(fence):
                return False
            with open(self.place / "log", "ab", buffering=0) as log:
                log.write(f"{name} {n} {key}\n".encode())
            return True

    @contextmanager
    def locked(self, *, wait: bool = True) -> Generator[None]:
        """Let one worker at a time change the world."""
        with open(self.place / "lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield

    def effects(self) -> list[tuple[str, int, str]]:
        """List what has happened."""
        log = self.place / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        return [(name, int(n), key) for name, n, key in (line.split() for line in lines)]

    def admits(self, fence: int) -> bool:
        """Refuse a worker that another has taken over from."""
        seen = [int(name.name[6:]) for name in self.place.glob("fence-*")]
        if fence < max(seen, default=0):
            return False
        (self.place / f"fence-{fence}").touch()
        return True

    def jump(self, seconds: float) -> None:
        """Let time pass at once for everybody."""
        (self.place / "jump").write_text(str(seconds))


class JumpingClock(SystemClock):
    """The machine's clocks, moved by what the world says."""

    def __init__(self, world: World) -> None:
        self._file = world.place / "jump"

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._moved)

    def monotonic(self) -> float:
        return super().monotonic() + self._moved

    @property
    def _moved(self) -> float:
        return float(self._file.read_text() or 0) if self._file.exists() else 0.0


def agent_in(world: World) -> Agent:
    """Make the agent: one tool that cannot be asked, one that can, one that may be repeated."""
    chance = random.Random()  # noqa: S311  # how long things take

    async def take_time() -> None:
        await asyncio.sleep(chance.random() * 0.004)

    @tool(destructive=True, timeout=5)
    async def pay(n: int, context: ToolContext) -> int:
        """Pay. Nobody can tell afterwards but by looking."""
        await take_time()
        if not world.did("pay", n, context.idempotency_key, context.fence):
            raise Refused("another worker has taken over")
        await take_time()
        return n

    def shipped(n: int, context: ToolContext) -> Happened | None:
        return Happened(n) if any(key == context.idempotency_key for *_, key in world.effects()) else None

    @tool(destructive=True, timeout=5, status=shipped)
    async def ship(n: int, context: ToolContext) -> int:
        """Ship. The carrier can be asked."""
        await take_time()
        if not world.did("ship", n, context.idempotency_key, context.fence):
            raise Refused("another worker has taken over")
        await take_time()
        return n

    @tool(destructive=True, idempotent=True, timeout=5)
    async def book(n: int, context: ToolContext) -> int:
        """Book. The other side knows the key of what it has booked."""
        await take_time()
        with suppress(FileExistsError):
            os.close(os.open(world.place / f"key-{context.idempotency_key}", os.O_CREAT | os.O_EXCL))
            world.did("book", n, context.idempotency_key)
        await take_time()
        return n

    policy = world.place / "policy.cedar"
    if not policy.exists():
        policy.write_text(_POLICY)
    return Agent(
        name="worker", model=ScriptedChatModel([_next] * 1000), tools=[pay, ship, book], policy=policy,
        budget=Budget(seconds=1e6),  # fencing is to stop a zombie, not its own limit
    )  # fmt: skip


def _next(messages: list[Any]) -> AIMessage | str:
    done = sum(isinstance(message, AIMessage) for message in messages)
    if done >= len(_ROUNDS):  # also where two workers both send the request
        return "All is done."
    calls = [{"name": name, "args": {"n": n}, "id": f"{name}-{n}"} for name, n in _ROUNDS[done]]
    return AIMessage("", tool_calls=calls)


def child(do: Callable[[], int]) -> int:
    """Run in a process of its own; gives its id. The parent has imported everything, so that it starts at once."""
    pid = os.fork()
    if pid:
        return pid
    status = BROKEN
    try:
        status = do()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def work(world: World, machine: int = 0, seconds: float = 30.0) -> int:
    """Begin or go on with the thread, until it is done or waits for people. Waits for its turn where it is taken."""
    home = world.home(machine)
    graph = tool_loop(agent_in(world))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            status = asyncio.run(_drive(Session(graph, home=home, thread="t", user="eve")))
        except ThreadBusy:
            time.sleep(0.005)
            continue
        if status == "failed":
            print("a run failed", file=sys.stderr)
        return {"done": DONE, "waiting": WAITING, "stopped": STOPPED}.get(status, BROKEN)
    print("the thread was busy all the time", file=sys.stderr)
    return BROKEN


async def _drive(session: Session) -> str:
    async with session:
        try:
            reply = await session.resume()
            if reply.status == "failed":
                print(f"failed on resume: {reply.code}: {reply.text}", file=sys.stderr)
            return "stopped" if reply.code == "unfinished" else reply.status  # another worker is at it
        except NotFound:
            messages = await session.history()
        if messages and isinstance(messages[-1], AIMessage) and not messages[-1].tool_calls:
            return "done"
        reply = await session.send("Do your work.")
        if reply.code == "unfinished":  # it was taken over
            return "stopped"
        if reply.status == "failed":
            print(f"failed: {reply.code}: {reply.text}", file=sys.stderr)
        return reply.status


def answer(world: World) -> int:
    """Answer all that waits, as two people who look what has really happened."""
    home = world.home(1)
    for asked in home.approvals.list():
        happened = any(key == asked.effect for *_, key in world.effects())
        for person in _PEOPLE[: 1 if asked.question == "in_doubt" else 2]:
            if asked.question == "in_doubt" and happened:
                home.approvals.happened(asked.id, by=person, note="I looked")
            else:
                home.approvals.answer(asked.id, approve=True, by=person)
        if asked.question == "in_doubt" and not happened and asked.quorum > 1:
            home.approvals.answer(asked.id, approve=True, by=_PEOPLE[1])
    home.close()
    return DONE


def writable(world: World) -> int:
    """Tell whether others can write: a process that is stopped in the middle of a write keeps its lock."""
    try:
        with world.locked(wait=False):
            pass
    except BlockingIOError:
        return BROKEN
    if world.url is not None:
        return DONE if unlocked(world.url) else BROKEN
    for name in ("journal.db", "checkpoints.db"):
        connection = sqlite3.connect(world.place / "home" / name, timeout=0.05, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return BROKEN
        finally:
            connection.close()
    return DONE


def ended(pid: int) -> int:
    """Wait for a process; its exit status, negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def stop(pid: int, how: signal.Signals) -> None:
    """Send a signal to one of our own children."""
    with suppress(ProcessLookupError):
        os.kill(pid, how)
