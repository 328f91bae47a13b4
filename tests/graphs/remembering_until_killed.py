"""Goes on with a run whose memory a person has agreed to, and is killed at the n-th line of what keeps it: HOME N.

N = 0 kills nothing, and prints how many lines there were.
"""

import itertools
import sys
from pathlib import Path

from langchain_core.messages import AIMessage
from tests.killed import Hashed, killing

from interlock import Agent, Session
from interlock.graphs import tool_loop
from interlock.memory import Memory, WritePolicy, WriteRule
from interlock.memory.store import Store
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel

KEEPING = ("runtime/gate/memory.py", "runtime/gate/gate.py", "memory/store.py", "memory/shelf.py", "memory/writing.py",
           "memory/rows.py", "memory/vectors.py", "memory/sqlite.py", "memory/turns.py")  # fmt: skip
NOTE = {"text": "I take insulin.", "sensitivity": "personal"}
NOTICED = AIMessage("", tool_calls=[{"name": "Memories", "args": {"notes": [NOTE]}, "id": "m"}])


def memory() -> Memory:
    """Make a memory that asks a doctor about what is personal."""
    rule = WriteRule(code="health", then="ask", sensitivity="personal", roles=("doctor",))
    return Memory(write=WritePolicy(rules=(rule,)), embedder=Hashed())


def session(home: Home) -> Session:
    """Open the thread, whose model says the same in every process."""
    agent = Agent(name="desk", model=ScriptedChatModel(["Noted.", NOTICED]), memory=memory())
    return Session(tool_loop(agent), home=home, user="ann", thread="t")


def store(home: Home) -> Store:
    """Open the memory beside the run."""
    return memory().open(home.path, home.clock)


if __name__ == "__main__":
    import asyncio
    import threading

    counted = itertools.count(1)
    desk = session(Home(Path(sys.argv[1])))
    tracing = killing(int(sys.argv[2]), counted, KEEPING)
    threading.settrace(tracing)
    sys.settrace(tracing)
    asyncio.run(desk.resume())
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    print(next(counted) - 1)
