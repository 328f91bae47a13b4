"""Tools that run in a process of their own."""

import asyncio
import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ContractBroken, ToolFailed
from interlock.runtime.records import Caller, ToolContext
from interlock.tools import tool

CONTEXT = ToolContext(caller=Caller(user="7"), run="r1", thread="t1", idempotency_key="k1")


@pytest.fixture(scope="module")
def tools() -> Any:
    folder = str(Path(__file__).parent)
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("isolated")
    finally:
        sys.path.remove(folder)


def wait_for_a_file(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while not list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)


async def test_an_isolated_tool_runs_elsewhere_and_stays_there(tools: Any, capfd: pytest.CaptureFixture[str]) -> None:
    first = await tools.add.run({"left": "1.10", "right": 2}, CONTEXT)
    second = await tools.add.run({"left": 1, "right": 1}, CONTEXT)

    assert (first["amount"], first["user"], second["amount"]) == ("3.10", "7", "2")
    assert first["process"] == second["process"] != os.getpid()
    assert capfd.readouterr().out == ""


async def test_an_asynchronous_tool_can_be_isolated_too(tools: Any) -> None:
    assert await tools.add_later.run({"left": 1, "right": 2}, CONTEXT) == 3


async def test_work_that_takes_too_long_is_killed(tools: Any, tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as raised:
        await tools.hang.run({"file": str(tmp_path / "done")}, CONTEXT)
    await asyncio.sleep(1)

    assert (raised.value.reason, raised.value.happened) == ("no answer within 0.3 s", "maybe")
    assert os.listdir(tmp_path) == ["done.begun"]


async def test_cancelling_the_caller_kills_the_work(tools: Any, tmp_path: Path) -> None:
    task = asyncio.create_task(tools.hang.run({"file": str(tmp_path / "done")}, CONTEXT))
    await asyncio.to_thread(wait_for_a_file, tmp_path)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(1)

    assert os.listdir(tmp_path) == ["done.begun"]


async def test_a_tool_that_kills_its_process_is_a_failed_tool(tools: Any) -> None:
    for _ in range(2):
        with pytest.raises(ToolFailed) as raised:
            await tools.die.run({"status": 3}, CONTEXT)
        assert (raised.value.reason, raised.value.happened) == ("its process ended (exit status 3)", "maybe")


async def test_refusals_and_errors_that_may_pass_come_through(tools: Any, tmp_path: Path) -> None:
    with pytest.raises(ToolFailed) as raised:
        await tools.refuse.run({}, CONTEXT)

    assert (raised.value.reason, raised.value.happened) == ("not today", "no")
    assert await tools.stumble.using(ManualClock()).run({"file": str(tmp_path / "x")}, CONTEXT) == "up again"


async def test_a_result_that_is_too_large_stays_where_it_is(tools: Any) -> None:
    with pytest.raises(ToolFailed, match=r"its result is too large: 100,000,002 bytes"):
        await tools.flood.run({}, CONTEXT)


def test_a_tool_inside_a_function_cannot_be_isolated() -> None:
    with pytest.raises(ContractBroken, match="define it at module level"):

        @tool(isolated=True)
        def inner() -> None:
            """Stand where no other process finds it."""
