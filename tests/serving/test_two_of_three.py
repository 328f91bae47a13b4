"""A payment that needs two of three people, from the command line: one may not, one is killed, and it is paid once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.serving.conftest import Cli

AGENT = '''
import time
from pathlib import Path
from langchain_core.messages import AIMessage, ToolMessage
from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.tools import Happened

PAID = Path(__file__).parent / "paid"


def status(order: int) -> Happened | None:
    return Happened(f"paid {order}") if PAID.exists() and str(order) in PAID.read_text().split() else None


@tool(destructive=True, timeout=20, status=status)
def refund(order: int) -> str:
    """Pay an order back."""
    with PAID.open("a") as paid:
        paid.write(f"{order}\\n")
    if (PAID.parent / "slow").exists():
        time.sleep(15)
    return f"paid {order}"


def says(messages):
    if isinstance(messages[-1], ToolMessage):
        return str(messages[-1].content)
    return AIMessage("", tool_calls=[{"name": "refund", "args": {"order": 7}, "id": f"c{len(messages)}"}])


graph = tool_loop(
    Agent(name="till", model=ScriptedChatModel([says] * 9), tools=[refund], policy="policy.cedar")
)
'''
POLICY = """
@id("refunds") @decision("ask") @roles("lead") @quorum("2") @reason("two of the leads must agree")
permit (principal, action == Action::"refund", resource);
"""


@pytest.fixture
def agent(tmp_path: Path) -> str:
    folder = tmp_path / "refunds"
    folder.mkdir()
    (folder / "agent.py").write_text(AGENT)
    (folder / "policy.cedar").write_text(POLICY)
    return str(folder)


def test_a_refund_that_two_of_three_must_approve_is_paid_once(cli: Cli, agent: str, tmp_path: Path) -> None:
    paid, slow = Path(agent) / "paid", Path(agent) / "slow"
    slow.touch()
    waiting = cli("run", agent, "refund order 7", "--user", "eve", "--role", "lead", "--thread", "t", "--json")
    id = waiting.json["approvals"][0]["id"]

    own = cli("approvals", "approve", id, "--user", "eve", "--role", "lead")
    first = cli("approvals", "approve", id, "--user", "ada", "--role", "lead")
    killed_while_paying(["approvals", "approve", id, "--user", "ben", "--role", "lead"], tmp_path / "home", paid)
    third = cli("approvals", "approve", id, "--user", "cem", "--role", "lead")
    slow.unlink()
    resumed = cli("approvals", "resume", "t", "--json")

    assert (waiting.status, own.status, first.status, third.status) == (3, 2, 3, 2)
    assert "'eve' asked for it" in own.err
    assert (resumed.status, resumed.json["text"]) == (0, "paid 7")
    assert paid.read_text().split() == ["7"]
    rows = {one["action"]: one for one in cli("audit", "actions", "--json").json}
    assert rows["refund"]["answers"] == ["approved by ada (lead)", "approved by ben (lead)"]
    assert cli("audit", "verify").status == 0


def killed_while_paying(words: list[str], home: Path, paid: Path) -> None:
    """Run a command, and kill it once the world has changed and before the command knows."""
    command = [sys.executable, "-c", "from interlock.serving.cli.main import main; main()", *words, "--home", str(home)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not paid.exists() and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
