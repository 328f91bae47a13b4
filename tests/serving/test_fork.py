"""A fork answers from the record up to a step, and goes on live: what would have happened."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Agent, Caller, tool
from interlock.graphs import tool_loop
from interlock.graphs.patterns import Compiled
from interlock.runtime.errors import BadInput, RecordingBroken
from interlock.runtime.home import Home
from interlock.runtime.journal.runs import find_run
from interlock.runtime.models.scripted import Line, ScriptedChatModel
from interlock.runtime.replay.recording import Recording, record
from interlock.serving.forking import fork
from interlock.serving.session import Session

POLICY = """
@id("look") permit (principal, action == Action::"look", resource);
@id("pay") @decision("ask") @reason("money") permit (principal, action == Action::"pay", resource);
"""


class Desk:
    """A till whose payments are counted, and the graph over it."""

    def __init__(self, folder: Path) -> None:
        self.paid: list[Decimal] = []
        (folder / "policy.cedar").write_text(POLICY)
        self._policy = folder / "policy.cedar"

    def graph(self, *lines: Line) -> Compiled:
        @tool(destructive=True)
        def pay(amount: Decimal) -> str:
            """Pay an amount."""
            self.paid.append(amount)
            return f"paid {amount}"

        @tool(read_only=True)
        def look() -> int:
            """Look into the till."""
            return 200

        model = ScriptedChatModel(list(lines))
        return tool_loop(Agent(name="till", model=model, tools=[look, pay], policy=self._policy))


def calling(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": name}])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
async def recording(desk: Desk, tmp_path: Path) -> Recording:
    home = Home(tmp_path / "home")
    graph = desk.graph(calling("look"), calling("pay", amount="20"), "paid 20, 200 are left")
    async with Session(graph, home=home, user="mira") as session:
        reply = await session.send("Pay 20.")
        home.approvals.answer(reply.approvals[0]["id"], approve=True, by=Caller(user="boss"))
        await session.resume()
    found = record(home.journal, reply.run)
    home.close()
    return found


async def test_what_happened_before_the_fork_does_not_happen_again(
    desk: Desk, recording: Recording, tmp_path: Path
) -> None:
    reply = await fork(recording, desk.graph("other words"), home=tmp_path / "home", step="think.3")

    assert reply.text == "other words"
    assert desk.paid == [Decimal(20)]
    assert [(call.tool, call.outcome) for call in reply.calls] == [("look", "done"), ("pay", "done")]


async def test_a_fork_is_a_run_of_its_own_that_names_its_parent(
    desk: Desk, recording: Recording, tmp_path: Path
) -> None:
    reply = await fork(recording, desk.graph("other words"), home=tmp_path / "home", step="think.3")

    home = Home(tmp_path / "home")
    started = find_run(home.journal, reply.run)[0].event
    home.close()
    assert reply.run != recording.run
    assert getattr(started, "parent", "") == f"{recording.run}@think.3"


async def test_an_edited_result_is_what_the_model_sees(desk: Desk, recording: Recording, tmp_path: Path) -> None:
    graph = desk.graph(lambda messages: f"the till has {messages[-1].text}")

    reply = await fork(recording, graph, home=tmp_path / "home", step="think.2", edits={"act.1.0": 7})

    assert reply.text == "the till has 7"


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        ({"act.1.0": "plenty"}, "look cannot give this: .+"),
        ({"act.1.0": None}, "look cannot give this"),
        ({"act.1.0": {"amount": 7}}, "look cannot give this"),
        ({"act.2.0": 7}, "pay cannot give this"),
        ({"think.1": 7}, "a model gives text, not int"),
    ],
)
async def test_an_edit_that_could_not_have_come_back_is_refused(
    desk: Desk, recording: Recording, tmp_path: Path, edits: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says) as caught:
        await fork(recording, desk.graph("never said"), home=tmp_path / "home", step="think.3", edits=edits)

    assert caught.value.where == f"--edit {next(iter(edits))}"


async def test_an_effect_after_the_fork_is_gated_as_ever(desk: Desk, recording: Recording, tmp_path: Path) -> None:
    graph = desk.graph(calling("pay", amount="90"), "done")

    reply = await fork(recording, graph, home=tmp_path / "home", step="think.2")

    assert reply.status == "waiting"
    assert desk.paid == [Decimal(20)]


async def test_a_step_that_is_not_there_is_refused(desk: Desk, recording: Recording, tmp_path: Path) -> None:
    with pytest.raises(RecordingBroken, match=r"no step 'think\.9' .*think\.1"):
        await fork(recording, desk.graph("no"), home=tmp_path / "home", step="think.9")
