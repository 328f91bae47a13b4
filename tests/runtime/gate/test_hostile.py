"""What models, tools and graphs can do to a run without meaning to, and what comes of it."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from tests.graphs.conftest import Agents, Till, call, calls

from interlock import Agent, Caller, Session, ToolContext, tool
from interlock.graphs import tool_loop
from interlock.runtime.clock import ManualClock
from interlock.runtime.contract import ToolContract
from interlock.runtime.gate.stops import CannotWait
from interlock.runtime.home import Home, using
from interlock.runtime.journal import events
from interlock.runtime.journal.audit import verify
from interlock.runtime.models.scripted import ScriptedChatModel

HALF = "caf\ud83d"
MENDED = "caf�"


@tool(read_only=True)
def torn() -> list[str]:
    """Return half a character."""
    return [HALF]


@tool(read_only=True)
def raising() -> str:
    """Fail with half a character."""
    raise ValueError(HALF)


@pytest.mark.parametrize(("name", "content"), [("torn", f'["{MENDED}"]'), ("raising", MENDED)])
async def test_half_a_character_from_a_tool_or_a_model_is_put_right_and_nothing_is_lost(
    home: Home, name: str, content: str
) -> None:
    asked = AIMessage(HALF, tool_calls=[call(name, "c1")])
    model = ScriptedChatModel([asked, HALF])
    graph = tool_loop(Agent(name="a", model=model, tools=[torn, raising]))
    async with Session(graph, home=home) as opened:
        reply = await opened.send("go")
        history = await opened.history()

    assert reply.text == MENDED
    assert (history[1].content, content in history[2].content) == (MENDED, True)
    assert verify(home.database).ok


@tool(read_only=True)
def endless(number: int) -> int:
    """Double a number."""
    return number * 2


@pytest.mark.parametrize(
    ("number", "outcome", "told"),
    [(2**63, "failed", "Integer exceeds 64-bit range"), (2**64, "refused", "must be a whole number")],
)
async def test_an_integer_that_no_journal_could_give_back_is_refused(
    home: Home, number: int, outcome: str, told: str
) -> None:
    model = ScriptedChatModel([calls(call("endless", "c1", number=number)), "Told."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[endless])), home=home) as opened:
        reply = await opened.send("go")

    assert (reply.status, reply.calls[0].outcome) == ("done", outcome)
    assert told in reply.calls[0].detail


async def test_half_a_character_in_an_error_of_a_node_is_put_on_record(home: Home, agents: Agents) -> None:
    async with Session(tool_loop(agents.make(ValueError(HALF))), home=home) as opened:
        reply = await opened.send("go")

    assert (reply.status, reply.text) == ("failed", MENDED)


@pytest.mark.parametrize("reported", [(-5, 3), (3, -5), (10**15, 1), (1, 2**70)])
async def test_usage_that_cannot_be_is_estimated_instead_and_noted(
    home: Home, agents: Agents, reported: tuple[int, int]
) -> None:
    given, made = reported
    usage: Any = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
    async with Session(tool_loop(agents.make(AIMessage("Hello.", usage_metadata=usage))), home=home) as opened:
        reply = await opened.send("hi")

    [done] = [e.event for e in home.journal.of_run(reply.run) if isinstance(e.event, events.ModelDone)]
    assert done.corrected == f"{given} tokens in, {made} out"
    assert 0 < reply.usage.input_tokens < 1_000
    assert 0 < reply.usage.output_tokens < 100


async def test_a_run_that_nothing_keeps_asks_nobody_and_says_why(home: Home, agents: Agents, till: Till) -> None:
    graph = tool_loop(agents.make(calls(call("pay", "c1", amount="100")), "Paid."))

    with using(home), pytest.raises(CannotWait, match=r"no checkpointer to wait with; .*checkpointer=") as caught:
        await graph.ainvoke({"messages": [("user", "pay")]}, context=Caller(user="7"))

    assert caught.value.tool == "pay"
    assert (home.approvals.list(state=None), till.paid) == ([], [])
    refused = [e.event for e in home.journal.of_kind("refused")]
    assert [e.code for e in refused if isinstance(e, events.Refused)] == ["cannot-wait"]


class Endless:
    """A tool of somebody else's, that keeps no time and raises when it is given up."""

    contract = ToolContract(
        name="endless", description="Go on.", arguments={"type": "object"}, result={}, read_only=True, timeout_s=1.0
    )

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return arguments

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Any:
        raise TimeoutError


async def test_a_call_that_the_gate_gives_up_is_told_to_the_model(home: Home) -> None:
    model = ScriptedChatModel([calls(call("endless", "c1")), "Told."])
    async with Session(tool_loop(Agent(name="a", model=model, tools=[Endless()])), home=home) as opened:
        reply = await opened.send("go")
        history = await opened.history()

    assert reply.status == "done"
    assert history[2].content == "endless: no answer within 1 s, all attempts included"


async def test_a_clock_that_jumps_ahead_takes_no_thread_from_a_run_that_nobody_else_wants(
    home: Home, agents: Agents, till: Till, clock: ManualClock
) -> None:
    def jump(days: int) -> Any:
        def says(_messages: Any) -> AIMessage:
            clock.advance(86_400.0 * days, monotonic=False)
            return calls(call("pay", f"c{days}", amount="1"))

        return says

    async with Session(tool_loop(agents.make(jump(3), jump(-5), "Paid.")), home=home) as opened:
        reply = await opened.send("pay twice")

    assert (reply.status, len(till.paid)) == ("done", 2)
