"""Runs whose journal and checkpoints lie in Postgres, when the server goes away at the worst moment."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.graphs.conftest import call, calls

from _postgres import Server, machines
from interlock import Agent, Caller, Session, tool
from interlock.graphs import tool_loop
from interlock.runtime.errors import BadInput, InterlockError
from interlock.runtime.home import Home, using
from interlock.runtime.journal.audit import verify
from interlock.runtime.models.scripted import ScriptedChatModel

PAY = calls(call("pay", "c", amount=5))


class Till:
    """Pays, and does something to the server in the middle of it."""

    def __init__(self, folder: Path, meanwhile: Any = lambda: None) -> None:
        self.paid: list[int] = []
        self.meanwhile = meanwhile
        self._policy = folder / "policy.cedar"
        self._policy.write_text('@id("all") permit (principal, action, resource);')

    def graph(self, *says: Any) -> Any:
        @tool(destructive=True, timeout=30)
        async def pay(amount: int) -> str:
            """Pay."""
            self.paid.append(amount)
            self.meanwhile()
            return f"paid {amount}"

        return tool_loop(Agent(name="till", model=ScriptedChatModel(says), tools=[pay], policy=self._policy))


@pytest.fixture
def homes(tmp_path: Path, url: str) -> Iterator[list[Home]]:
    homes = machines(tmp_path, url, 2)
    yield homes
    for home in homes:
        home.close()


async def test_a_restart_in_the_middle_of_a_run_is_not_noticed(
    tmp_path: Path, homes: list[Home], postgres: Server
) -> None:
    def restart() -> None:
        postgres.stop()
        postgres.start()

    till = Till(tmp_path, restart)

    async with Session(till.graph(PAY, "Done."), home=homes[0], thread="t") as session:
        reply = await session.send("Pay 5.")

    assert (reply.status, reply.text, till.paid) == ("done", "Done.", [5])
    assert verify(homes[0].database).ok


async def test_an_effect_whose_end_could_not_be_written_is_in_doubt_on_every_machine(
    tmp_path: Path, homes: list[Home], postgres: Server
) -> None:
    till = Till(tmp_path, lambda: postgres.stop(signal.SIGQUIT))
    with pytest.raises(InterlockError, match="cannot reach the database"):
        async with Session(till.graph(PAY), home=homes[0], thread="t", user="eve") as session:
            await session.send("Pay 5.")
    homes[0].close()
    postgres.start()
    till.meanwhile = lambda: None

    async with Session(till.graph("Done."), home=homes[1], thread="t", user="eve") as session:
        waiting = await session.resume()
        [asked] = homes[1].approvals.list()
        homes[0].approvals.happened(asked.id, by=Caller(user="ada"), note="I looked")
        reply = await session.resume()

    assert (waiting.status, asked.question, reply.status) == ("waiting", "in_doubt", "done")
    assert till.paid == [5]
    assert verify(homes[1].database).ok


def test_a_blocking_graph_finds_its_thread_on_another_machine(tmp_path: Path, homes: list[Home]) -> None:
    graph = Till(tmp_path).graph(PAY, "Done.", "Again.")

    asked_at(homes[0], graph, "Pay 5.")
    said = asked_at(homes[1], graph, "And?")

    assert said == ["Pay 5.", "", "paid 5", "Done.", "And?", "Again."]


def asked_at(home: Home, graph: Any, text: str) -> list[str]:
    """Ask at a machine, and give the texts of the thread."""
    with using(home):
        running = graph.copy({"checkpointer": home.saver(graph.channels)})
        found = running.invoke({"messages": [("user", text)]}, {"configurable": {"thread_id": "t"}})
    return [str(message.content) for message in found["messages"]]


async def test_a_long_thread_is_read_on_by_each_machine_as_the_other_left_it(tmp_path: Path, homes: list[Home]) -> None:
    graph = Till(tmp_path).graph(*[str(n) for n in range(12)])
    sessions = [Session(graph, home=home, thread="t") for home in homes]
    for turn in range(12):
        await sessions[turn % 2].send(f"turn {turn}")

    found = [[str(message.content) for message in await session.history()] for session in sessions]
    for session in sessions:
        await session.aclose()

    assert found[0] == found[1]
    assert found[0] == [text for turn in range(12) for text in (f"turn {turn}", str(turn))]


async def test_a_message_with_a_null_byte_is_kept(tmp_path: Path, homes: list[Home]) -> None:
    async with Session(Till(tmp_path).graph("Done."), home=homes[0], thread="t") as session:
        await session.send("half\0way")
        assert "half\0way" in str((await session.history())[0].content)


def test_a_thread_whose_name_postgres_cannot_hold_is_refused(tmp_path: Path, homes: list[Home]) -> None:
    with pytest.raises(BadInput, match="cannot be used"):
        Session(Till(tmp_path).graph("Done."), home=homes[0], thread="a\0b")
