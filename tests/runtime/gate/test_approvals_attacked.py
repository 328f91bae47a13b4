"""Approvals under attack: answered at once from many places, again, late, in odd words, while clocks are set."""

import threading
from decimal import Decimal

import pytest
from tests.graphs.conftest import Agents, Till, call, calls
from tests.runtime.gate.conftest import ADA, BEN
from tests.runtime.gate.test_approvals import HOUR, again, session, told

from interlock import Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ApprovalRefused, BadInput
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify

CEM = Caller(user="cem", roles=("lead",))


async def test_of_many_who_answer_at_once_each_counts_once(home: Home, agents: Agents, till: Till) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
    refused: list[str] = []

    def approve() -> None:
        other = Home(home.path, clock=home.clock)
        try:
            other.approvals.answer(id, approve=True, by=ADA)
        except ApprovalRefused as error:
            refused.append(error.what)
        other.close()

    threads = [threading.Thread(target=approve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = home.approvals.get(id)
    assert (found.state, found.approved_by, len(refused)) == ("pending", ["ada"], 7)


async def test_branches_that_wait_side_by_side_each_get_their_own_answer_after_a_restart(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    async with session(home, agents, "100", "200", "300") as opened:
        by_amount = {one["arguments"]["amount"]: one["id"] for one in (await opened.send("pay")).approvals}
    home.approvals.answer(by_amount["200"], approve=False, by=BEN, note="not that one")
    for person in (ADA, BEN):
        home.approvals.answer(by_amount["300"], approve=True, by=person)
    async with again(home, agents) as opened:
        assert (await opened.resume()).status == "waiting"
    clock.advance(2 * HOUR + 1)
    async with again(home, agents) as opened:
        reply = await opened.resume()
        results = await told(opened)

    assert (reply.status, till.paid) == ("done", [Decimal(300)])
    assert results == [
        "Nobody approved pay in time, so it was not done.", "ben denied pay: not that one", "paid 300",
    ]  # fmt: skip


async def test_the_same_request_in_a_later_turn_is_asked_anew(home: Home, agents: Agents, till: Till) -> None:
    asked = calls(call("pay", "c", amount="100"))
    async with Session(tool_loop(agents.make(asked, "Paid.", asked, "Paid.")), home=home, user="eve") as opened:
        first = (await opened.send("pay")).approvals[0]["id"]
        for person in (ADA, BEN):
            home.approvals.answer(first, approve=True, by=person)
        await opened.resume()
        second = await opened.send("pay again")

    assert (second.status, len(till.paid)) == ("waiting", 1)
    assert second.approvals[0]["id"] != first
    with pytest.raises(ApprovalRefused, match="it is used already"):
        home.approvals.answer(first, approve=True, by=CEM)


@pytest.mark.parametrize("by", [(), (ADA, BEN)])
async def test_one_that_was_found_expired_stays_so_though_the_clock_is_set_back(
    home: Home, agents: Agents, till: Till, clock: ManualClock, by: tuple[Caller, ...]
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        for person in by:
            home.approvals.answer(id, approve=True, by=person)
        clock.advance(3 * HOUR)
        with pytest.raises(ApprovalRefused, match="it is expired already"):
            home.approvals.answer(id, approve=True, by=CEM)
        clock.advance(-3 * HOUR, monotonic=False)

        with pytest.raises(ApprovalRefused, match="it is expired already"):
            home.approvals.answer(id, approve=True, by=CEM)
        await opened.resume()

    assert (till.paid, home.approvals.get(id).state) == ([], "expired")
    assert verify(home.database).ok


async def test_what_was_approved_after_the_run_found_it_expired_is_not_used(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        clock.advance(3 * HOUR)
        await opened.resume()
        clock.advance(-3 * HOUR, monotonic=False)
        for person in (ADA, BEN):
            home.approvals.answer(id, approve=True, by=person)

        assert await told(opened) == ["Nobody approved pay in time, so it was not done."]
    assert till.paid == []


@pytest.mark.parametrize("note", ["half \ud800 a character", "x" * 100_000, "line\nbreak\x00"])
async def test_whatever_a_note_holds_the_model_hears_that_it_was_denied(home: Home, agents: Agents, note: str) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]
        home.approvals.answer(id, approve=False, by=ADA, note=note)
        await opened.resume()

        assert (await told(opened))[0].startswith("ada denied pay: ")


@pytest.mark.parametrize("arguments", [{"amount": 2**70}, {"amount": Decimal(1)}, {"amount": "\ud800"}, {1: 2}])
async def test_arguments_that_cannot_be_kept_are_no_edit(
    home: Home, agents: Agents, arguments: dict[str, object]
) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]

    with pytest.raises(BadInput, match="cannot be kept"):
        home.approvals.edit(id, arguments, by=ADA)
    assert home.approvals.get(id).state == "pending"


async def test_who_edits_needs_the_role_and_may_not_be_who_asked(home: Home, agents: Agents) -> None:
    async with session(home, agents, "100") as opened:
        id = (await opened.send("pay")).approvals[0]["id"]

    for person in (Caller(user="kim"), Caller(user="eve", roles=("lead",)), Caller(user="ada", tenant="other")):
        with pytest.raises(ApprovalRefused):
            home.approvals.edit(id, {"amount": "1"}, by=person)
    assert home.approvals.get(id).state == "pending"
