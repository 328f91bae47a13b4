"""Every run can be run again from its record, and nothing happens by it."""

import asyncio
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START
from tests.serving.conftest import Cli

from checkout import ROOT
from interlock import Agent, Caller, tool
from interlock.graphs import ThreadState, Workflow, tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.replay.recording import exported, imported, places_of, record
from interlock.serving.replaying import replay
from interlock.serving.session import Session
from interlock.tools import Guards

MAIN = "from interlock.serving.cli.main import main; main()"


def subprocess_cli(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that has not loaded the agent yet."""
    return subprocess.run([sys.executable, "-c", MAIN, *words], capture_output=True, text=True, check=False)


def benchmark(name: str) -> Any:
    """Load a module of the benchmarks."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.mark.parametrize("seed", range(12))
async def test_a_random_run_comes_again_event_by_event(seed: int, tmp_path: Path) -> None:
    runs = benchmark("_random_runs")
    home = Home(tmp_path / "home")
    reply = await runs.take_place(runs.graph_of(seed, tmp_path), home, seed)
    recording = imported(exported(record(home.journal, reply.run)), "here")
    before = len(list(home.journal.everything()))

    found = await replay(recording, runs.graph_of(seed, tmp_path))

    assert found.identical, "\n".join((found.place, *found.diff))
    assert found.same == found.steps == before
    assert len(list(home.journal.everything())) == before
    home.close()


async def test_each_planted_change_is_named_where_it_first_bears_on_the_run(tmp_path: Path) -> None:
    changes = await benchmark("_planted").planted(tmp_path)

    assert [(one.what, one.named) for one in changes] == [(one.what, one.expected) for one in changes]
    assert len(changes) == 20


@pytest.fixture
def paid(cli: Cli, project: str) -> str:
    """A run that paid after a person had approved it."""
    waiting = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json
    cli("approvals", "approve", waiting["approvals"][0]["id"], "--user", "boss")
    return str(waiting["run"])


def test_replay_says_that_a_run_with_an_approval_comes_again(cli: Cli, paid: str) -> None:
    done = cli("replay", paid, "--json")

    assert done.status == 0, done.out
    assert done.json["identical"] is True
    assert done.json["same"] == done.json["steps"] > 10


def test_an_exported_run_replays_in_any_home(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(cli("trace", "export", paid).out)

    done = cli("replay", str(file), "--agent", project, "--home", str(tmp_path / "elsewhere"), home=False)

    assert done.status == 0
    assert "byte for byte" in done.out
    assert not (tmp_path / "elsewhere").exists()


def test_a_changed_prompt_is_named_with_the_lines_that_changed(
    cli: Cli, paid: str, project: str, tmp_path: Path
) -> None:
    prompt = Path(project) / "prompts" / "system.md"
    prompt.write_text(prompt.read_text() + "Be brief.\n")

    done = subprocess_cli("replay", paid, "--home", str(tmp_path / "home"))

    assert done.returncode == 1
    assert "differs at 1.think.1" in done.stdout
    assert "+[system] Be brief." in done.stdout
    assert "manifest: prompts.system" in done.stderr


DAMAGES: list[tuple[Callable[[str], str], str]] = [
    (lambda text: text[: len(text) // 2], "cut off"),
    (lambda text: text.replace("Pay out 50", "Pay out 60"), "changed since"),
    (lambda text: text.replace('"interlock_recording":1', '"interlock_recording":9'), "format 9"),
    (lambda _text: "[]", "no recording"),
]


def test_a_damaged_export_is_refused(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    whole, file = cli("trace", "export", paid).out, tmp_path / "run.json"

    for damage, told in DAMAGES:
        file.write_text(damage(whole))
        done = cli("replay", str(file), "--agent", project)

        assert done.status == 2
        assert told in done.err


def forged(text: str, change: Callable[[Any], object]) -> str:
    """Change a recording, and give it the hash that fits."""
    document = json.loads(text)
    del document["sha256"]
    change(document)
    digest = hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return json.dumps({**document, "sha256": digest})


FORGERIES: list[Callable[[Any], object]] = [
    lambda document: document["steps"].clear(),
    lambda document: document["steps"].pop(0),
    lambda document: document["steps"][0].pop("place"),
    lambda document: document["steps"][1].update(kind="teleported"),
    lambda document: document["steps"][0]["facts"].update(history="0" * 64),
    lambda document: document["bodies"].update({key: {"prev": None} for key in document["bodies"]}),
    lambda document: document.pop("thread"),
]


@pytest.mark.parametrize("number", range(len(FORGERIES)))
def test_a_forged_export_is_refused(number: int, cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    file.write_text(forged(cli("trace", "export", paid).out, FORGERIES[number]))

    done = cli("replay", str(file), "--agent", project)

    assert done.status == 2
    assert "cannot be read" in done.err


def test_a_recording_whose_tool_is_gone_names_the_tool(cli: Cli, paid: str, project: str) -> None:
    tools = Path(project) / "agent.py"
    tools.write_text(tools.read_text().replace("tools=[percentage, till, pay_out]", "tools=[till]"))
    policy = Path(project) / "policy.cedar"
    policy.write_text('@id("look") permit (principal, action == Action::"till", resource);')

    done = subprocess_cli("replay", paid, "--home", str(Path(project).parent / "home"))

    assert done.returncode == 1
    assert "manifest: tools.pay_out: 1" in done.stderr
    assert "→ none" in done.stderr
    assert "-[tool pay_out]" in done.stdout


async def test_replays_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    runs = benchmark("_random_runs")
    home = Home(tmp_path / "home")
    replies = [await runs.take_place(runs.graph_of(seed, tmp_path), home, seed) for seed in (3, 4)]
    first, second = (record(home.journal, reply.run) for reply in replies)
    home.close()
    graph = runs.graph_of(3, tmp_path)

    found = await asyncio.gather(
        replay(first, graph), replay(first, graph), replay(second, runs.graph_of(4, tmp_path)), replay(first, graph)
    )

    assert [one.identical for one in found] == [True] * 4


def test_an_unknown_run_is_refused(cli: Cli, paid: str) -> None:
    assert cli("replay", "0000nothing").status == 2


def test_two_runs_of_the_same_request_do_not_part(cli: Cli, project: str) -> None:
    first, second = (cli("run", project, "How much is in the till?", "--user", "1", "--json").json for _ in "ab")
    other = cli("run", project, "Pay out 50 from the till.", "--user", "1", "--json").json

    assert cli("trace", "diff", first["run"], second["run"]).status == 0
    assert cli("trace", "diff", first["run"], other["run"]).status == 1


def test_a_run_becomes_a_case_that_runs_offline(cli: Cli, paid: str, project: str) -> None:
    assert cli("eval", "record", paid, f"{project}/evals").status == 0

    done = cli("eval", "run", project, f"{project}/evals/recorded.yaml", "--json", home=False)

    assert done.status == 0, done.err
    assert [case["passed"] for case in done.json["cases"]] == [True]


def test_a_recorded_case_fails_where_the_policy_now_denies(cli: Cli, paid: str, project: str, tmp_path: Path) -> None:
    cli("eval", "record", paid, f"{project}/evals")
    policy = Path(project) / "policy.cedar"
    policy.write_text(policy.read_text() + '@id("never") forbid (principal, action == Action::"pay_out", resource);')

    done = cli("eval", "run", project, f"{project}/evals/recorded.yaml", home=False)

    assert done.status == 1


async def test_a_result_from_a_cache_comes_again_as_one(tmp_path: Path) -> None:
    @tool(read_only=True, usd=Decimal("0.01"), guards=Guards(cache_s=60))
    def look() -> int:
        """Look."""
        return 3

    def graph() -> Any:
        asked = [AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": f"c{n}"}]) for n in range(2)]
        return tool_loop(Agent(name="looker", model=ScriptedChatModel([*asked, "3"]), tools=[look]))

    home = Home(tmp_path / "home")
    async with Session(graph(), home=home) as session:
        reply = await session.send("Look twice.")
    recording = record(home.journal, reply.run)
    home.close()

    found = await replay(recording, graph())

    assert [step.facts["cached"] for step in recording.steps if step.kind == "tool_done"] == [False, True]
    assert found.identical, "\n".join(found.diff)


async def test_the_fallback_that_answered_is_on_record_and_comes_again(tmp_path: Path) -> None:
    @tool(read_only=True)
    def spare() -> int:
        """Look into the spare till."""
        return 3

    @tool(read_only=True, guards=Guards(fallback=spare))
    def look() -> int:
        """Look."""
        raise ConnectionError("down")

    def graph() -> Any:
        asked = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "c"}])
        return tool_loop(Agent(name="looker", model=ScriptedChatModel([asked, "3"]), tools=[look]))

    home = Home(tmp_path / "home")
    async with Session(graph(), home=home) as session:
        reply = await session.send("Look.")
    recording = record(home.journal, reply.run)
    home.close()

    found = await replay(recording, graph())

    assert [step.facts["by"] for step in recording.steps if step.kind == "tool_done"] == ["spare"]
    assert found.identical, "\n".join(found.diff)


async def test_runs_of_graphs_inside_a_graph_come_again_with_it(tmp_path: Path) -> None:
    @tool(destructive=True)
    def pay() -> str:
        """Pay."""
        return "paid"

    policy = tmp_path / "policy.cedar"
    policy.write_text('@id("p") @decision("ask") @reason("m") permit (principal, action == Action::"pay", resource);')

    def desk() -> Any:
        asked = AIMessage("", tool_calls=[{"name": "pay", "args": {}, "id": "p"}])
        inner = tool_loop(Agent(name="till", model=ScriptedChatModel([asked, "paid"]), tools=[pay], policy=policy))

        async def till(state: ThreadState) -> dict[str, Any]:
            found = await inner.ainvoke({"messages": [("user", "Pay.")]})
            return {"draft": AIMessage(f"The till says: {found['messages'][-1].content}")}

        outer = Workflow(Agent(name="desk", model=ScriptedChatModel([])), ThreadState, name="desk")
        outer.add_node("till", lambda state, _runtime: till(state))
        outer.add_edge(START, "till")
        outer.add_edge("till", END)
        return outer.compile()

    home = Home(tmp_path / "home")
    async with Session(desk(), home=home) as session:
        reply = await session.send("Pay.")
        home.approvals.answer(reply.approvals[0]["id"], approve=True, by=Caller(user="boss"))
        reply = await session.resume()
    recording = record(home.journal, reply.run)
    home.close()

    found = await replay(recording, desk())

    assert reply.text == "The till says: paid"
    assert "1.till.1/1.act.1.0" in places_of(recording.steps)
    assert found.identical, "\n".join((found.place, *found.diff))
