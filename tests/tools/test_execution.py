"""What happens when a tool is run: results checked, time kept, nothing let through that was not promised."""

import asyncio
import contextlib
import itertools
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ContractBroken, ToolFailed, Ungoverned
from interlock.runtime.records import Caller, ToolContext
from interlock.tools import FunctionTool, Guards, Refused, tool

CONTEXT = ToolContext(caller=Caller(user="7"), run="r1", thread="t1", idempotency_key="k1")


class Receipt(BaseModel):
    order_id: int
    amount: Decimal


async def failure_of(called: FunctionTool[..., Any], arguments: dict[str, Any] | None = None) -> ToolFailed:
    with pytest.raises(ToolFailed) as raised:
        await called.run(arguments or {}, CONTEXT)
    return raised.value


async def test_typed_values_go_in_and_json_data_comes_out() -> None:
    @tool
    async def refund(order_id: int, amount: Decimal) -> Receipt:
        """Refund."""
        return Receipt(order_id=order_id, amount=amount + Decimal("0.01"))

    assert await refund.run({"order_id": 3, "amount": "9.99"}, CONTEXT) == {"order_id": 3, "amount": "10.00"}


async def test_a_synchronous_tool_runs_in_a_thread_of_its_own() -> None:
    @tool(read_only=True)
    def where() -> int:
        """Tell the thread."""
        return threading.get_ident()

    assert await where.run({}, CONTEXT) != threading.get_ident()


async def test_the_context_is_filled_in_and_hidden_from_the_model() -> None:
    @tool(read_only=True)
    def whose(context: ToolContext) -> str:
        """Tell whose."""
        return f"{context.caller.user} {context.idempotency_key}"

    assert whose.contract.arguments["properties"] == {}
    assert await whose.run({}, CONTEXT) == "7 k1"


@dataclass
class Point:
    x: int


class Untold(Exception):
    """Cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


BROKEN_GROUP = BaseExceptionGroup("several", [KeyboardInterrupt(), Untold()])
WRONG: list[tuple[Any, Any, str]] = [
    (int, "7", "its result breaks its schema: Input should be a valid integer"),
    (Receipt, Receipt.model_construct(order_id="x", amount=Decimal(1)), "its result"),
    (Point, Point(x="far"), "its result"),  # type: ignore[arg-type]
    (dict[str, int], {"a": None}, "its result breaks its schema: a: Input should be a valid integer"),
    (float, float("nan"), "its result has no JSON form"),
    (list[float], [1.0, float("inf")], "its result has no JSON form"),
    (dict[str, Any], {"a": object()}, "its result has no JSON form"),
    (dict[str, Any], {"a": float("inf")}, "its result has no JSON form"),
    (Any, itertools.count(), "its result is an iterator; return a list"),
    (str, "x" * 100_000_000, "its result is too large: 100,000,002 bytes, 1,000,000 are allowed; ask for less"),
]


@pytest.mark.parametrize(("promised", "given", "reason"), WRONG, ids=range(len(WRONG)))
async def test_a_result_that_breaks_its_schema_is_never_passed_on(promised: Any, given: Any, reason: str) -> None:
    async def answer() -> Any:
        return given

    answer.__annotations__["return"] = promised

    assert (await failure_of(tool(read_only=True)(answer))).reason.startswith(reason)


@pytest.mark.parametrize("read_only", [True, False])
async def test_a_tool_that_hangs_is_given_up_in_time(read_only: bool) -> None:
    @tool(read_only=read_only, timeout=0.02)
    async def hang() -> None:
        """Hang."""
        await asyncio.sleep(60)

    @tool(read_only=read_only, timeout=0.02)
    def hang_in_thread() -> None:
        """Hang."""
        time.sleep(0.5)

    for hanging in (hang, hang_in_thread):
        failed = await failure_of(hanging)
        assert failed.reason == "no answer within 0.02 s"
        assert failed.happened == ("no" if read_only else "maybe")


async def test_a_tool_that_swallows_its_cancellation_is_ended_all_the_same() -> None:
    ended: list[str] = []

    @tool(timeout=0.02)
    async def cling() -> None:
        """Cling."""
        try:
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
        finally:
            ended.append("closed")

    failed = await failure_of(cling)

    assert (failed.reason, failed.happened, ended) == ("no answer within 0.02 s", "maybe", ["closed"])
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_many_hanging_tools_do_not_hold_up_another() -> None:
    released = threading.Event()

    @tool(read_only=True, timeout=0.05)
    def hang() -> None:
        """Hang."""
        released.wait(10)

    @tool(read_only=True, timeout=5)
    def answer() -> int:
        """Answer."""
        return 42

    await asyncio.gather(*(hang.run({}, CONTEXT) for _ in range(40)), return_exceptions=True)
    assert await answer.run({}, CONTEXT) == 42
    released.set()


@pytest.mark.parametrize(
    "error",
    [SystemExit(3), KeyboardInterrupt(), MemoryError(), StopIteration(), ValueError("no"), Untold(), BROKEN_GROUP],
)
async def test_whatever_a_tool_raises_is_a_failed_tool_and_no_more(error: BaseException) -> None:
    @tool
    async def explode() -> None:
        """Explode."""
        raise error

    @tool
    def explode_in_thread() -> None:
        """Explode."""
        raise error

    for exploding in (explode, explode_in_thread):
        assert (await failure_of(exploding)).happened == "maybe"


async def test_a_tool_that_refuses_did_nothing() -> None:
    @tool
    async def refund() -> None:
        """Refund."""
        raise Refused("order 3 is paid out already")

    failed = await failure_of(refund)
    assert (failed.reason, failed.happened) == ("order 3 is paid out already", "no")


async def test_an_error_for_the_operator_is_not_told_to_the_model() -> None:
    @tool(read_only=True)
    async def sneak() -> None:
        """Sneak."""
        raise Ungoverned(what="a model")

    with pytest.raises(Ungoverned):
        await sneak.run({}, CONTEXT)


async def test_cancelling_the_caller_cancels_the_tool_and_is_no_failure() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    @tool
    async def work() -> None:
        """Work."""
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    task = asyncio.create_task(work.run({}, CONTEXT))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stopped.is_set()


async def test_a_tool_that_cancels_itself_is_a_failed_tool() -> None:
    @tool
    async def give_up() -> None:
        """Give up."""
        raise asyncio.CancelledError

    assert (await failure_of(give_up)).reason == "it was cancelled from within"


async def test_a_repeatable_tool_is_tried_again_after_an_error_that_may_pass() -> None:
    outcomes: Iterator[Exception | int] = iter([ConnectionError("reset"), TimeoutError(), 5])

    @tool(idempotent=True, retries=2)
    async def fetch() -> int:
        """Fetch."""
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    clock = ManualClock()
    assert await fetch.using(clock).run({}, CONTEXT) == 5
    assert 0.15 <= clock.monotonic() <= 0.3


async def test_retries_end_with_the_last_error() -> None:
    attempts: list[int] = []

    @tool(read_only=True, retries=2)
    async def fetch() -> int:
        """Fetch."""
        attempts.append(1)
        raise ConnectionError("refused")

    failed = await failure_of(fetch.using(ManualClock()))
    assert (failed.reason, len(attempts)) == ("ConnectionError: refused (3 attempts)", 3)


async def test_an_error_that_will_not_pass_is_not_retried() -> None:
    attempts: list[int] = []

    @tool(read_only=True, retries=2)
    async def fetch() -> int:
        """Fetch."""
        attempts.append(1)
        raise PermissionError("no")

    await failure_of(fetch.using(ManualClock()))
    assert len(attempts) == 1


async def test_a_sync_wrapper_around_an_async_function_is_awaited() -> None:
    async def inner() -> int:
        return 7

    @tool(read_only=True)
    def outer() -> int:
        """Answer."""
        return inner()  # type: ignore[return-value]

    assert await outer.run({}, CONTEXT) == 7


async def sleeps() -> str:
    """Sleep without giving way."""
    time.sleep(1)  # noqa: ASYNC251  # what is to be found
    return "late"


async def asks() -> int:
    """Start something and wait for it."""
    return subprocess.run(["true"], check=False).returncode  # noqa: ASYNC221  # what is to be found


@pytest.mark.parametrize(("function", "name"), [(sleeps, "time.sleep"), (asks, "subprocess.run")])
def test_an_asynchronous_tool_that_calls_what_blocks_is_refused_when_it_is_declared(function: Any, name: str) -> None:
    with pytest.raises(ContractBroken, match=rf"calls {name}, which holds up every other call.*`def`"):
        tool(function)

    assert tool(isolated=True)(function).contract.name == function.__name__


def test_what_an_asynchronous_tool_hands_to_a_thread_may_block() -> None:
    @tool
    async def polite() -> None:
        """Sleep elsewhere."""

        def work() -> None:
            time.sleep(0)

        await asyncio.to_thread(time.sleep, 0)
        await asyncio.to_thread(work)

    assert polite.contract.name == "polite"


@pytest.mark.parametrize(("read_only", "happened"), [(True, "no"), (False, "maybe")])
async def test_an_answer_that_comes_late_because_nothing_could_stop_the_tool_is_a_failure(
    read_only: bool, happened: str
) -> None:
    nap = time.sleep

    @tool(read_only=read_only, timeout=0.05)
    async def stubborn() -> str:
        """Hold up the event loop."""
        nap(0.2)
        return "late"

    failed = await failure_of(stubborn)

    assert failed.happened == happened
    assert "of 0.05: the event loop was held up" in failed.reason


def test_a_call_has_time_for_its_turn_its_attempts_the_pauses_and_its_fallback() -> None:
    @tool(read_only=True, timeout=4)
    def second() -> str:
        """Answer."""
        return "second"

    @tool(read_only=True, timeout=2, retries=3, guards=Guards(rate="1/s", concurrency=1, fallback=second))
    def first() -> str:
        """Answer."""
        return "first"

    assert first.contract.whole_s == pytest.approx(2 * 2 + 2 * 4 + (0.1 + 0.2 + 0.4) + 4)
