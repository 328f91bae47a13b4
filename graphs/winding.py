"""What a run says for itself that a limit has stopped: what it has done, and what it has not."""

from collections.abc import Mapping
from contextlib import suppress
from functools import reduce
from typing import Any

import orjson
from langchain_core.messages import AIMessage

from interlock.graphs.runs import Entered
from interlock.graphs.state import new_messages
from interlock.nodes.begin import abandoned
from interlock.runtime.gate.stops import BudgetSpent, PolicyDenied
from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.records import Label

_LONGEST = 200
"""Characters that are shown of one result."""
_MOST = 20
"""Calls that are told of, the newest."""


async def account(entered: Entered) -> None:
    """Let a run that is to wind down reply with what it has done, once none of its nodes is at work."""
    if entered.spent is None or entered.run.inside or entered.run.budget.wind_down is None:
        return
    found = [entry.event for entry in entered.home.journal.of_run(entered.run.scope.run)]
    text = told(entered.spent, found)
    labels = [event.label for event in found if isinstance(event, events.ToolDone)]
    with suppress(PolicyDenied):  # then the error that names the limit is all there is to say
        await entered.deps.door.reply(text, at="stopped", label=reduce(Label.join, labels, Label()), given=lambda: text)


def with_account(home: Home, state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put what the run before said when a limit stopped it into the thread, before the new request.

    Nothing that a node writes when it is stopped is kept; the next run takes it from the journal.
    """
    before: Mapping[str, Any] = state.get("run") or {}
    run = str(before.get("id", ""))
    said = _last_words(home, run)
    if not said:
        return state
    new = new_messages(state["messages"])
    old = state["messages"][: len(state["messages"]) - len(new)]
    return {**state, "messages": [*old, *abandoned(old), AIMessage(said, id=f"m-{run}"), *new]}


def _last_words(home: Home, run: str) -> str:
    found = [entry.event for entry in home.journal.of_run(run)] if run else []
    last, *_ = [*(event for event in reversed(found) if isinstance(event, events.RunEnded)), None]
    if last is None or (last.status, last.code) != ("stopped", BudgetSpent.code):
        return ""
    return next((event.text for event in reversed(found) if isinstance(event, events.Replied)), "")


def told(spent: BudgetSpent, found: list[Any]) -> str:
    """Tell what stopped a run, and how its calls ended."""
    asked = {event.call: event for event in found if isinstance(event, events.ToolIntended)}
    done = [
        f"- {_call(asked[event.call])}: {_short(event.value)}"
        for event in found
        if isinstance(event, events.ToolDone) and event.call in asked
    ]
    failed = [f"- {_call(asked[event.call])}" for event in found if isinstance(event, events.ToolFailed)]
    said = (
        f"I had to stop before I was done: {spent.spent} of {spent.limit} {spent.unit.replace('_', ' ')} are used up."
    )
    lists = [("Done:", done or ["- nothing"]), ("Tried without success:", failed)]
    return "\n".join([said, *(line for title, lines in lists if lines for line in (title, *lines[-_MOST:]))])


def _call(event: events.ToolIntended) -> str:
    given = ", ".join(f"{name}={_short(value)}" for name, value in event.arguments.items())
    return f"{event.tool}({given})"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
