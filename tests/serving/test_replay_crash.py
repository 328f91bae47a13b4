"""A run whose process was killed in the middle of an effect is replayed through its crash."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from interlock.runtime.home import Home
from interlock.runtime.journal.runs import list_runs
from interlock.runtime.replay.recording import record
from interlock.serving.replaying import replay
from interlock.serving.session import Session

AGENT = """
import os, sys
from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.models.scripted import ScriptedChatModel
from langchain_core.messages import AIMessage

@tool(destructive=True)
def pay(amount: int) -> str:
    "Pay an amount."
    os._exit(9)

@tool(read_only=True)
def look() -> int:
    "Look into the till."
    return 3

def graph(*lines):
    return tool_loop(Agent(name="till", model=ScriptedChatModel(lines), tools=[pay, look], policy=%r))

def begin(home):
    from interlock.serving.session import Session
    calls = [{"name": "look", "args": {}, "id": "a"}, {"name": "pay", "args": {"amount": 5}, "id": "b"}]
    Session(graph(AIMessage("", tool_calls=calls)), home=home, thread="t").say("Pay 5.")
"""


def killed_in(folder: Path) -> Any:
    """Let a run be killed in the middle of a payment, and give the module that made it."""
    (folder / "policy.cedar").write_text('@id("all") permit (principal, action, resource);')
    (folder / "killed.py").write_text(AGENT % str(folder / "policy.cedar"))
    code = f"import killed; killed.begin({str(folder / 'home')!r})"
    assert subprocess.run([sys.executable, "-c", code], cwd=folder, check=False).returncode == 9
    sys.path.insert(0, str(folder))
    made = importlib.import_module("killed")
    sys.path.remove(str(folder))
    return made


async def test_a_run_that_was_killed_in_an_effect_replays_through_the_crash(tmp_path: Path) -> None:
    killed = killed_in(tmp_path)
    home = Home(tmp_path / "home")
    graph = killed.graph("It is not known whether it was paid.")
    async with Session(graph, home=home, thread="t") as session:
        assert (await session.resume()).status == "waiting"
    recording = record(home.journal, list_runs(home.journal)[0].run)
    home.close()

    found = await replay(recording, killed.graph())

    assert found.identical, "\n".join(found.diff)
    assert "run_resumed" in [step.kind for step in recording.steps]
