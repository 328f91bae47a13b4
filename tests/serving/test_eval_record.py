"""A run that happened becomes a case that runs offline, and reports of such cases are compared."""

from pathlib import Path

import pytest
import yaml
from tests.serving.conftest import Cli

AGENT = '''
from langchain_core.messages import AIMessage, ToolMessage
from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.models.scripted import ScriptedChatModel


@tool(read_only=True)
async def weigh(name: str) -> int:
    """Weigh something."""
    raise ConnectionError("the scales are away")


def says(messages):
    if isinstance(messages[-1], ToolMessage):
        return f"It went so: {messages[-1].content}"
    return AIMessage("", tool_calls=[{"name": "weigh", "args": {"name": "a"}, "id": "a"}])


graph = tool_loop(Agent(name="scales", model=ScriptedChatModel([says] * 9), tools=[weigh]))
'''


@pytest.fixture
def agent(tmp_path: Path) -> str:
    (tmp_path / "scales").mkdir()
    (tmp_path / "scales" / "agent.py").write_text(AGENT)
    return str(tmp_path / "scales")


def test_a_failure_of_production_becomes_a_case_that_expects_it(cli: Cli, agent: str) -> None:
    run = cli("run", agent, "Weigh a.", "--json").json["run"]

    suite = cli("eval", "record", run, f"{agent}/evals", "--json").json["suite"]

    case = yaml.safe_load(Path(suite).read_text())["cases"][0]
    assert case["expect"]["calls"]["include"] == [{"tool": "weigh", "arguments": {"name": "a"}, "outcome": "failed"}]
    assert cli("eval", "run", agent, suite, home=False).status == 0


def test_a_run_is_recorded_once(cli: Cli, agent: str) -> None:
    run = cli("run", agent, "Weigh a.", "--json").json["run"]
    cli("eval", "record", run, f"{agent}/evals")

    again = cli("eval", "record", run, f"{agent}/evals")

    assert again.status == 2
    assert "is a case already" in again.err


def test_reports_of_recorded_cases_are_held_to_a_baseline(cli: Cli, agent: str, tmp_path: Path) -> None:
    run = cli("run", agent, "Weigh a.", "--json").json["run"]
    suite = cli("eval", "record", run, f"{agent}/evals", "--json").json["suite"]
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    cli("eval", "run", agent, suite, "--out", str(good), home=False)
    stated = Path(suite).read_text()
    Path(suite).write_text(stated.replace("outcome: failed", "outcome: ok"))
    cli("eval", "run", agent, suite, "--out", str(bad), home=False)

    assert cli("eval", "compare", str(good), str(good), home=False).status == 0
    assert cli("eval", "compare", str(bad), str(good), home=False).status == 1


def test_a_recording_that_is_gone_is_named(cli: Cli, agent: str) -> None:
    run = cli("run", agent, "Weigh a.", "--json").json["run"]
    suite = cli("eval", "record", run, f"{agent}/evals", "--json").json["suite"]
    next(Path(agent).glob("evals/recordings/*.json")).unlink()

    done = cli("eval", "run", agent, suite, home=False)

    assert done.status != 0
    assert "recordings" in done.err
