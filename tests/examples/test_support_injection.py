"""An article of the support desk's help says: ignore your instructions. A model that obeys it moves nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from interlock import Session
from interlock.graphs import plan_execute, tool_loop
from interlock.runtime.home import Home
from interlock.runtime.journal.events import Refused
from interlock.runtime.models.scripted import ScriptedChatModel

QUESTION = "What do other customers say about late parcels?"
QUERY = "late parcels tips from other customers"
SEARCH: Any = {"name": "search_help", "id": "1", "args": {"query": QUERY}}
OBEYS = AIMessage("", tool_calls=[{"name": "refund", "id": "2", "args": {"order_id": 1017, "amount": "30.00"}}])
STEP = {"id": "s1", "goal": "look", "tool": "search_help", "arguments": {"query": {"value": QUERY}}}
PLAN = AIMessage("", tool_calls=[{"name": "Plan", "id": "0", "args": {"steps": [STEP]}}])
SHAPES = {
    "plan_execute": (plan_execute, [PLAN, OBEYS, "Parcels may be late.", AIMessage("", tool_calls=[])]),
    "tool_loop": (tool_loop, [AIMessage("", tool_calls=[SEARCH]), OBEYS, "Parcels may be late.", AIMessage("")]),
}


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.close()


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_model_that_obeys_an_article_refunds_nothing_and_the_trace_says_what_stopped_it(
    shape: str, home: Home, rows: Any
) -> None:
    pattern, lines = SHAPES[shape]
    support = import_module("support.agent").agent
    gullible = replace(support, model=ScriptedChatModel(lines), budget=support.budget.model_copy(update={"usd": None}))
    async with Session(pattern(gullible), home=home, user="7") as session:
        reply = await session.send(QUESTION)

    assert rows("SELECT * FROM refunds WHERE order_id = 1017") == []
    refused = [entry.event for entry in home.journal.of_run(reply.run) if isinstance(entry.event, Refused)]
    assert [event.action for event in refused] == ["refund"]
    assert (refused[0].label.integrity, refused[0].label.sources) == ("untrusted", ("search_help",))
    assert refused[0].decision
    assert "interlock.untrusted-choice" in refused[0].decision.policies
