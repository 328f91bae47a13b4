"""A worker that stood still for longer than its lease, while another one did the same work, does none of it again."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Session
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.errors import ThreadBusy
from interlock.runtime.gate.leases import TTL_S
from interlock.runtime.home import Home
from interlock.runtime.storage.checkpoints import HomeSaver


def interrupted(session: Session, method: str, number: int, do: Callable[[], Any], *, after: bool = False) -> None:
    """Do something when a session uses its checkpoints in some way for the nth time."""
    session._opened()  # pyright: ignore[reportPrivateUsage]
    saver = session._saver  # pyright: ignore[reportPrivateUsage]
    assert isinstance(saver, HomeSaver)
    real, uses = getattr(saver, method), iter(range(1, 1_000))

    def patched(*given: Any, **named: Any) -> Any:
        now = next(uses) == number
        if now and not after:
            do()
        found = real(*given, **named)
        if now and after:
            do()
        return found

    setattr(saver, method, patched)


@pytest.mark.parametrize(
    "moment",
    [
        ("get_tuple", 1, True),
        ("get_tuple", 2, True),
        ("put", 1, False),
        ("_written", 1, False),
        ("put", 1, True),
        ("put", 2, True),
    ],
)
async def test_a_request_that_another_worker_has_done_meanwhile_is_not_done_again(
    home: Home, agents: Agents, till: Till, clock: ManualClock, moment: tuple[str, int, bool]
) -> None:
    script = [calls(call("pay", "c", amount="5")), "Paid."]
    first, second = (tool_loop(agents.make(*script, "You are welcome.")) for _ in range(2))

    def other_worker() -> None:
        clock.advance(TTL_S + 1)
        elsewhere = Home(home.path, clock=clock)
        worker = Thread(target=lambda: Session(second, home=elsewhere, thread="t").say("Pay 5."))
        worker.start()
        worker.join()
        elsewhere.close()

    async with Session(first, home=home, thread="t") as session:
        method, number, after = moment
        interrupted(session, method, number, other_worker, after=after)
        with pytest.raises(ThreadBusy):
            await session.send("Pay 5.")

    assert len(till.paid) == 1
    async with Session(second, home=home, thread="t") as session:
        said = [message.text for message in await session.history()]
        assert (said[0], said[-1]) == ("Pay 5.", "Paid.")
        assert (await session.send("Thanks.")).text == "You are welcome."
    assert len(till.paid) == 1
