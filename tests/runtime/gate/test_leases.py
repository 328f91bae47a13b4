"""Leases on threads: one worker at a time, whatever the clock does, and a dead one is noticed."""

import os
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock, SystemClock
from interlock.runtime.errors import ThreadBusy
from interlock.runtime.gate.holders import alive, here, holder_here, surely_alive
from interlock.runtime.gate.leases import TTL_S, held, keep, lasting, release, take
from interlock.runtime.gate.stops import LeaseLost
from interlock.runtime.home import Home

DAY = 86_400.0
HERE, OTHER = holder_here("a"), holder_here("b")
AWAY = "elsewhere/1/a"


def other_machine(clock: ManualClock) -> ManualClock:
    """Make the clock of another machine: it shows the same time, and counts from another start."""
    return ManualClock(clock.now())


def test_a_worker_that_was_taken_over_from_cannot_go_on(home: Home, clock: ManualClock) -> None:
    with home.database.transaction() as tx:
        first = take(tx, "t", "r", "elsewhere/1/a", clock)
        with pytest.raises(ThreadBusy):
            take(tx, "t", "r", "elsewhere/2/b", clock)
        clock.advance(TTL_S + 1)
        second = take(tx, "t", "r", "elsewhere/2/b", clock)

        assert second.fence == first.fence + 1
        with pytest.raises(LeaseLost):
            keep(tx, first, clock)
        keep(tx, second, clock)


@pytest.mark.parametrize("holder", ["", "nobody", "a/b", "x/y/z"])
def test_a_lease_whose_holder_cannot_be_read_lasts_its_time(home: Home, clock: ManualClock, holder: str) -> None:
    with home.database.transaction() as tx:
        take(tx, "t", "r", holder, clock)
        with pytest.raises(ThreadBusy):
            take(tx, "t", "r", "elsewhere/2/b", clock)
        clock.advance(TTL_S + 1)

        assert take(tx, "t", "r", "elsewhere/2/b", clock).fence == 2


@pytest.mark.parametrize("jump", [DAY, 2 * TTL_S, -DAY, -2 * TTL_S])
def test_a_clock_that_is_set_takes_no_thread_from_a_living_worker_of_this_machine(
    home: Home, clock: ManualClock, jump: float
) -> None:
    with home.database.transaction() as tx:
        lease = take(tx, "t", "r", HERE, clock)
        clock.advance(jump, monotonic=False)

        with pytest.raises(ThreadBusy):
            take(tx, "t", "r", OTHER, clock)
        keep(tx, lease, clock)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_lease_of_this_machine_is_over_in_its_time_whatever_the_clock_shows(
    home: Home, clock: ManualClock, jump: float
) -> None:
    with home.database.transaction() as tx:
        take(tx, "t", "r", HERE, clock)
        clock.advance(jump, monotonic=False)
        clock.advance(TTL_S + 1)

        assert take(tx, "t", "r", OTHER, clock).fence == 2


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_once_its_worker_has_looked_other_machines_see_a_lease_as_long_as_it_is(
    home: Home, clock: ManualClock, jump: float
) -> None:
    with home.database.transaction() as tx:
        lease = take(tx, "t", "r", AWAY, clock)
        clock.advance(jump, monotonic=False)
        assert not lasting(lease, clock, 0.0)
        keep(tx, lease, clock)
        assert lasting(lease, clock, 0.0)

        away = other_machine(clock)
        away.advance(TTL_S - 1)
        with pytest.raises(ThreadBusy):
            take(tx, "t", "r", "elsewhere/2/b", away)
        away.advance(2)
        assert take(tx, "t", "r", "elsewhere/2/b", away).fence == 2


def test_a_worker_of_another_machine_goes_by_the_time_of_day(home: Home, clock: ManualClock) -> None:
    with home.database.transaction() as tx:
        take(tx, "t", "r", AWAY, clock)
        away = other_machine(clock)
        away.advance(TTL_S + 1)

        assert take(tx, "t", "r", HERE, away).fence == 2


def test_a_long_call_is_not_cut_short_by_a_short_one_beside_it(home: Home, clock: ManualClock) -> None:
    with home.database.transaction() as tx:
        lease = take(tx, "t", "r", HERE, clock)
        keep(tx, lease, clock, 3600.0)
        clock.advance(-DAY, monotonic=False)
        keep(tx, lease, clock, 1.0)

        assert lasting(lease, clock, 3600.0)


def test_a_lease_that_was_given_up_is_free_at_once(home: Home, clock: ManualClock) -> None:
    with home.database.transaction() as tx:
        lease = take(tx, "t", "r", HERE, clock)
        assert held(tx, clock) == {"t": "r"}
        release(tx, lease)

        assert held(tx, clock) == {}
        with pytest.raises(LeaseLost):
            keep(tx, lease, clock)


@pytest.mark.parametrize("jump", [0.0, -DAY])
def test_a_worker_that_died_here_holds_nothing_whatever_the_clock_shows(
    home: Home, clock: ManualClock, jump: float
) -> None:
    with subprocess.Popen(["sleep", "60"]) as worker, home.database.transaction() as tx:
        take(tx, "t", "r", f"{os.uname().nodename}/{worker.pid}/x", clock)
        with pytest.raises(ThreadBusy):
            take(tx, "t", "r", HERE, clock)
        worker.kill()

    clock.advance(jump, monotonic=False)

    with home.database.transaction() as tx:
        assert take(tx, "t", "r", HERE, clock).fence == 2


def test_another_process_under_the_id_of_a_dead_worker_is_not_taken_for_it() -> None:
    host, process, token = HERE.rsplit("/", 2)
    pid, _, begun = process.partition(":")

    assert (alive(HERE), surely_alive(HERE), here(HERE)) == (True, True, True)
    assert not alive(f"{host}/{pid}:{int(begun) - 1}/{token}")
    assert (alive(f"{host}/{pid}/{token}"), surely_alive(f"{host}/{pid}/{token}")) == (True, False)


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_run_goes_on_through_a_clock_that_is_set_and_pays_once(
    home: Home, agents: Agents, till: Till, clock: ManualClock, jump: float
) -> None:
    def jumping(_messages: object) -> Any:
        clock.advance(jump, monotonic=False)
        return calls(call("pay", "c", amount="1"))

    async with Session(tool_loop(agents.make(jumping, "Paid.")), home=home, thread="t") as opened:
        reply = await opened.send("pay")

    assert (reply.status, reply.text, len(till.paid)) == ("done", "Paid.", 1)


async def test_a_second_worker_is_refused_while_the_first_works_though_the_clock_was_set(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    graph = tool_loop(agents.make(*[calls(call("pay", "c", amount="1")), "Paid."] * 2))
    async with Session(graph, home=home, thread="t") as first, Session(graph, home=home, thread="t") as second:
        working = first.stream("pay")
        await anext(working)
        clock.advance(DAY, monotonic=False)
        with pytest.raises(ThreadBusy):
            await second.send("pay, too")
        rest = [event async for event in working]

    assert (len(till.paid), [event.reply.status for event in rest if event.kind == "ended"]) == (1, ["done"])


def test_the_processes_of_one_machine_count_from_the_same_start() -> None:
    one, other = SystemClock(), SystemClock()

    assert one.boot() == other.boot() != ManualClock(datetime(2026, 1, 1, tzinfo=UTC)).boot()
