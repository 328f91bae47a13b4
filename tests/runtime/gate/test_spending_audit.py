"""What accounts hold is held against the chain: an amount that was changed is named, however plausible it is."""

import asyncio
import os
import signal
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from tests.graphs.conftest import Agents, Till, call, calls
from tests.graphs.test_budget import answer, workflow

from interlock import Budget, Limit, Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.home import Home
from interlock.runtime.journal.audit import verify
from interlock.runtime.journal.erasing import erase_all, held_of
from interlock.runtime.journal.pruning import prune
from interlock.runtime.memories import Owner
from interlock.runtime.storage.database import Statement

LIMITS = (
    Limit(scope="user", per="day", tool_calls=50),
    Limit(scope="tenant", usd=Decimal(5)),
    Limit(scope="thread", seconds=500),
)
DAY = 86_400.0
MORE = 'user ["default", "eve"] 2026-01-01'


async def paid(home: Home, agents: Agents, *amounts: str, user: str = "eve", thread: str = "t") -> str:
    asked = [calls(call("pay", f"c{n}", amount=amount)) for n, amount in enumerate(amounts)]
    graph = tool_loop(agents.make(*asked, "Paid.", budget=Budget(limits=LIMITS)))
    async with Session(graph, home=home, thread=thread, user=user) as opened:
        return (await opened.send("pay")).status


def forged(home: Home, sql: str) -> list[str]:
    """Change the ledger by hand, and give what an audit says."""
    with home.database.transaction() as tx:
        assert tx.run(Statement(text(sql))).rowcount
    return [f"{finding.where}: {finding.problem}" for finding in verify(home.database).findings]


@pytest.mark.parametrize("unit", ["steps", "model_calls", "tool_calls", "input_tokens", "output_tokens"])
@pytest.mark.parametrize("scope", [MORE, 'tenant ["default"]', 'thread ["t"]', "run %"])
async def test_one_unit_less_in_an_account_is_named(home: Home, agents: Agents, unit: str, scope: str) -> None:
    await paid(home, agents, "1", "2")
    assert verify(home.database).ok

    found = forged(home, f"UPDATE accounts SET {unit} = {unit} - 1 WHERE scope LIKE '{scope}'")  # noqa: S608

    assert len(found) == 1
    assert f" {unit}, and the journal tells of " in found[0]
    assert found[0].startswith(f"accounts {scope.removesuffix('%')}")


async def test_the_finding_names_what_the_account_holds_and_what_the_journal_tells(home: Home, agents: Agents) -> None:
    await paid(home, agents, "1", "2")

    found = forged(home, f"UPDATE accounts SET tool_calls = 1 WHERE scope = '{MORE}'")  # noqa: S608

    assert found == [f"accounts {MORE}: it was changed: it holds 1 tool_calls, and the journal tells of 2"]


async def test_time_that_was_taken_out_of_an_account_is_named(home: Home, agents: Agents, clock: ManualClock) -> None:
    def slowly(_messages: object) -> str:
        clock.advance(40)
        return "Done."

    async with Session(tool_loop(agents.make(slowly, budget=Budget(limits=LIMITS))), home=home, thread="t") as opened:
        await opened.send("hi")

    found = forged(home, "UPDATE accounts SET seconds = seconds - 39 WHERE scope LIKE 'thread%'")

    assert found == ['accounts thread ["t"]: it was changed: it holds 1.000 seconds, and the journal tells of 40.000']


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("UPDATE accounts SET tool_calls = 9 WHERE scope LIKE 'user%'", "it holds 9 tool_calls, and the journal"),
        ("DELETE FROM accounts WHERE scope LIKE 'user%'", "it was removed: the journal tells what was spent"),
        ("UPDATE accounts SET scope = 'user [\"default\", \"kim\"]' WHERE scope LIKE 'user%'", "tells of 0"),
        ("UPDATE accounts SET nanos = 7 WHERE scope LIKE 'tenant%'", "it holds 0.000000007 usd"),
        ("UPDATE accounts SET seconds = 'long'", "the ledger of"),
    ],
)  # fmt: skip
async def test_accounts_that_were_raised_removed_or_given_to_others_are_named(
    home: Home, agents: Agents, sql: str, named: str
) -> None:
    await paid(home, agents, "1", "2")

    assert named in "\n".join(forged(home, sql))


async def test_a_reservation_that_no_open_run_explains_is_named(home: Home, agents: Agents) -> None:
    await paid(home, agents, "1")

    found = forged(
        home,
        "INSERT INTO reservations SELECT 'r', scope, 'elsewhere/1/x', 9e9, steps, model_calls, tool_calls,"
        " input_tokens, output_tokens, nanos, seconds FROM accounts WHERE scope LIKE 'user%'",
    )

    assert found == [f"reservations r: no open run explains what it holds of {MORE}"]


async def test_work_on_two_days_is_found_in_the_accounts_of_both(
    home: Home, agents: Agents, clock: ManualClock
) -> None:
    graph = tool_loop(agents.make(calls(call("pay", "c", amount="60")), "Paid.", budget=Budget(limits=LIMITS)))
    async with Session(graph, home=home, thread="t", user="eve") as opened:
        assert (await opened.send("pay")).status == "waiting"
        clock.advance(DAY)
        await opened.resume()

    assert verify(home.database).ok
    found = forged(home, "UPDATE accounts SET model_calls = 0 WHERE scope LIKE 'user%'")
    assert found == [
        f'accounts user ["default", "eve"] 2026-01-0{day}: '
        "it was changed: it holds 0 model_calls, and the journal tells of 1"
        for day in (1, 2)
    ]


async def test_what_a_run_inside_another_spends_is_told_once_of_what_both_share(home: Home, agents: Agents) -> None:
    budget = Budget(limits=LIMITS)
    inner = tool_loop(agents.make(calls(call("pay", "c", amount="1")), "Paid.", budget=budget))

    async def ask(state: Any, runtime: Any) -> dict[str, Any]:
        await inner.ainvoke({"messages": [("user", "pay")]})
        return {}

    graph = workflow(agents.make(budget=budget), ask=ask, answer=answer)
    async with Session(graph, home=home, thread="t", user="eve") as session:
        await session.send("pay")

    assert verify(home.database).ok
    assert len(forged(home, "UPDATE accounts SET tool_calls = 0 WHERE tool_calls = 1")) == 5


async def test_a_budget_that_was_raised_while_the_run_stood_still_is_told(
    home: Home, agents: Agents, till: Till
) -> None:
    asked = [calls(call("pay", f"c{n}", amount="1")) for n in range(2)]
    lean = agents.make(*asked, "Paid.", budget=Budget(limits=[Limit(scope="user", tool_calls=1)]))
    more = agents.make("Paid.", budget=Budget(limits=[Limit(scope="tenant", tool_calls=5)]))
    async with Session(tool_loop(lean), home=home, thread="t") as opened:
        assert (await opened.send("pay")).status == "stopped"
    async with Session(tool_loop(more), home=home, thread="t") as opened:
        assert (await opened.resume()).status == "done"

    assert len(till.paid) == 2
    assert verify(home.database).ok
    assert len(forged(home, "UPDATE accounts SET tool_calls = 0 WHERE scope LIKE 'tenant%'")) == 1


def _die(_signal: int, _frame: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_leaves_nothing_that_looks_forged(home: Home, agents: Agents) -> None:
    home.close()
    for _ in range(2):
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGALRM, _die)
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            asyncio.run(paid(Home(home.path), agents, *["1"] * 40))
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(pid, 0)

    assert verify(home.database).findings == ()


async def test_an_account_whose_runs_were_pruned_or_erased_may_hold_more_and_never_less(
    home: Home, agents: Agents, clock: ManualClock
) -> None:
    await paid(home, agents, "1", "2", user="ann", thread="t1")
    await paid(home, agents, "1", "2", user="ben", thread="t2")
    clock.advance(10 * DAY)
    await paid(home, agents, "1", user="eve", thread="t3")
    with home.database.transaction() as tx:
        erase_all(tx, home, held_of(home, Owner(tenant="default", user="ben")), "e1")
    assert verify(home.database).ok
    prune(home, before=clock.now() - timedelta(days=5))
    assert verify(home.database).ok

    found = forged(home, "UPDATE accounts SET tool_calls = 0 WHERE scope LIKE 'tenant%'")

    assert found == [
        'accounts tenant ["default"]: it was changed: it holds 0 tool_calls, and the journal tells of at least 1'
    ]


async def test_a_row_that_was_changed_is_named_before_the_accounts_that_follow_from_it(
    home: Home, agents: Agents
) -> None:
    await paid(home, agents, "1")

    found = forged(
        home, """UPDATE events SET head = replace(head, '"tool_calls":1', '"tool_calls":8') WHERE kind = 'tool_done'"""
    )

    assert found[0].endswith("the row was changed, or what stood before it was")
    assert found[-1].startswith("accounts ")
