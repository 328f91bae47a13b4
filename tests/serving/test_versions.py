"""A thread that waits is taken up only by what it was begun with."""

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Caller, tool
from interlock.graphs import tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.errors import ManifestChanged
from interlock.runtime.home import Home
from interlock.runtime.journal.manifests import changes, list_manifests
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.session import Session

PAY = AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 5}, "id": "a"}])


@tool(destructive=True)
def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


@tool(read_only=True)
def look() -> int:
    """Look into the till."""
    return 200


def graph(*lines: AIMessage | str, more: bool = False, takes_over: tuple[str, ...] = ()) -> Compiled:
    tools = [pay, look] if more else [pay]
    return tool_loop(Agent(name="till", model=ScriptedChatModel(lines), tools=tools, takes_over=takes_over))


async def waiting(home: Home) -> str:
    async with Session(graph(PAY), home=home, thread="t") as session:
        reply = await session.send("Pay 5.")
    home.approvals.answer(reply.approvals[0]["id"], approve=True, by=Caller(user="boss"))
    return list_manifests(home.journal)[0].hash


async def test_another_set_of_tools_is_refused_with_what_changed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await waiting(home)

    async with Session(graph("done", more=True), home=home, thread="t") as session:
        with pytest.raises(ManifestChanged, match=r"tools\.look: none → 1"):
            await session.resume()
    home.close()


async def test_a_declared_take_over_goes_on(tmp_path: Path) -> None:
    home = Home(tmp_path)
    begun = await waiting(home)

    async with Session(graph("done", more=True, takes_over=(begun[:12],)), home=home, thread="t") as session:
        reply = await session.resume()

    assert reply.text == "done"
    home.close()


async def test_the_manifests_of_runs_are_listed_and_compared(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for more in (False, True, True):
        async with Session(graph("hello", more=more), home=home) as session:
            await session.send("Hello.")

    second, first = list_manifests(home.journal)
    home.close()

    assert (first.runs, second.runs) == (1, 2)
    assert "tools.look" in [line.split(":")[0] for line in changes(first.facts, second.facts)]
