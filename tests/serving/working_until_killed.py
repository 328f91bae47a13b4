"""Asks a till for the same in as many homes, and is killed in each at a later line of what makes it sure: FOLDER TIMES.

Each time is a process of its own, forked from one that has all loaded. Before it is killed, a first turn was done.
"""

import asyncio
import itertools
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from tests.killed import killing

from interlock import Agent, Session, tool
from interlock.graphs.patterns import Compiled, tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel

SURE = ("interlock/runtime/gate", "interlock/runtime/storage", "interlock/graphs/runs", "checkpoint/sqlite",
        "langgraph/pregel/_loop", "langgraph/pregel/_runner")  # fmt: skip


@tool(destructive=True)
async def pay(amount: int) -> str:
    """Pay an amount."""
    await asyncio.sleep(0.002)
    return f"paid {amount}"


@tool(read_only=True)
async def look(drawer: int) -> int:
    """Look into a drawer of the till."""
    await asyncio.sleep(0.001 * drawer)
    return drawer


def calls(*names: str) -> AIMessage:
    given = {"look": {"drawer": 3}, "peek": {"drawer": 1}, "pay": {"amount": 5}}
    called = {"peek": "look"}
    return AIMessage("", tool_calls=[
        {"name": called.get(name, name), "args": given[name], "id": name} for name in names
    ])  # fmt: skip


def answer(messages: list[Any]) -> AIMessage:
    """Answer by what was said since the last request, the same in every process."""
    asked = max(at for at, message in enumerate(messages) if message.type == "human")
    if messages[asked].text != "Pay 5.":
        return AIMessage("You are welcome.")
    said = sum(message.type == "ai" for message in messages[asked:])
    return (calls("look", "pay", "peek"), calls("peek", "look"), AIMessage("Paid 5."))[said]


def till(folder: Path) -> Compiled:
    """Make the graph."""
    policy = folder / "policy.cedar"
    policy.write_text('@id("all") permit (principal, action, resource);')
    return tool_loop(Agent(name="till", model=ScriptedChatModel([answer] * 9), tools=[pay, look], policy=str(policy)))


def session(folder: Path, home: Home) -> Session:
    """Open the thread."""
    return Session(till(folder), home=home, thread="t")


def _lines(folder: Path, home: Path, last: int) -> int:
    """Work, and count the lines; the process ends at the last of them."""
    counted = itertools.count(1)
    opened = session(folder, Home(home))
    sys.settrace(killing(last, counted, SURE))
    opened.say("Pay 5.")
    sys.settrace(None)
    return next(counted) - 1


def main(folder: Path, times: int) -> None:
    made = folder / "made"
    session(folder, Home(made)).say("Hello.")
    for name in ("whole", *map(str, range(times))):
        shutil.copytree(made, folder / name)
    lines = _lines(folder, folder / "whole", 0)
    for n in range(times):
        if (pid := os.fork()) == 0:
            _lines(folder, folder / str(n), (n + 1) * lines // (times + 1))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
