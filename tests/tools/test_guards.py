"""Cache, fallback, circuit breaker, rate and concurrency limits."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ContractBroken, ToolFailed
from interlock.runtime.records import Caller, ToolContext
from interlock.tools import FunctionTool, Guards, Refused, guarded, tool


def asked_by(user: str, tenant: str = "default", roles: tuple[str, ...] = ()) -> ToolContext:
    caller = Caller(user=user, tenant=tenant, roles=roles)
    return ToolContext(caller=caller, run="r1", thread="t1", idempotency_key="k1")


ANYONE = asked_by("7")


def counting(guards: Guards, **promise: Any) -> FunctionTool[..., Any]:
    """A tool that counts how often it was really called, for each name."""
    counts: dict[str, int] = {}

    @tool(read_only=True, guards=guards, **promise)
    async def count(name: str) -> list[int]:
        """Count."""
        counts[name] = counts.get(name, 0) + 1
        return [counts[name]]

    return count


def failing(outcomes: Iterator[Exception | int], guards: Guards, **promise: Any) -> FunctionTool[..., Any]:
    promise = {"read_only": True, **promise}

    @tool(guards=guards, **promise)
    async def fail() -> int:
        """Give the next outcome."""
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return fail


async def test_a_cached_result_is_given_again_until_it_is_too_old() -> None:
    clock = ManualClock()
    count = counting(Guards(cache_s=10)).using(clock)

    first = [await count.run({"name": "a"}, ANYONE), await count.run({"name": "a"}, ANYONE)]
    clock.advance(10)
    later = [await count.run({"name": "a"}, ANYONE), await count.run({"name": "b"}, ANYONE)]

    assert first + later == [[1], [1], [2], [1]]


async def test_a_cached_result_cannot_be_changed_by_who_got_it() -> None:
    count = counting(Guards(cache_s=10)).using(ManualClock())

    (await count.run({"name": "a"}, ANYONE)).append("spoilt")
    (await count.run({"name": "a"}, ANYONE)).append("spoilt")

    assert await count.run({"name": "a"}, ANYONE) == [1]


@pytest.mark.parametrize("other", [asked_by("8"), asked_by("7", "elsewhere"), asked_by("7", roles=("lead",))])
async def test_a_cached_result_is_not_given_to_another_user(other: ToolContext) -> None:
    own, shared = counting(Guards(cache_s=10)), counting(Guards(cache_s=10, shared="everyone"))

    assert [await own.run({"name": "a"}, each) for each in (ANYONE, other)] == [[1], [2]]
    assert [await shared.run({"name": "a"}, each) for each in (ANYONE, other)] == [[1], [1]]


async def test_a_failure_is_not_cached() -> None:
    fail = failing(iter([ValueError("no"), 5]), Guards(cache_s=10))

    with pytest.raises(ToolFailed):
        await fail.run({}, ANYONE)
    assert await fail.run({}, ANYONE) == 5


async def test_a_tool_that_keeps_failing_is_left_alone_and_tried_again_after_a_pause() -> None:
    clock = ManualClock()
    outcomes: Iterator[Exception | int] = iter([ValueError("1"), ValueError("2"), ValueError("3"), 4, 5])
    fail = failing(outcomes, Guards(breaker=2, pause_s=30)).using(clock)
    reasons: list[str] = []
    for wait in (0, 0, 10, 20, 0):
        clock.advance(wait)
        with pytest.raises(ToolFailed) as raised:
            await fail.run({}, ANYONE)
        reasons.append(raised.value.reason)
    clock.advance(30)

    assert reasons == [
        "ValueError: 1",
        "ValueError: 2",
        "it failed 2 times in a row and is left alone; it is tried again in 20 s",
        "ValueError: 3",
        "it failed 3 times in a row and is left alone; it is tried again in 30 s",
    ]
    assert [await fail.run({}, ANYONE), await fail.run({}, ANYONE)] == [4, 5]


async def test_only_one_call_tries_whether_a_tool_is_back() -> None:
    clock = ManualClock()
    back = asyncio.Event()
    calls: list[int] = []

    @tool(read_only=True, guards=Guards(breaker=1, pause_s=1))
    async def slow() -> int:
        """Fail once, then be slow."""
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError
        await back.wait()
        return len(calls)

    slow = slow.using(clock)
    with pytest.raises(ToolFailed):
        await slow.run({}, ANYONE)
    clock.advance(1)
    trying = asyncio.create_task(slow.run({}, ANYONE))
    await asyncio.sleep(0)
    with pytest.raises(ToolFailed, match="it is being tried just now"):
        await slow.run({}, ANYONE)
    back.set()
    assert await trying == 2


async def test_a_refusal_is_no_failure_of_the_tool() -> None:
    fail = failing(iter([Refused("no"), Refused("no"), 1]), Guards(breaker=1))

    for _ in range(2):
        with pytest.raises(ToolFailed, match="no"):
            await fail.run({}, ANYONE)
    assert await fail.run({}, ANYONE) == 1


async def test_calls_beyond_the_rate_wait_their_turn() -> None:
    clock = ManualClock()
    count = counting(Guards(rate="2/s")).using(clock)
    started: list[float] = []
    for _ in range(5):
        await count.run({"name": "a"}, ANYONE)
        started.append(clock.monotonic())

    assert started == [0, 0, 1, 1, 2]


async def test_a_call_whose_turn_is_too_far_off_fails_at_once() -> None:
    count = counting(Guards(rate="1/h"), timeout=5).using(ManualClock())
    await count.run({"name": "a"}, ANYONE)

    with pytest.raises(ToolFailed, match="no more than 1 calls in 3600 s are allowed; try again in 3600 s"):
        await count.run({"name": "a"}, ANYONE)


async def test_no_more_calls_than_allowed_run_at_once() -> None:
    now, most = 0, 0

    @tool(read_only=True, guards=Guards(concurrency=3))
    async def work() -> None:
        """Work."""
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1

    await asyncio.gather(*(work.run({}, ANYONE) for _ in range(20)))
    assert most == 3


async def test_a_call_that_gets_no_turn_in_time_did_nothing() -> None:
    free = asyncio.Event()

    @tool(timeout=0.02, guards=Guards(concurrency=1))
    async def work() -> None:
        """Work."""
        await free.wait()

    outcomes = await asyncio.gather(*(work.run({}, ANYONE) for _ in range(2)), return_exceptions=True)
    happened = {str(each): each.happened for each in outcomes if isinstance(each, ToolFailed)}
    assert happened["work: no answer within 0.02 s"] == "maybe"


def test_limits_hold_in_one_event_loop_after_another() -> None:
    count = counting(Guards(concurrency=1))

    async def both() -> list[Any]:
        return await asyncio.gather(*(count.run({"name": "a"}, ANYONE) for _ in range(2)))

    assert [asyncio.run(both()), asyncio.run(both())] == [[[1], [2]], [[3], [4]]]


@tool(read_only=True)
async def spare(city: str, units: str = "metric") -> dict[str, str]:
    """Tell the weather."""
    return {"weather": f"{city} {units}"}


def weather(guards: Guards, error: Exception, **promise: Any) -> FunctionTool[..., Any]:
    promise = {"read_only": True, **promise}

    @tool(guards=guards, **promise)
    async def weather(city: str) -> dict[str, str]:
        """Tell the weather."""
        raise error

    return weather


async def test_a_fallback_answers_where_the_first_tool_failed() -> None:
    first = weather(Guards(fallback=spare), ConnectionError("down"))

    assert await first.run({"city": "Rome"}, ANYONE) == {"weather": "Rome metric"}


async def test_a_fallback_is_not_asked_where_the_first_may_have_done_something() -> None:
    first = weather(Guards(fallback=spare), ConnectionError("down"), read_only=False)

    with pytest.raises(ToolFailed, match="ConnectionError: down"):
        await first.run({"city": "Rome"}, ANYONE)


async def test_if_the_fallback_fails_too_both_are_told() -> None:
    second = weather(Guards(), ConnectionError("down as well"), name="second")
    first = weather(Guards(fallback=second), ConnectionError("down"))

    with pytest.raises(ToolFailed, match="weather: ConnectionError: down; then second: ConnectionError: down as well"):
        await first.run({"city": "Rome"}, ANYONE)


def declared(arguments: type, result: type, **promise: Any) -> FunctionTool[..., Any]:
    async def other(city: Any) -> Any:
        """Be a fallback."""

    other.__annotations__ = {"city": arguments, "return": result}
    promise = {"read_only": True, **promise}
    return tool(**promise)(other)


UNFIT: list[tuple[Guards, dict[str, Any], str]] = [
    (Guards(fallback=declared(int, dict[str, str])), {}, "its fallback 'other' does not take the same arguments"),
    (Guards(fallback=declared(str, list[str])), {}, "its fallback 'other' does not give the same result"),
    (Guards(fallback=declared(str, dict[str, str], read_only=False)), {}, "its fallback 'other' is not read_only"),
    (
        Guards(fallback=declared(str, dict[str, str], open_world=True)),
        {},
        "its fallback 'other' gives untrusted results (open_world)",
    ),
    (Guards(fallback=declared(str, dict[str, str], usd="1")), {}, "its fallback 'other' costs more"),
    (
        Guards(fallback=declared(str, dict[str, str], untrusted=("note",))),
        {},
        "its fallback 'other' gives untrusted text in note",
    ),
    (
        Guards(fallback=declared(str, dict[str, str], private=("note",))),
        {},
        "its fallback 'other' gives private data in note",
    ),
    (
        Guards(fallback=declared(str, dict[str, str])),
        {"untrusted": ("*",), "attested": ("id",)},
        "its fallback 'other' does not attest to id",
    ),
    (
        Guards(fallback=declared(str, dict[str, str], name="weather")),
        {},
        "its fallbacks lead back to it: weather → weather",
    ),
    (Guards(cache_s=5), {"read_only": False}, "its results are cached, but it is not read_only"),
    (Guards(rate="often"), {}, "rate is 'often'"),
    (Guards(concurrency=-1), {}, "a guard is below 0"),
]


@pytest.mark.parametrize(("guards", "promise", "what"), UNFIT)
def test_guards_that_cannot_be_kept_are_refused(guards: Guards, promise: dict[str, Any], what: str) -> None:
    with pytest.raises(ContractBroken) as raised:
        weather(guards, ValueError(), **promise)

    assert raised.value.what == f"tool 'weather': {what}"


def test_a_tool_that_is_told_who_asks_cannot_share_its_results() -> None:
    with pytest.raises(ContractBroken, match="it is told who asks, and shares its results with everyone"):

        @tool(read_only=True, guards=Guards(cache_s=5, shared="everyone"))
        def orders(context: ToolContext) -> list[int]:
            """List orders."""
            return [len(context.run)]


async def test_any_tool_can_be_guarded() -> None:
    count = guarded(counting(Guards()), Guards(cache_s=10), clock=ManualClock())

    assert count.check({"name": "a"}) == {"name": "a"}
    assert [await count.run({"name": "a"}, ANYONE) for _ in range(2)] == [[1], [1]]
    assert count.contract.name == "count"
