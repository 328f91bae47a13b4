"""Budgets: what a run, and what threads, users and tenants may use up, through crashes and from several processes."""

import os
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Budget, Caller, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.database import Statement
from interlock.runtime.gate.leases import holder_here
from interlock.runtime.gate.ledger import amounts_of
from interlock.runtime.gate.shared import SharedPurse, account_of, reservations
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.home import Home
from interlock.runtime.records import Limit, Usage

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
    limit = Limit(scope="user", tool_calls=1)
    _ = home.database
    home.close()
    pid = os.fork()
    if not pid:
        try:
            purse(Home(home.path), limit).reserve(amounts_of(ONE), 60.0)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert home.database.read(_HELD) == [(1,)]

    assert purse(home, limit).reserve(amounts_of(ONE), 60.0)


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
    with pytest.raises(ValidationError):
        Budget(**wrong)


async def test_tokens_in_and_out_have_limits_of_their_own(home: Home, agents: Agents) -> None:
    ends: list[tuple[str, str]] = []
    for budget in (Budget(input_tokens=0), Budget(output_tokens=10)):
        async with Session(tool_loop(agents.make("hello", budget=budget)), home=home) as opened:
            reply = await opened.send("hi")
            ends.append((reply.status, reply.code))

    assert ends == [("stopped", "budget")] * 2
