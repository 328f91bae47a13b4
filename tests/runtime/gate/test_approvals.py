"""Approvals: who may answer, how many must, and that none is used for anything but what it was given for."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from sqlalchemy import text
from tests.graphs.conftest import Agents, Till, call, calls
from tests.runtime.gate.conftest import ADA, BEN, TWO_OF

from interlock import Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ApprovalRefused, JournalBroken, NotFound
from interlock.runtime.gate.reminders import sweep
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.actions import actions
from interlock.runtime.storage.database import Statement

HOUR = 3600.0


def session(home: Home, agents: Agents, *amounts: str) -> Session:
    """Open a session in which the model asks for so many payments at once."""
    asked = calls(*(call("pay", f"c{n}", amount=amount) for n, amount in enumerate(amounts)))
    return Session(tool_loop(agents.make(asked, "Told.")), home=home, thread="t", user="eve")


def again(home: Home, agents: Agents) -> Session:
    """Open the thread as another process does, whose model has only the answer left to give."""
    return Session(tool_loop(agents.make("Told.")), home=Home(home.path, clock=home.clock), thread="t", user="eve")


def write(policy: Path, text: str) -> None:
    """Change the policy while runs wait."""
    policy.write_text(text)


async def told(opened: Session) -> list[str]:
    return [str(m.content) for m in await opened.history() if isinstance(m, ToolMessage)]


async def test_a_payment_that_needs_two_is_made_once_when_two_have_approved(
    home: Home, agents: Agents, till: Till
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        assert home.approvals.answer(id, approve=True, by=ADA).state == "pending"
        assert (await opened.resume()).status == "waiting"
        assert home.approvals.answer(id, approve=True, by=BEN).state == "approved"
        assert (await opened.resume()).status == "done"

    assert till.paid == [Decimal(100)]
    assert home.approvals.get(id).state == "used"


async def test_an_approval_is_named_by_how_its_id_begins(home: Home, agents: Agents) -> None:
    async with session(home, agents, "100", "200") as opened:
        first, second = (one["id"] for one in (await opened.send("pay")).approvals)

    assert len(first) == 32
    assert home.approvals.answer(first[:8], approve=True, by=ADA).id == first
    for unclear in ("", first[:5], "%" * 8, "______", second[:8] + "x"):
        with pytest.raises(NotFound, match="no approval"):
            home.approvals.get(unclear)


async def test_nobody_counts_twice(home: Home, agents: Agents) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
    home.approvals.answer(id, approve=True, by=ADA)

    with pytest.raises(ApprovalRefused, match="'ada' has answered it already"):
        home.approvals.answer(id, approve=True, by=ADA)


async def test_one_denial_denies_and_the_model_hears_why(home: Home, agents: Agents, till: Till) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        home.approvals.answer(id, approve=True, by=ADA)
        home.approvals.answer(id, approve=False, by=BEN, note="no receipt")
        await opened.resume()

        assert await told(opened) == ["ben denied pay: no receipt"]
    assert till.paid == []


async def test_an_answer_that_does_not_count_is_on_record(home: Home, agents: Agents) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
    with pytest.raises(ApprovalRefused):
        home.approvals.answer(id, approve=True, by=Caller(user="eve", roles=("lead",)))

    refused = [one for one in actions(home.journal) if one.action == "answer"]
    assert [(one.outcome, one.arguments["by"]) for one in refused] == [("refused: approval", "eve")]


async def test_a_person_sees_what_will_happen_before_answering(home: Home, agents: Agents) -> None:
    async with session(home, agents, "20", "100") as opened:
        shown = (await opened.send("please pay")).approvals[0]

    assert shown["arguments"] == {"amount": "100"}
    assert (shown["effect"]["destructive"], shown["usd"], shown["quorum"]) == (True, "0", 2)
    assert shown["led_here"]["asked"] == "please pay"
    assert shown["led_here"]["calls"][0]["arguments"] == {"amount": "20"}
    assert len(shown["policy_version"]) == 64


@pytest.mark.parametrize(
    ("edited", "ends"),
    [  # pyright: ignore[reportUnknownArgumentType]
        ({"amount": "40"}, ([Decimal(40)], "paid 40")),
        ({"amount": "501"}, ([], "pay is not allowed (policy huge): more than 500. Do not try it again.")),
        ({"sum": 3}, ([], "ada edited the arguments, and they do not fit.")),
    ],
)
async def test_edited_arguments_are_decided_again(
    home: Home, agents: Agents, till: Till, edited: dict[str, Any], ends: tuple[list[Decimal], str]
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        home.approvals.edit(id, edited, by=ADA)
        await opened.resume()

        assert (await told(opened))[0].startswith(ends[1])
    assert till.paid == ends[0]


async def test_an_edit_that_asks_again_is_bound_to_what_was_put_in_place(
    home: Home, agents: Agents, till: Till
) -> None:
    async with session(home, agents, "100") as opened:
        first = (await opened.send("pay")).approvals[0]
        home.approvals.edit(first["id"], {"amount": "70"}, by=ADA)
        second = (await opened.resume()).approvals[0]
        assert (second["arguments"], second["edit_of"]) == ({"amount": "70"}, first["id"])
        for person in (ADA, BEN):
            home.approvals.answer(second["id"], approve=True, by=person)
        await opened.resume()

    assert first["digest"] != second["digest"]
    assert till.paid == [Decimal(70)]
    with pytest.raises(ApprovalRefused, match="it is edited already"):
        home.approvals.answer(first["id"], approve=True, by=BEN)


async def test_several_are_answered_in_any_order_from_other_processes(home: Home, agents: Agents, till: Till) -> None:
    async with session(home, agents, "100", "200", "300") as opened:
        waiting = (await opened.send("pay")).approvals
    by_amount = {one["arguments"]["amount"]: one["id"] for one in waiting}

    for amount in ("300", "100", "200"):
        other = Home(home.path, clock=home.clock)
        for person in (BEN, ADA):
            other.approvals.answer(by_amount[amount], approve=True, by=person)
        other.close()
        async with again(home, agents) as opened:
            reply = await opened.resume()

    assert till.paid == [Decimal(300), Decimal(100), Decimal(200)]
    assert (reply.status, [home.approvals.get(id).state for id in by_amount.values()]) == ("done", ["used"] * 3)


async def test_one_that_has_expired_can_neither_be_answered_nor_used(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        clock.advance(2 * HOUR + 1)
        with pytest.raises(ApprovalRefused, match="it is expired already"):
            home.approvals.answer(id, approve=True, by=ADA)
        await opened.resume()

        assert await told(opened) == ["Nobody approved pay in time, so it was not done."]
    assert till.paid == []


async def test_one_that_was_approved_and_not_used_in_time_is_worth_nothing(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        for person in (ADA, BEN):
            home.approvals.answer(id, approve=True, by=person)
        clock.advance(2 * HOUR + 1)
        await opened.resume()

    assert till.paid == []


async def test_a_policy_that_changes_who_must_approve_supersedes_what_was_asked(
    home: Home, agents: Agents, till: Till, policy: Path
) -> None:
    async with session(home, agents, "100") as opened:
        old = (await opened.send("pay")).approvals[0]["id"]
        for person in (ADA, BEN):
            home.approvals.answer(old, approve=True, by=person)
        write(policy, TWO_OF.replace('@quorum("2")', '@quorum("3")'))
        new = (await opened.resume()).approvals

    assert [one["quorum"] for one in new] == [3]
    assert (till.paid, home.approvals.get(old).state) == ([], "superseded")


async def test_a_policy_that_now_forbids_ends_what_was_asked(
    home: Home, agents: Agents, till: Till, policy: Path
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        write(policy, TWO_OF.replace('"500.00"', '"60.00"'))
        await opened.resume()

    assert (till.paid, home.approvals.get(id).state) == ([], "superseded")


async def test_what_waits_is_told_again_and_what_waited_too_long_is_ended(
    home: Home, agents: Agents, clock: ManualClock
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]

    seen: list[tuple[int, int]] = []
    for minutes in (0, 59, 1, 30, 31):
        clock.advance(minutes * 60)
        reminded, expired = sweep(home, after_s=HOUR)
        seen.append((len(reminded), len(expired)))

    assert seen == [(0, 0), (0, 0), (1, 0), (0, 0), (0, 1)]
    assert sweep(home, after_s=HOUR)[1] == []
    kinds = [e.event for e in home.journal.everything() if isinstance(e.event, events.ApprovalReminded)]
    assert (kinds[0].approval, kinds[0].roles) == (id, ("lead",))


@pytest.mark.parametrize(
    "sql",
    ["UPDATE approvals SET state = 'approved'", 'UPDATE approvals SET decision = \'{"outcome": "maybe"}\''],
)
async def test_one_that_was_tampered_with_opens_nothing(home: Home, agents: Agents, till: Till, sql: str) -> None:
    async with session(home, agents, "100") as opened:
        await opened.send("pay")
        with home.database.transaction() as tx:
            tx.run(Statement(text(sql)))
        with pytest.raises(JournalBroken):
            await opened.resume()

    assert till.paid == []
