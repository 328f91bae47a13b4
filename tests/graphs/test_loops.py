"""Models that go in circles are told so, and stopped where that does not help; tools that are polled are no circle."""

from itertools import count
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from tests.graphs.conftest import call, calls

from interlock import Agent, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.errors import ContractBroken
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.models.scripted import ScriptedChatModel
from interlock.serving.replies import Reply


class Desk:
    """Tools that always say the same, one that says something else each time, and one that is polled."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._numbers = count()

    def tools(self) -> list[Any]:
        @tool(read_only=True)
        def find(name: str, year: int) -> str:
            """Find a letter."""
            self.made.append(name)
            return "nothing"

        @tool(read_only=True)
        def draw() -> int:
            """Draw a number."""
            self.made.append("draw")
            return next(self._numbers)

        @tool(read_only=True, polling=True)
        def state() -> str:
            """Look how far it is."""
            self.made.append("state")
            return "waiting"

        return [find, draw, state]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def asking(home: Home, desk: Desk, *lines: Any) -> tuple[Reply, list[str]]:
    agent = Agent(name="a", model=ScriptedChatModel(list(lines)), tools=desk.tools())
    async with Session(tool_loop(agent), home=home) as session:
        reply = await session.send("go")
        return reply, [str(m.content) for m in await session.history() if isinstance(m, ToolMessage)]


def find(id: object, name: str = "A") -> Any:
    return {"name": "find", "args": {"name": name, "year": 1}, "id": str(id)}


async def test_the_same_call_with_the_same_result_is_made_three_times(home: Home, desk: Desk) -> None:
    reply, told = await asking(home, desk, *(calls(find(n)) for n in range(5)), "Enough.")

    assert (reply.text, desk.made) == ("Enough.", ["A"] * 3)
    assert told[3:] == [
        "Not called again: it brought the same result 3 times. Use that, do something else, or answer."
    ] * 2  # fmt: skip


@pytest.mark.parametrize("names", ["AB" * 4, "ABC" * 4, "AAB" * 3])
async def test_circles_of_several_calls_are_noticed(home: Home, desk: Desk, names: str) -> None:
    asked = [calls(find(n, name)) for n, name in enumerate(names)]

    reply, _told = await asking(home, desk, *asked, "Enough.")

    assert reply.text == "Enough."
    assert {name: desk.made.count(name) for name in set(names)} == dict.fromkeys(names, 3)


async def test_the_order_in_which_arguments_are_written_makes_no_other_call(home: Home, desk: Desk) -> None:
    orders = [{"name": "A", "year": 1}, {"year": 1, "name": "A"}]

    await asking(home, desk, *(calls({**find(n), "args": orders[n % 2]}) for n in range(5)), "Enough.")

    assert len(desk.made) == 3


async def test_a_result_that_changes_is_no_circle(home: Home, desk: Desk) -> None:
    await asking(home, desk, *(calls(call("draw", str(n))) for n in range(8)), "Enough.")

    assert len(desk.made) == 8


async def test_a_tool_that_is_polled_may_say_the_same_for_long(home: Home, desk: Desk) -> None:
    reply, _told = await asking(home, desk, *(calls(call("state", str(n))) for n in range(12)), "Enough.")

    assert (reply.text, len(desk.made)) == ("Enough.", 12)


async def test_a_model_that_will_not_hear_it_ends_its_run_with_the_call_and_the_count(home: Home, desk: Desk) -> None:
    reply, _told = await asking(home, desk, *(calls(find(n)) for n in range(20)))

    assert desk.made == ["A"] * 3
    assert (reply.status, reply.code) == ("failed", "loop")
    assert reply.text == (
        "find brought the same result 3 times, and was asked for again 4 times; "
        "if its result is waited for, declare it with @tool(polling=True)"
    )


async def test_what_was_asked_for_beside_a_circle_is_told_apart_and_put_on_record(home: Home, desk: Desk) -> None:
    asked = [calls(find(n)) for n in range(3)]

    reply, told = await asking(home, desk, *asked, calls(find(3), call("draw", "4")), calls(call("draw", "5")), "End.")

    notes = [e.event for e in home.journal.of_run(reply.run) if isinstance(e.event, events.Noted)]
    assert [note.facts for note in notes if note.what == "loop"] == [{"tools": ["find"], "repeats": [3]}]
    assert told[4].startswith("Not called: it was asked for beside a call that goes in circles.")
    assert desk.made == ["A", "A", "A", "draw"]


def test_only_what_changes_nothing_can_be_polled() -> None:
    with pytest.raises(ContractBroken, match="declared polling and changes something"):

        @tool(polling=True)
        def pay() -> int:
            """Pay."""
            return 1
