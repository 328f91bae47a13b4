"""Budgets: what a run, and what threads, users and tenants may use up, through crashes and from several processes."""

import os
import signal
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import bindparam, func, select, update
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Budget, Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput, JournalBroken
from interlock.runtime.gate.holders import holder_here
from interlock.runtime.gate.ledger import accounts, amounts_of
from interlock.runtime.gate.reservations import reservations
from interlock.runtime.gate.shared import SharedPurse, account_of
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.home import Home
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.runtime.records import Limit, Usage
from interlock.runtime.storage.database import Statement

DAY = 86_400.0
ONE = Usage(tool_calls=1)
_HELD = Statement(select(func.count()).select_from(reservations))


def purse(home: Home, *limits: Limit, user: str = "eve", holder: str = "") -> SharedPurse:
    return SharedPurse(
        database=home.database, ledger=home.ledger, clock=home.clock, holder=holder or holder_here("test"),
        caller=Caller(user=user), thread="t", limits=limits,
    )  # fmt: skip


async def pay(home: Home, agents: Agents, *, thread: str = "t", user: str = "eve", **limit: Any) -> str:
    budget = Budget(limits=(Limit(**limit),))
    asked = [calls(call("pay", f"c{n}", amount="1")) for n in range(3)]
    graph = tool_loop(agents.make(*asked, "Paid.", budget=budget))
    async with Session(graph, home=home, thread=thread, user=user) as opened:
        return (await opened.send("pay three times")).status


async def test_a_user_has_one_budget_for_all_threads(home: Home, agents: Agents, till: Till) -> None:
    ends = [await pay(home, agents, thread=f"t{n}", scope="user", tool_calls=5) for n in range(2)]

    assert (ends, len(till.paid)) == (["done", "stopped"], 5)


async def test_another_user_has_another_budget(home: Home, agents: Agents, till: Till) -> None:
    ends = [await pay(home, agents, thread=u, user=u, scope="user", tool_calls=3) for u in ("eve", "kim")]

    assert (ends, len(till.paid)) == (["done", "done"], 6)


async def test_a_tenant_has_one_budget_for_all_users(home: Home, agents: Agents, till: Till) -> None:
    ends = [await pay(home, agents, thread=u, user=u, scope="tenant", tool_calls=4) for u in ("eve", "kim")]

    assert (ends, len(till.paid)) == (["done", "stopped"], 4)


async def test_a_thread_has_one_budget_for_all_its_runs(home: Home, agents: Agents, till: Till) -> None:
    ends = [await pay(home, agents, scope="thread", tool_calls=4) for _ in range(2)]

    assert (ends, len(till.paid)) == (["done", "stopped"], 4)


async def test_the_next_day_has_its_own_budget(home: Home, agents: Agents, till: Till, clock: ManualClock) -> None:
    ends: list[str] = []
    for day in range(2):
        ends.append(await pay(home, agents, thread=f"t{day}", scope="user", per="day", tool_calls=3))
        clock.advance(DAY)

    assert (ends, len(till.paid)) == (["done", "done"], 6)


def test_the_error_names_the_limit_what_is_spent_what_is_needed_and_the_scope(home: Home) -> None:
    shared = purse(home, Limit(scope="user", per="month", usd=Decimal("0.10")))
    shared.settle(shared.reserve(amounts_of(Usage(usd=Decimal("0.08"))), 1.0), Usage(usd=Decimal("0.08")))

    with pytest.raises(BudgetSpent) as caught:
        shared.reserve(amounts_of(Usage(usd=Decimal("0.03"))), 1.0)

    error = caught.value
    assert (error.limit, error.spent, error.needed) == (Decimal("0.10"), Decimal("0.08"), Decimal("0.03"))
    assert error.scope == 'user ["default", "eve"] 2026-01'


def test_what_one_scope_refuses_is_reserved_in_no_other(home: Home) -> None:
    shared = purse(home, Limit(scope="user", tool_calls=9), Limit(scope="tenant", tool_calls=0))

    with pytest.raises(BudgetSpent):
        shared.reserve(amounts_of(ONE), 1.0)

    assert home.database.read(_HELD) == [(0,)]


def test_what_a_process_had_reserved_that_was_killed_is_free_again(home: Home) -> None:
    limit = Limit(scope="user", tool_calls=1, seconds=100)
    _ = home.database
    home.close()
    pid = os.fork()
    if not pid:
        try:
            shared = purse(Home(home.path), limit)
            shared.reserve(amounts_of(ONE), 60.0)
            shared.cover(40.0, 60.0)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert home.database.read(_HELD) == [(2,)]

    assert purse(home, limit).reserve(amounts_of(ONE), 60.0)
    assert purse(home, limit).cover(0.0, 60.0) == 60.0


async def test_steps_have_a_limit_that_runs_share(home: Home, agents: Agents) -> None:
    ends = [await pay(home, agents, thread=f"t{n}", scope="user", steps=6) for n in range(2)]

    assert ends == ["done", "stopped"]
    assert home.ledger.usage(account_of(Limit(scope="user"), Caller(user="eve"), "", home.clock.now())).steps == 6


async def test_seconds_have_a_limit_that_runs_share(home: Home, agents: Agents, clock: ManualClock) -> None:
    def slowly(_messages: object) -> str:
        clock.advance(40)
        return "Hello."

    ends: list[str] = []
    for thread in ("a", "b", "c"):
        budget = Budget(limits=(Limit(scope="user", per="day", seconds=60),))
        async with Session(tool_loop(agents.make(slowly, budget=budget)), home=home, thread=thread) as opened:
            reply = await opened.send("hi")
            ends.append(reply.code or reply.status)

    assert ends == ["done", "done", "budget"]
    assert "80.000 of 60.0 seconds are spent; raise Limit(scope='user', seconds=...)" in reply.text


def test_time_that_another_run_has_reserved_is_not_given_twice(home: Home) -> None:
    limit = Limit(scope="tenant", seconds=100)
    first, second = purse(home, limit), purse(home, limit, user="kim")

    assert first.cover(10.0, 60.0) == 60.0
    assert second.cover(0.0, 60.0) == 30.0
    assert first.cover(15.0, 5.0) == 5.0
    with pytest.raises(BudgetSpent, match=r"needs|100\.000 of 100\.0 seconds are spent"):
        purse(home, limit).cover(0.0, 1.0)
    first.worked(20.0)
    assert second.cover(30.0, 60.0) == 50.0


def test_work_that_is_cut_short_by_a_limit_is_what_the_run_may_take(home: Home) -> None:
    shared = purse(home, Limit(scope="user", seconds=5))

    assert shared.cover(0.0, 60.0) == 5.0
    assert shared.cover(4.0, 60.0) == 1.0


async def test_a_limit_in_money_that_runs_share_needs_a_price_too(home: Home, agents: Agents) -> None:
    budget = Budget(limits=(Limit(scope="tenant", usd=Decimal(1)),))
    agent = replace(agents.make(budget=budget), model=ScriptedChatModel(["Hello."], free=False))
    async with Session(tool_loop(agent), home=home) as opened:
        reply = await opened.send("hi")

    assert (reply.status, reply.code) == ("stopped", "price")


def test_what_a_worker_elsewhere_had_reserved_is_free_when_its_time_is_over(home: Home, clock: ManualClock) -> None:
    limit = Limit(scope="user", tool_calls=1)
    purse(home, limit, holder="elsewhere/1/x").reserve(amounts_of(ONE), 60.0)
    with pytest.raises(BudgetSpent):
        purse(home, limit).reserve(amounts_of(ONE), 60.0)

    clock.advance(91)

    assert purse(home, limit).reserve(amounts_of(ONE), 60.0)


def test_a_clock_that_jumps_takes_nothing_from_a_worker_that_lives(home: Home, clock: ManualClock) -> None:
    limit = Limit(scope="user", tool_calls=1)
    purse(home, limit).reserve(amounts_of(ONE), 60.0)

    for jump in (600.0, -86_400.0):
        clock.advance(jump)
        with pytest.raises(BudgetSpent):
            purse(home, limit).reserve(amounts_of(ONE), 60.0)


def test_what_is_reserved_before_midnight_is_paid_on_the_day_before(home: Home, clock: ManualClock) -> None:
    limit = Limit(scope="user", per="day", tool_calls=1)
    before = account_of(limit, Caller(user="eve"), "t", clock.now())
    shared = purse(home, limit)
    id = shared.reserve(amounts_of(ONE), 60.0)
    clock.advance(DAY)
    shared.settle(id, ONE)

    assert home.ledger.usage(before).tool_calls == 1
    assert shared.reserve(amounts_of(ONE), 60.0)


def test_no_name_of_a_user_or_tenant_can_look_like_another(clock: ManualClock) -> None:
    user, thread = Limit(scope="user", per="month"), Limit(scope="thread")
    names = {
        account_of(user, Caller(tenant="a", user='b", "c'), "t", clock.now()),
        account_of(user, Caller(tenant='a", "b', user="c"), "t", clock.now()),
        account_of(thread, Caller(), "t 2026-01", clock.now()),
        account_of(Limit(scope="thread", per="month"), Caller(), "t", clock.now()),
    }

    assert len(names) == 4


@pytest.mark.parametrize("wrong", [{"usd": "-1"}, {"tokens": -1}, {"steps": 0}, {"seconds": -5}, {"dollars": 3}])
def test_a_negative_or_unknown_limit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=next(iter(wrong))):
        Budget(**wrong)


async def test_tokens_in_and_out_have_limits_of_their_own(home: Home, agents: Agents) -> None:
    ends: list[tuple[str, str]] = []
    for budget in (Budget(input_tokens=0), Budget(output_tokens=10)):
        async with Session(tool_loop(agents.make("hello", budget=budget)), home=home) as opened:
            reply = await opened.send("hi")
            ends.append((reply.status, reply.code))

    assert ends == [("stopped", "budget")] * 2


@pytest.mark.parametrize("forged", [-1000, "a lot", float("inf")])
async def test_a_ledger_that_was_changed_lets_nobody_spend(
    home: Home, agents: Agents, till: Till, forged: object
) -> None:
    await pay(home, agents, scope="user", tool_calls=5)
    with home.database.transaction() as tx:
        tx.run(Statement(update(accounts).values(tool_calls=bindparam("forged"))), forged=forged)

    with pytest.raises(JournalBroken, match=r"the ledger of 'user .*' was changed"):
        await pay(home, agents, thread="t2", scope="user", tool_calls=5)

    assert len(till.paid) == 3
