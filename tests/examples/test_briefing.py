"""The briefing: a graph of one's own, with two look-ups side by side."""

from pathlib import Path

from interlock import Session
from interlock.serving.loading import load_graph

FOLDER = Path(__file__).parents[2] / "examples" / "briefing"


async def test_both_look_ups_are_made_through_the_gate_and_told(tmp_path: Path) -> None:
    async with Session(load_graph(str(FOLDER)), home=tmp_path / "home") as session:
        reply = await session.send("What is on today?")

    assert reply.text.splitlines()[0] == "09:30 Call with the printers"
    assert len(reply.text.splitlines()) == 4
    assert sorted(call.tool for call in reply.calls) == ["appointments", "open_tasks"]
