"""Suites are run on anything that takes turns; each attempt has a place of its own."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from interlock.evals import (
    Answer,
    Observation,
    Options,
    Place,
    Say,
    Subject,
    Suite,
    Target,
    Turn,
    answering,
    read_suite,
    run_suites,
)
from interlock.evals.target import SeenApproval, SeenCall
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import BadInput, SuiteBroken
from interlock.runtime.records import Usage

Write = Callable[..., Path]
Read = Callable[[str], Suite]

ECHO = "suite: echo\ncases:\n  - {id: a, tags: [x], say: Hi, expect: {reply: {contains: hi}}}\n  - {id: b, say: Bye}\n"

SETUP = '''
"""Make a database."""
import sqlite3
from contextlib import closing

def setup(folder):
    with closing(sqlite3.connect(folder / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE sold (what TEXT)")
    return {"TEST_SHOP_DB": str(folder / "shop.db")}
'''


def scripted(see: Callable[[Place, Sequence[Turn]], Observation]) -> Target:
    """A target that answers from its place and from the turns it was given, the present one last."""

    @asynccontextmanager
    async def target(place: Place) -> AsyncGenerator[Subject]:
        turns = list[Turn]()

        async def subject(turn: Turn) -> Observation:
            turns.append(turn)
            return see(place, turns)

        yield subject

    return target


async def echo(text: str) -> str:
    return text


async def test_any_function_from_text_to_text_is_a_target(suite: Read) -> None:
    report = await run_suites([suite(ECHO)], answering(echo))

    assert [(case.name, case.passed) for case in report.cases] == [("echo/a", True), ("echo/b", True)]
    assert report.exit_status == 0


async def test_one_failed_check_fails_the_case_and_the_report(suite: Read) -> None:
    async def shy(_text: str) -> str:
        return ""

    report = await run_suites([suite(ECHO)], answering(shy))

    assert [case.passed for case in report.cases] == [False, True]
    assert report.exit_status == 1


async def test_a_target_that_breaks_is_what_the_case_found(suite: Read) -> None:
    async def broken(text: str) -> str:
        raise LookupError(f"no answer to {text}")

    report = await run_suites([suite(ECHO)], answering(broken))

    assert [case.attempts[0].error for case in report.cases] == [
        "LookupError: no answer to Hi",
        "LookupError: no answer to Bye",
    ]


async def test_a_case_that_does_not_end_is_ended(suite: Read) -> None:
    async def hanging(_text: str) -> str:
        await asyncio.Event().wait()
        return ""

    report = await run_suites([suite(ECHO)], answering(hanging), options=Options(case_seconds=0.01))

    assert report.cases[0].attempts[0].error == "not done after 0.01 s"


async def test_every_attempt_has_a_place_that_nobody_used(suite: Read) -> None:
    homes = list[Path]()

    def see(place: Place, _turns: Sequence[Turn]) -> Observation:
        assert list(place.folder.iterdir()) == []
        place.home.mkdir()
        homes.append(place.home)
        return Observation(status="done", reply="hi")

    await run_suites([suite(ECHO)], scripted(see), options=Options(repeats=3))

    assert len(set(homes)) == 6
    assert not any(home.exists() for home in homes)


async def test_a_flaky_case_passes_only_if_every_attempt_does(suite: Read) -> None:
    def see(place: Place, _turns: Sequence[Turn]) -> Observation:
        return Observation(status="done", reply="hi" if place.attempt != 2 else "")

    report = await run_suites([suite(ECHO)], scripted(see), options=Options(repeats=4))

    flaky, steady = report.cases
    assert (flaky.passed, flaky.mean) == (False, 0.75)
    assert (steady.passed, steady.mean) == (True, 1.0)
    assert (report.totals.passed, report.totals.pass_rate, report.totals.repeats) == (1, 0.875, 4)


async def test_turns_are_judged_one_by_one_and_as_a_whole(suite: Read) -> None:
    read = suite(
        """\
        suite: refunds
        user: "7"
        cases:
          - id: approved
            turns:
              - say: Refund it
                thread: monday
                expect: {status: waiting, calls: {never_done: [refund]}}
              - {approve: refund, by: lena, roles: [lead], thread: monday}
            expect:
              status: done
              waiting: []
              calls: {include: [{tool: refund, outcome: ok}]}
              usage: {tokens_at_most: 10}
        """,
    )
    seen = list[Turn]()

    def see(_place: Place, turns: Sequence[Turn]) -> Observation:
        seen[:] = turns
        if len(turns) == 1:
            call, waits = SeenCall(tool="refund", outcome="waiting"), (SeenApproval(id="a", tool="refund"),)
            return Observation(status="waiting", calls=(call,), waiting=waits, usage=Usage(input_tokens=6))
        return Observation(status="done", calls=(SeenCall(tool="refund"),), usage=Usage(input_tokens=4))

    report = await run_suites([read], scripted(see))

    assert report.cases[0].passed
    said, answered = seen
    assert isinstance(said, Say) and (said.text, said.caller.user, said.thread) == ("Refund it", "7", "monday")
    assert isinstance(answered, Answer) and (answered.tool, answered.approve) == ("refund", True)
    assert (answered.by.user, answered.by.roles) == ("lena", ("lead",))


@pytest.mark.parametrize("named", ["", "setup: setup.py:setup", "setup: setup:setup", "setup: setup"])
async def test_the_setup_makes_a_database_for_each_attempt_and_names_it_in_the_environment(
    write: Write, named: str
) -> None:
    write(SETUP, "setup.py")
    query = 'database: [{sql: "SELECT what FROM sold", rows: [[pan]]}]'
    path = write(f"suite: s\n{named}\ndatabase: shop.db\ncases: [{{id: a, say: pan, expect: {{{query}}}}}]\n")

    async def sell(text: str) -> str:
        with closing(sqlite3.connect(os.environ["TEST_SHOP_DB"])) as shop, shop:
            shop.execute("INSERT INTO sold VALUES (?)", (text,))
        return "sold"

    read = read_suite(path)
    report = await run_suites([read], answering(sell), options=Options(repeats=3, concurrency=3))

    assert report.exit_status == 0
    assert "TEST_SHOP_DB" not in os.environ


async def test_a_setup_that_is_not_there_is_a_broken_suite(suite: Read) -> None:
    read = suite("suite: s\nsetup: nowhere_at_all:setup\ncases: [{id: a, say: x}]\n")

    with pytest.raises(SuiteBroken, match="setup module 'nowhere_at_all' is not there"):
        await run_suites([read], answering(echo))


async def test_no_more_attempts_are_under_way_than_asked_for(suite: Read) -> None:
    cases = ", ".join(f"{{id: c{number}, say: x}}" for number in range(9))
    under_way, most = 0, 0
    three = asyncio.Barrier(3)

    async def count(_text: str) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await three.wait()
        await asyncio.sleep(0.01)
        under_way -= 1
        return ""

    await run_suites([suite(f"suite: s\ncases: [{cases}]\n")], answering(count), options=Options(concurrency=3))

    assert most == 3


async def test_cases_are_picked_by_name_or_tag(suite: Read) -> None:
    read = suite(ECHO)

    for only, names in ((("x",), ["echo/a"]), (("echo/*",), ["echo/a", "echo/b"]), (("b",), ["echo/b"])):
        report = await run_suites([read], answering(echo), options=Options(only=only))
        assert [case.name for case in report.cases] == names


async def test_a_name_that_picks_nothing_is_refused(suite: Read) -> None:
    with pytest.raises(BadInput, match="no case is called zebra"):
        await run_suites([suite(ECHO)], answering(echo), options=Options(only=("zebra",)))


async def test_a_target_is_closed_after_its_last_turn_even_if_it_broke(suite: Read) -> None:
    closed = list[str]()

    @asynccontextmanager
    async def target(place: Place) -> AsyncGenerator[Subject]:
        async def subject(_turn: Turn) -> Observation:
            raise RuntimeError

        try:
            yield subject
        finally:
            closed.append(place.case)

    await run_suites([suite(ECHO)], target)

    assert closed == ["a", "b"]


async def test_time_is_told_by_the_clock(suite: Read) -> None:
    clock = ManualClock()

    async def slow(_text: str) -> str:
        clock.advance(2)
        return "hi"

    report = await run_suites([suite(ECHO)], answering(slow), clock=clock)

    assert [case.attempts[0].seconds for case in report.cases] == [2.0, 2.0]
    assert (report.totals.seconds, report.started_at) == (4.0, ManualClock().now())


async def test_a_run_that_fails_unforeseen_proves_nothing_about_what_it_did_not_do(suite: Read) -> None:
    cases = ["{id: a, say: Hi, expect: {reply: {not_contains: secret}}}", "{id: b, say: Hi, expect: {status: failed}}"]
    down = scripted(lambda _place, _turns: Observation(status="failed", reply="the provider is down"))

    report = await run_suites([suite("suite: safe\ncases:\n" + "".join(f"  - {case}\n" for case in cases))], down)

    assert [case.passed for case in report.cases] == [0, 1]
    assert [check.claim for check in report.cases[0].attempts[0].checks if not check.passed] == ["does not fail"]
