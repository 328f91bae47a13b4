"""Whether a limit holds that two processes share, each with half of 64 parallel branches.

In every schedule both processes go for one new limit at the same time: on calls, steps, tokens or money, of a user, a
tenant or a thread. Each branch passes the gate as any call does, asks for a random amount, takes a random time and
uses no more than it asked for; some fail, some are cancelled in the middle. Counted is what the ledger says in the end.
"""

import asyncio
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from _postgres import POSTGRES, machines, running
from _report import arguments, finish, table
from interlock.runtime.gate.gate import Call, Gate
from interlock.runtime.gate.holders import holder_here
from interlock.runtime.gate.leases import take
from interlock.runtime.gate.purse import Purse
from interlock.runtime.gate.reservations import reservations
from interlock.runtime.gate.run import OpenRun, RunHeader
from interlock.runtime.gate.shared import SharedPurse, account_of
from interlock.runtime.gate.stops import BudgetSpent
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Noted
from interlock.runtime.openings import Openings
from interlock.runtime.policies import CedarPolicies
from interlock.runtime.records import Budget, Caller, Limit, Usage
from interlock.runtime.storage.database import Statement

_PROCESSES = 2
Plan = tuple[Usage, float, float, float]
"""What a branch asks for, how long it takes, which part of it it uses, and how it ends."""
_HELD = Statement(select(func.count()).select_from(reservations))


def main() -> None:
    options = arguments(__doc__, schedules=1_000, branches=64, seed=1, flags=POSTGRES)
    with tempfile.TemporaryDirectory(prefix="interlock-budget-") as scratch, ExitStack() as stack:
        homes = [Home(Path(scratch) / "home")] * _PROCESSES
        if options.postgres:
            homes = machines(Path(scratch), stack.enter_context(running(fsync=True)).url(), _PROCESSES)
        began = time.perf_counter()
        run_all(homes, options.schedules, options.branches // _PROCESSES, options.seed)
        figures = judged(homes[0], options.schedules, options.seed)
        figures |= {"branches": options.branches, "seconds": round(time.perf_counter() - began, 1)}
    rows = [(name.replace("_", " "), str(value)) for name, value in figures.items()]
    where = "on Postgres, with a home each" if options.postgres else "in one home"
    table(f"One limit, {options.branches} branches, two processes {where}", ("what", "count"), rows)
    finish(figures, as_json=options.json)


def run_all(homes: list[Home], schedules: int, branches: int, seed: int) -> None:
    """Let a process work in each home."""
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(len(homes))
    workers = [
        fork.Process(target=work, args=(number, home, barrier, schedules, branches, seed))
        for number, home in enumerate(homes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(worker.exitcode == 0 for worker in workers)


def limit_of(schedule: int, seed: int) -> tuple[Limit, Caller, str]:
    """Choose the limit of a schedule, the same in both processes, and whom it is for."""
    chance = random.Random(f"{seed}/{schedule}")  # noqa: S311  # repeatable schedules
    unit, most = chance.choice(
        [("tool_calls", 40), ("steps", 40), ("tokens", 4_000), ("output_tokens", 2_000), ("usd", 1)]
    )
    amount: Any = Decimal(chance.randint(1, 100)) / 100 if unit == "usd" else chance.randint(0, most)
    facts: dict[str, Any] = {
        "scope": chance.choice(["user", "tenant", "thread"]),
        "per": chance.choice(["ever", "day", "month"]),
        unit: amount,
    }
    return Limit(**facts), Caller(user=f"u{schedule}", tenant=f"t{schedule}"), f"thread-{schedule}"


def work(  # noqa: PLR0917  # by position, as Process passes them
    number: int, home: Home, barrier: Any, schedules: int, branches: int, seed: int
) -> None:
    """Run half of the branches of every schedule."""
    gate = Gate(home=home, policies=CedarPolicies(None, []))
    for schedule in range(schedules):
        limit, caller, thread = limit_of(schedule, seed)
        run = opened(home, limit, caller, thread, number)
        barrier.wait()
        asyncio.run(all_at_once(gate, run, random.Random(f"{seed}/{schedule}/{number}"), branches))  # noqa: S311
    home.close()


def opened(home: Home, limit: Limit, caller: Caller, thread: str, number: int) -> OpenRun:
    """Open a run as a graph does. Each process has its own, on a thread of its own unless the limit is the thread's."""
    holder = holder_here(str(number))
    id = home.clock.new_id()
    with home.database.transaction() as tx:
        lease = take(tx, f"{thread}#{number}", id, holder, home.clock)
        home.ledger.open(tx, f"run {id}")
    shared = SharedPurse(
        database=home.database, ledger=home.ledger, clock=home.clock, holder=holder, caller=caller, thread=thread,
        limits=(limit,),
    )  # fmt: skip
    budget = Budget(tokens=None, limits=(limit,))
    header = RunHeader(
        v=1, id=id, thread=f"{thread}#{number}", turn=1, user=caller.user, tenant=caller.tenant, roles=[], agent="a",
        manifest="", path="", step=0,
    )  # fmt: skip
    purse = Purse(scope=f"run {id}", budget=budget, before=Usage(), shared=shared)
    return OpenRun(
        header=header,
        caller=caller,
        lease=lease,
        opened_at=home.clock.monotonic(),
        purse=purse,
        openings=Openings(clock=home.clock),
    )


async def all_at_once(gate: Gate, run: OpenRun, chance: random.Random, branches: int) -> None:
    plans = [(some_usage(chance), chance.random() * 0.002, chance.random(), chance.random()) for _ in range(branches)]
    tasks = [asyncio.create_task(branch(gate, run, at, plan)) for at, plan in enumerate(plans)]
    for task, (*_, fate) in zip(tasks, plans, strict=True):
        if fate < 0.05:
            await asyncio.sleep(0)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=False)


async def branch(gate: Gate, run: OpenRun, at: int, plan: Plan) -> None:
    """Pass the gate once. What a call uses that failed or was cancelled counts as all that it asked for."""

    wanted, takes_s, share, fate = plan

    async def do() -> int:
        await asyncio.sleep(takes_s)
        if fate > 0.9:
            raise ConnectionResetError
        return 1

    used = some_of(wanted, share)
    event: Callable[..., Noted] = lambda *_given: Noted(what="branch", facts={"at": at})  # noqa: E731
    call = Call(
        at=str(at), passage="tool", do=do, intended=event, done=event, failed=event, wanted=lambda: wanted,
        used=lambda result: wanted if result is None else used, foretold=at % 2 == 0,
    )  # fmt: skip
    with suppress(BudgetSpent, ConnectionResetError, asyncio.CancelledError):
        await gate.pass_through(run, call)


def some_usage(chance: random.Random) -> Usage:
    return Usage(
        input_tokens=chance.randint(0, 150), output_tokens=chance.randint(0, 150), tool_calls=1, steps=1,
        usd=Decimal(chance.randint(0, 5_000)) / 100_000,
    )  # fmt: skip


def some_of(wanted: Usage, share: float) -> Usage:
    return wanted.model_copy(
        update={"input_tokens": int(wanted.input_tokens * share), "output_tokens": int(wanted.output_tokens * share)}
    )


def judged(home: Home, schedules: int, seed: int) -> dict[str, Any]:
    """Compare every account with its limit."""
    counts: Counter[str] = Counter({"schedules": schedules, "overruns": 0, "used_up": 0})
    for schedule in range(schedules):
        limit, caller, thread = limit_of(schedule, seed)
        used = home.ledger.usage(account_of(limit, caller, thread, home.clock.now()))
        tokens = used.input_tokens + used.output_tokens
        pairs = [
            (tokens, limit.tokens), (used.output_tokens, limit.output_tokens), (used.tool_calls, limit.tool_calls),
            (used.usd, limit.usd), (used.steps, limit.steps),
        ]  # fmt: skip
        [(spent, most)] = [(spent, most) for spent, most in pairs if most is not None]
        assert spent is not None
        counts["overruns"] += spent > most
        counts["used_up"] += spent >= most * Decimal("0.9")
        counts["calls_admitted"] += used.tool_calls
    counts["reservations_left"] = home.database.read(_HELD)[0][0]
    home.close()
    return dict(counts)


if __name__ == "__main__":
    main()
