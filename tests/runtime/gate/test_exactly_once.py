"""Exactly once: after crashes, with tools that can be asked and tools that cannot, and workers that were given up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from sqlalchemy import text
from tests.graphs.conftest import Agents, Till, call, calls
from tests.runtime.gate.conftest import ADA

from interlock import Agent, Session, ToolContext, tool
from interlock.graphs import tool_loop
from interlock.runtime.errors import ApprovalRefused, ContractBroken
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.storage.database import Statement
from interlock.tools import Happened

ROOT = Path(__file__).parents[3]


def broken_till(home: Home, agents: Agents, till: Till) -> Session:
    """Open a session in which a payment is made and its answer is lost."""
    till.breaks = ConnectionResetError("the line went dead")
    asked = calls(call("pay", "c", amount="10"))
    return Session(tool_loop(agents.make(asked, "Told.")), home=home, thread="t", user="eve")


def allow_all(policy: Path) -> None:
    policy.write_text('@id("all") permit (principal, action, resource);')


async def told(opened: Session) -> list[str]:
    return [str(m.content) for m in await opened.history() if isinstance(m, ToolMessage)]


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ("happened", (1, "pay took effect, as told by ada: I looked")),
        ("again", (2, "paid 10")),
        ("leave", (1, "It is not known whether pay took effect. It will not be repeated; a person must check.")),
    ],
)
async def test_an_effect_in_doubt_has_three_answers(
    home: Home, agents: Agents, till: Till, answer: str, ends: tuple[int, str]
) -> None:
    async with broken_till(home, agents, till) as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        till.breaks = None
        if answer == "happened":
            home.approvals.happened(id, by=ADA, note="I looked")
        else:
            home.approvals.answer(id, approve=answer == "again", by=ADA)
        reply = await opened.resume()

        assert (reply.status, await told(opened)) == ("done", [ends[1]])
    assert len(till.paid) == ends[0]
    assert verify(home.database).ok


async def test_what_may_have_happened_cannot_be_edited(home: Home, agents: Agents, till: Till) -> None:
    async with broken_till(home, agents, till) as opened:
        id = (await opened.send("pay")).approvals[0]["id"]

    with pytest.raises(ApprovalRefused, match="cannot be edited"):
        home.approvals.edit(id, {"amount": "1"}, by=ADA)


def tracked(till: Till, answers: Any) -> list[Any]:
    """Make a payment tool that loses its answer, and can be asked."""

    def status(amount: str, context: ToolContext) -> Happened | None:
        assert context.idempotency_key
        if isinstance(answers, Exception):
            raise answers
        return answers

    @tool(destructive=True, timeout=5, status=status)
    async def pay(amount: str) -> str:
        """Pay an amount."""
        till.paid.append(amount)  # type: ignore[arg-type]
        raise ConnectionResetError("the line went dead")

    return [pay]


@pytest.mark.parametrize(
    ("answers", "ends"),
    [  # pyright: ignore[reportUnknownArgumentType]
        (Happened("paid after all"), ("done", ["paid after all"])),
        (None, ("done", ["pay: ConnectionResetError: the line went dead It took no effect."])),
        (OSError("no answer"), ("waiting", [])),
    ],
)
async def test_a_tool_that_can_tell_is_asked_before_a_person(
    home: Home, till: Till, policy: Path, answers: Any, ends: tuple[str, list[str]]
) -> None:
    allow_all(policy)
    model = ScriptedChatModel([calls(call("pay", "c", amount="10")), "Told."])
    agent = Agent(name="till", model=model, tools=tracked(till, answers), policy=policy)
    async with Session(tool_loop(agent), home=home, user="eve") as opened:
        reply = await opened.send("pay")

        assert (reply.status, await told(opened)) == ends
    assert len(till.paid) == 1


def test_a_status_function_that_wants_what_the_tool_does_not_take_is_refused() -> None:
    def status(colour: str) -> Happened | None:
        return None

    with pytest.raises(ContractBroken, match="wants 'colour'"):

        @tool(status=status)
        def paint(size: int) -> str:
            """Paint."""
            return ""


async def test_a_repeatable_tool_that_keeps_failing_is_not_repeated_for_ever(home: Home, policy: Path) -> None:
    done: list[int] = []

    @tool(destructive=True, idempotent=True, timeout=5)
    async def book(n: int) -> int:
        """Book."""
        done.append(n)
        raise ConnectionResetError("the line went dead")

    allow_all(policy)
    model = ScriptedChatModel([calls(call("book", "c", n=1)), "Told."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[book], policy=policy)), home=home) as opened:
        reply = await opened.send("book")

    assert (reply.status, done) == ("done", [1])


async def test_an_effect_whose_row_cannot_be_read_is_put_to_a_person(home: Home, agents: Agents, till: Till) -> None:
    async with broken_till(home, agents, till) as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        home.approvals.answer(id, approve=True, by=ADA)
        with home.database.transaction() as tx:
            tx.run(Statement(text("UPDATE effects SET state = 'xyz', attempts = 7")))
        again = await opened.resume()

    assert [one["question"] for one in again.approvals] == ["in_doubt"]
    assert len(till.paid) == 1


def test_workers_that_are_killed_double_nothing_and_lose_nothing() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "crash.py"), "--trials", "18", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])

    assert (found["doubled"], found["lost"]) == (0, 0)
    assert [it["unfinished"] + it["broken"] + it["journals_broken"] for it in found["kinds"].values()] == [0, 0, 0]
