"""The journal as figures."""

import asyncio
import re
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from tests.serving.conftest import Cli

from interlock import Agent, tool
from interlock.graphs import tool_loop
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.figures import Series, figures
from interlock.serving.prometheus import PrometheusEndpoint
from interlock.serving.session import Session
from interlock.tools import Guards


def test_quantiles_are_measured_values() -> None:
    series = Series(ms=[float(n) for n in range(1, 101)])

    assert [series.quantile(share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert Series().quantile(0.5) == 0


def test_stats_count_runs_tools_denials_and_what_waits(cli: Cli, project: str, tmp_path: Path) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    cli("run", project, "Pay out 50 from the till.", "--user", "1")

    found = cli("stats", "--json", "--picture", str(tmp_path / "stats.svg")).json

    assert [one["statuses"] for one in found["agents"].values()] == [{"done": 1}]
    assert found["tools"]["till"]["count"] == 1
    assert found["models"]["embedded"]["p50_ms"] > 0
    assert found["approvals"]["waiting"] == 1
    assert "till" in (tmp_path / "stats.svg").read_text()
    assert "█" in cli("stats").out


def test_the_prometheus_endpoint_speaks_its_text_format(cli: Cli, project: str, tmp_path: Path) -> None:
    cli("run", project, "How much is in the till?", "--user", "1")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    home = Home(tmp_path / "home")
    asyncio.run(PrometheusEndpoint(home=home)({"type": "http"}, None, send))
    home.close()

    lines = sent[1]["body"].decode().splitlines()
    assert sent[0]["status"] == 200
    assert 'interlock_tool_calls_total{tool="till"} 1' in lines
    assert all(re.fullmatch(r"# TYPE \w+ (counter|gauge|summary)|\w+(\{[^{}]*\})? [0-9.E+-]+", line) for line in lines)


async def test_errors_denials_cache_hits_and_what_waits_are_told_by_agent_version_and_tool(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    async with Session(troubled(tmp_path), home=home) as session:
        await session.send("Do all of it.")

    found = figures(home)
    home.close()

    agent, version = found.agents["troubled"], next(iter(found.versions.values()))
    for one in (agent, version):
        assert (one.tool_errors, one.denied, one.waiting, one.cached) == (1, 1, 1, 2)
    assert agent.oldest_s == found.oldest_s > 0
    of_tools = {name: (one.count, one.failed, one.denied, one.waiting, one.cached) for name, one in found.tools.items()}
    assert of_tools == {
        "look": (3, 0, 0, 0, 2), "broken": (1, 1, 0, 0, 0), "burn": (0, 0, 1, 0, 0), "pay": (0, 0, 0, 1, 0)
    }  # fmt: skip
    assert (found.tools["look"].success(), found.tools["broken"].success()) == (1, 0)


async def test_tokens_that_a_provider_had_cached_are_told_by_model(tmp_path: Path) -> None:
    used: Any = {"input_tokens": 90, "output_tokens": 5, "total_tokens": 95, "input_token_details": {"cache_read": 64}}
    home = Home(tmp_path / "home")
    model = ScriptedChatModel([AIMessage("hello", usage_metadata=used)])
    async with Session(tool_loop(Agent(name="greeter", model=model)), home=home) as session:
        await session.send("Hello.")

    found = figures(home)
    home.close()

    assert found.models["scripted"].cached_tokens == found.agents["greeter"].cached_tokens == 64


def troubled(folder: Path) -> Any:
    """An agent one of whose tools fails, one is denied, one waits and one answers from its cache."""

    @tool(read_only=True, guards=Guards(cache_s=60))
    def look() -> int:
        """Look."""
        return 3

    @tool(read_only=True)
    def broken() -> int:
        """Fail."""
        raise LookupError("nothing there")

    @tool(destructive=True)
    def burn() -> str:
        """Burn it."""
        return "burnt"

    @tool(destructive=True)
    def pay() -> str:
        """Pay."""
        return "paid"

    (folder / "policy.cedar").write_text(
        """
        @id("look") permit (principal, action in [Action::"look", Action::"broken"], resource);
        @id("pay") @decision("ask") @reason("money") permit (principal, action == Action::"pay", resource);
        """
    )
    rounds = [["look"], ["look", "broken", "burn"], ["look", "pay"]]
    lines = [
        AIMessage("", tool_calls=[{"name": name, "args": {}, "id": f"{name}-{n}"} for name in names])
        for n, names in enumerate(rounds)
    ]
    tools = [look, broken, burn, pay]
    return tool_loop(
        Agent(name="troubled", model=ScriptedChatModel(lines), tools=tools, policy=folder / "policy.cedar")
    )
