"""Goes on with a run whose memory a person has agreed to, and is killed at the n-th line of what keeps it: HOME N.

N = 0 kills nothing, and prints how many lines there were.
"""

import itertools
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage

from interlock import Agent, Session
from interlock.graphs import tool_loop
from interlock.memory import Memory, WritePolicy, WriteRule
from interlock.memory.store import Store
from interlock.runtime.home import Home
from interlock.runtime.models.embeddings import TokenVectors
from interlock.runtime.models.scripted import ScriptedChatModel

KEEPING = ("runtime/gate/memory.py", "runtime/gate/gate.py", "memory/store.py", "memory/shelf.py", "memory/writing.py",
           "memory/rows.py", "memory/vectors.py", "memory/sqlite.py", "memory/turns.py")  # fmt: skip
NOTE = {"text": "I take insulin.", "sensitivity": "personal"}
NOTICED = AIMessage("", tool_calls=[{"name": "Memories", "args": {"notes": [NOTE]}, "id": "m"}])


class Hashed:
    """An embedder that costs nothing."""

    name = "hashed@1"
    dimensions = 32

    def embed(self, texts: Sequence[str]) -> Any:
        drawn = np.stack([np.frombuffer(sha256(text.encode()).digest(), np.uint8) for text in texts]).astype("f4")
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [TokenVectors(words=tuple(t.split()), vectors=self.embed(t.split())) for t in texts]


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


def killing(last: int, lines: Iterator[int]) -> Any:
    """Make a trace function that ends the process, without a word, at a line of what keeps memories."""

    def trace(frame: FrameType, event: str, _what: Any) -> Any:
        if not any(part in frame.f_code.co_filename for part in KEEPING):
            return None
        if event == "line" and next(lines) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    return trace


if __name__ == "__main__":
    import asyncio
    import threading

    counted = itertools.count(1)
    desk = session(Home(Path(sys.argv[1])))
    tracing = killing(int(sys.argv[2]), counted)
    threading.settrace(tracing)
    sys.settrace(tracing)
    asyncio.run(desk.resume())
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    print(next(counted) - 1)
