"""A thread that waits under one manifest is not taken up under another: each kind of change is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Budget, Caller, tool
from interlock.graphs import plan_execute, tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.errors import ManifestChanged
from interlock.runtime.home import Home
from interlock.runtime.journal.events import RunResumed
from interlock.runtime.journal.manifests import changes, list_manifests
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.session import Session

CALL = AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": 5}, "id": "a"}])
ASKS = '@id("pay") @decision("ask") @reason("money") permit (principal, action == Action::"pay", resource);'


def pay_tool(**promise: Any) -> Any:
    @tool(destructive=True, **promise)
    def pay(amount: int) -> str:
        """Pay an amount."""
        return f"paid {amount}"

    return pay


def pay_in_parts() -> Any:
    @tool(destructive=True)
    def pay(amount: float) -> str:
        """Pay an amount."""
        return f"paid {amount}"

    return pay


def agent(folder: Path, *lines: AIMessage | str) -> Agent:
    (folder / "policy.cedar").write_text(ASKS)
    prompts = folder / "prompts"
    prompts.mkdir(exist_ok=True)
    (prompts / "system.md").write_text("---\nname: system\nversion: 1\n---\nPay.\n")
    return Agent(
        name="till", model=ScriptedChatModel(lines), tools=[pay_tool()], policy=folder / "policy.cedar", prompts=prompts
    )


async def waiting(home: Home, folder: Path) -> None:
    async with Session(tool_loop(agent(folder, CALL)), home=home, thread="t") as session:
        reply = await session.send("Pay 5.")
    home.approvals.answer(reply.approvals[0]["id"], approve=True, by=Caller(user="boss"))


def reworded(folder: Path, version: int) -> Compiled:
    now = agent(folder, "done")
    (folder / "prompts" / "system.md").write_text(f"---\nname: system\nversion: {version}\n---\nPay at once.\n")
    return tool_loop(now)


FIXED: dict[str, tuple[Callable[[Path], Compiled], str]] = {
    "a prompt's text": (lambda folder: reworded(folder, 1), r"prompts\.system"),
    "a prompt's version": (lambda folder: reworded(folder, 2), r"prompts\.system: 1 \w+ → 2"),
    "a tool's promise": (
        lambda folder: tool_loop(replace(agent(folder, "done"), tools=[pay_tool(idempotent=True)])), r"tools\.pay"
    ),
    "a tool's version": (
        lambda folder: tool_loop(replace(agent(folder, "done"), tools=[pay_tool(version="2")])),
        r"tools\.pay: 1 \w+ → 2",
    ),
    "a tool's schema": (
        lambda folder: tool_loop(replace(agent(folder, "done"), tools=[pay_in_parts()])), r"tools\.pay"
    ),
    "a graph": (lambda folder: plan_execute(agent(folder, "done")), r"graph: tool_loop → plan_execute"),
    "an agent's name": (lambda folder: tool_loop(replace(agent(folder, "done"), name="safe")), "agent: till → safe"),
}  # fmt: skip


@pytest.mark.parametrize("what", FIXED)
async def test_what_a_thread_was_begun_with_may_not_change_while_it_waits(what: str, tmp_path: Path) -> None:
    home, (make, named) = Home(tmp_path / "home"), FIXED[what]
    await waiting(home, tmp_path)

    async with Session(make(tmp_path), home=home, thread="t") as session:
        with pytest.raises(ManifestChanged, match=named):
            await session.resume()

    assert home.journal.of_kind("tool_intended") == []
    home.close()


LIVE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "budget": lambda _folder: {"budget": Budget(steps=9)},
    "model": lambda _folder: {"model": "embedded"},
}


@pytest.mark.parametrize("what", LIVE)
async def test_what_operators_change_so_that_it_can_go_on_may_change_and_is_on_record(
    what: str, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    await waiting(home, tmp_path)
    changed = replace(agent(tmp_path, "done"), **LIVE[what](tmp_path))

    async with Session(tool_loop(changed), home=home, thread="t") as session:
        reply = await session.resume()

    resumed = home.journal.of_kind("run_resumed")[0].event
    assert isinstance(resumed, RunResumed)
    assert reply.status == "done"
    assert resumed.manifest != list_manifests(home.journal)[0].hash
    home.close()


async def test_a_manifest_holds_graph_prompts_tools_policies_model_and_settings(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    await waiting(home, tmp_path)

    facts = list_manifests(home.journal)[0].facts
    home.close()

    assert {"graph", "topology", "prompts", "tools", "policy", "model", "model_settings", "budget"} <= facts.keys()
    assert "think → act" in facts["topology"]["edges"]
    assert changes(facts, {**facts, "policy": "0" * 64})[0].startswith("policy: ")
