"""`interlock mcp serve`: an agent's tools for other people's models, with gate, approvals and journal."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.errors import ToolFailed
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.audit import verify
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.records import ToolContext
from interlock.tools.mcp_client import McpServer

pytest.importorskip("mcp")

AGENT = """
from decimal import Decimal
from pathlib import Path

from interlock import Agent, Budget, tool
from interlock.graphs import tool_loop

PAID = Path(__file__).parent / "paid.txt"


@tool(read_only=True)
def look(name: str) -> int:
    '''Look into a till.'''
    print("looking")
    return len(name)


@tool(destructive=True)
def pay(amount: Decimal) -> str:
    '''Pay an amount.'''
    with PAID.open("a") as file:
        file.write(f"{amount}\\n")
    return f"paid {amount}"


@tool()
def tip(amount: int) -> str:
    '''Tip the staff.'''
    return f"tipped {amount}"


agent = Agent(name="till", tools=[look, pay, tip], policy="policy.cedar", budget=Budget(seconds=30))
graph = tool_loop(agent)
"""
POLICY = """
@id("look") permit (principal, action == Action::"look", resource);
@id("large") @decision("ask") @reason("paying needs a lead") @roles("lead")
permit (principal, action == Action::"pay", resource);
@id("small") permit (principal, action == Action::"tip", resource);
@id("huge") @reason("more than 500") forbid (principal, action == Action::"pay", resource)
when { context.args.amount.greaterThan(decimal("500.00")) };
"""
CONTEXT = ToolContext(caller=Caller(), run="r1", thread="t1", idempotency_key="k1")
LEAD = Caller(user="boss", roles=("lead",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "till"
    folder.mkdir()
    (folder / "agent.py").write_text(AGENT)
    (folder / "policy.cedar").write_text(POLICY)
    return folder


@pytest.fixture
def served_home(project: Path) -> Home:
    return Home(project / "home")


def command(project: Path, *more: str) -> list[str]:
    program = "from interlock.serving.cli.main import main; main()"
    where = ["--home", str(project / "home"), "--user", "ann"]
    return [sys.executable, "-c", program, "mcp", "serve", str(project), *where, *more]


@pytest.fixture
def over_stdio(project: Path) -> Iterator[McpServer]:
    server = McpServer(command=command(project), environment={"PYTHONPATH": ":".join(sys.path)}, timeout=20)
    yield server
    server.close()


async def tools_of(server: McpServer) -> dict[str, Any]:
    return {each.contract.name: each for each in await asyncio.to_thread(server.tools)}


def paid(project: Path) -> list[str]:
    file = project / "paid.txt"
    return file.read_text().split() if file.exists() else []


def kinds(home: Home) -> list[str]:
    return [entry.event.kind for entry in home.journal.everything()]


async def test_a_served_call_passes_the_gate_and_is_put_on_record(over_stdio: McpServer, served_home: Home) -> None:
    tools = await tools_of(over_stdio)

    assert await tools["look"].run({"name": "front"}, CONTEXT) == {"result": 5}
    assert kinds(served_home) == ["run_started", "tool_intended", "tool_done", "run_ended"]
    (intended,) = [e.event for e in served_home.journal.everything() if isinstance(e.event, events.ToolIntended)]
    assert (intended.label.integrity, intended.label.sources) == ("untrusted", ("mcp",))
    assert intended.decision.policies == ("look",)
    assert verify(served_home.database).ok


async def test_policies_hold_for_served_calls(over_stdio: McpServer, served_home: Home, project: Path) -> None:
    tools = await tools_of(over_stdio)

    with pytest.raises(ToolFailed, match=r"pay is not allowed \(policy huge\): more than 500"):
        await tools["pay"].run({"amount": "501"}, CONTEXT)
    assert (kinds(served_home), paid(project)) == (["run_started", "refused", "run_ended"], [])


async def test_a_waiting_call_names_its_approval_and_is_done_once_when_made_again(
    over_stdio: McpServer, served_home: Home, project: Path
) -> None:
    tools = await tools_of(over_stdio)
    with pytest.raises(ToolFailed, match="waits for a person to answer approval"):
        await tools["pay"].run({"amount": "10"}, CONTEXT)
    (asked,) = served_home.approvals.list()
    with pytest.raises(ToolFailed, match=f"approval {asked.id}"):
        await tools["pay"].run({"amount": "10"}, CONTEXT)
    assert (len(served_home.approvals.list()), paid(project)) == (1, [])

    served_home.approvals.answer(asked.id, approve=True, by=LEAD)

    assert await tools["pay"].run({"amount": "10"}, CONTEXT) == {"result": "paid 10"}
    with pytest.raises(ToolFailed, match="waits for a person"):  # paying again is another payment
        await tools["pay"].run({"amount": "10"}, CONTEXT)
    assert (paid(project), len(served_home.approvals.list())) == (["10"], 1)


async def test_an_allowed_effect_is_put_to_a_person_unless_the_client_is_trusted(
    over_stdio: McpServer, project: Path
) -> None:
    with pytest.raises(ToolFailed, match="waits for a person to answer approval"):
        await (await tools_of(over_stdio))["tip"].run({"amount": 2}, CONTEXT)

    environment = {"PYTHONPATH": ":".join(sys.path)}
    trusted = McpServer(command=command(project, "--trusted"), environment=environment, timeout=20)
    try:
        assert await (await tools_of(trusted))["tip"].run({"amount": 3}, CONTEXT) == {"result": "tipped 3"}
    finally:
        await asyncio.to_thread(trusted.close)


async def test_an_answer_reaches_a_server_that_was_started_anew(project: Path, served_home: Home) -> None:
    told: list[str] = []
    for turn in range(2):
        server = McpServer(command=command(project), environment={"PYTHONPATH": ":".join(sys.path)}, timeout=20)
        try:
            tools = await tools_of(server)
            try:
                told.append(str(await tools["pay"].run({"amount": "10"}, CONTEXT)))
            except ToolFailed as error:
                told.append(str(error))
        finally:
            await asyncio.to_thread(server.close)
        if turn == 0:
            served_home.approvals.answer(served_home.approvals.list()[0].id, approve=False, by=LEAD, note="not today")

    assert "waits for a person" in told[0] and "boss denied pay: not today" in told[1]
    assert paid(project) == []


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server did not come up")


def started(project: Path, port: int) -> "subprocess.Popen[bytes]":
    environment, silent = {**os.environ, "PYTHONPATH": ":".join(sys.path)}, subprocess.DEVNULL
    return subprocess.Popen(command(project, "--http", str(port)), env=environment, stdin=silent, stderr=silent)


async def test_an_agent_uses_the_tools_of_another_over_http(project: Path, served_home: Home, tmp_path: Path) -> None:
    home, port = Home(tmp_path / "clerk"), free_port()
    serving = started(project, port)
    client = McpServer(url=f"http://127.0.0.1:{port}/mcp")
    try:
        await asyncio.to_thread(wait_for, port)
        look = AIMessage("", tool_calls=[{"name": "till_look", "args": {"name": "front"}, "id": "c1"}])
        lines = (look, "There are 5.")
        agent = Agent(
            name="clerk", model=ScriptedChatModel(lines), tools=await asyncio.to_thread(client.tools, prefix="till_")
        )
        async with Session(tool_loop(agent), home=home) as session:
            reply = await session.send("How much is in the front till?")
    finally:
        await asyncio.to_thread(client.close)
        serving.terminate()
        serving.wait(20)

    assert [(c.tool, c.outcome, c.value) for c in reply.calls][:1] == [("till_look", "done", {"result": 5})]
    assert kinds(served_home) == ["run_started", "tool_intended", "tool_done", "run_ended"]
