"""Forks from the command line: another prompt, model or result, from a step inside parallel branches too."""

import json
from pathlib import Path

import pytest
from tests.serving.conftest import Cli

AGENT = '''
from langchain_core.messages import AIMessage, ToolMessage
from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.models.scripted import ScriptedChatModel


@tool(read_only=True)
async def weigh(name: str) -> int:
    """Weigh something."""
    return len(name)


def says(messages):
    weights = [str(message.content) for message in messages if isinstance(message, ToolMessage)]
    if weights:
        return f"{messages[0].content.splitlines()[-1]} {' '.join(weights)}"
    calls = [{"name": "weigh", "args": {"name": name}, "id": name} for name in ("a", "bb", "ccc")]
    return AIMessage("", tool_calls=calls)


graph = tool_loop(Agent(name="scales", model=ScriptedChatModel([says] * 9), tools=[weigh], prompts="prompts"))
'''
PROMPT = "---\nname: system\nversion: {}\n---\n{}\n"


@pytest.fixture
def agent(tmp_path: Path) -> str:
    folder = tmp_path / "scales"
    (folder / "prompts").mkdir(parents=True)
    (folder / "agent.py").write_text(AGENT)
    (folder / "prompts" / "system.md").write_text(PROMPT.format(1, "They weigh"))
    return str(folder)


@pytest.fixture
def run(cli: Cli, agent: str) -> str:
    done = cli("run", agent, "Weigh them.", "--json").json
    assert done["text"] == "They weigh 1 2 3"
    return str(done["run"])


@pytest.mark.parametrize(("name", "text"), [("e.yaml", "act.1.1: 70\nact.1.2: 80\n"), ("e.json", '{"act.1.1": 70}')])
def test_results_are_edited_in_yaml_or_json(cli: Cli, run: str, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    done = cli("replay", run, "--from", "think.2", "--live", "--edit", str(tmp_path / name), "--json").json

    assert done["text"] == ("They weigh 1 70 80" if name == "e.yaml" else "They weigh 1 70 3")


def test_another_prompt_is_used_from_the_step_on(cli: Cli, run: str, tmp_path: Path) -> None:
    (tmp_path / "terse.md").write_text(PROMPT.format(2, "Terse:"))

    done = cli("replay", run, "--from", "think.2", "--live", "--prompt", str(tmp_path / "terse.md"), "--json").json

    assert done["text"] == "Terse: 1 2 3"


def test_another_model_is_asked_from_the_step_on(cli: Cli, run: str) -> None:
    done = cli("replay", run, "--from", "think.2", "--live", "--model", "embedded", "--json").json

    asked = [e["model"] for e in cli("trace", done["run"], "--json").json if e["kind"] == "model_intended"]
    assert asked[-1] == "embedded"
    assert done["status"] == "done"


def test_a_fork_may_begin_inside_parallel_branches_and_is_a_run_that_replays(cli: Cli, run: str) -> None:
    fork = cli("replay", run, "--from", "act.1.1", "--live", "--json").json

    started = cli("trace", fork["run"], "--json").json[0]
    done = [e for e in cli("trace", fork["run"], "--json").json if e["kind"] == "tool_done"]
    assert fork["text"] == "They weigh 1 2 3"
    assert started["parent"] == f"{run}@act.1.1"
    assert sorted(e["place"] for e in done if e["reused"]) == ["1.act.1.0"]
    found = cli("replay", fork["run"], "--json").json
    assert found["identical"], found["diff"]


def test_a_diff_shows_what_was_answered_otherwise_and_nothing_else(cli: Cli, run: str, tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text(json.dumps({"act.1.0": 70}))
    fork = cli("replay", run, "--from", "think.2", "--live", "--edit", str(tmp_path / "e.json"), "--json").json["run"]

    done = cli("trace", "diff", run, fork)

    assert done.status == 1
    assert [line.strip() for line in done.out.splitlines() if line.strip()[:1] in "+-"] == [
        '- "value": 1',
        '+ "value": 70',
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--from", "act.7.0", "--live"], "no step 'act.7.0'"),
        (["--from", "think.2"], "needs both --from STEP and --live"),
        (["--from", "think.2", "--live", "--model", "nope"], "unknown model 'nope'"),
        (["--from", "think.2", "--live", "--edit", "nowhere.yaml"], "cannot be read"),
        (["--from", "think.2", "--live", "--prompt", "nowhere.md"], "nowhere.md"),
    ],
)
def test_a_fork_that_cannot_be_is_refused(cli: Cli, run: str, words: list[str], says: str) -> None:
    done = cli("replay", run, *words)

    assert done.status == 2
    assert says in done.err
