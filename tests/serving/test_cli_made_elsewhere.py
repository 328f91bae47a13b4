"""A graph that a program made itself cannot be loaded by the command line, which says where it goes on."""

from pathlib import Path

from langchain_core.messages import AIMessage
from tests.serving.conftest import Cli

from interlock import Agent, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.models.scripted import ScriptedChatModel


@tool(destructive=True, timeout=5)
def pay(amount: int) -> str:
    """Pay an amount."""
    return f"paid {amount}"


def _waiting(home: Path) -> str:
    asks = AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 3}, "id": "p"}])
    graph = tool_loop(Agent(name="till", model=ScriptedChatModel([asks]), tools=[pay]))
    reply = Session(graph, home=home, thread="t", user="7").say("pay 3")
    return str(reply.approvals[0]["id"])


def test_an_answer_is_taken_and_the_run_goes_on_in_its_own_program(cli: Cli, tmp_path: Path) -> None:
    done = cli("approvals", "approve", _waiting(tmp_path / "home"), "--user", "ada")

    assert done.status == 0
    assert "thread t goes on in the program that made its graph" in done.err


def test_going_on_from_the_command_line_is_refused_with_the_reason(cli: Cli, tmp_path: Path) -> None:
    _waiting(tmp_path / "home")
    done = cli("approvals", "resume", "t", "--json")

    assert done.status == 2
    assert "goes on in the program that made its graph" in done.json["error"]["message"]
