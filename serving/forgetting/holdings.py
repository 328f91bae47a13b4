"""All that is held on a person, as JSON data that can be handed out."""

from typing import Any

from interlock.memory.store import Store
from interlock.runtime.erasures import held
from interlock.runtime.home import Home
from interlock.runtime.journal.erasing import held_of
from interlock.runtime.journal.events import Replied, RunStarted
from interlock.runtime.journal.journal import Entry
from interlock.runtime.journal.prompts import read_prompt
from interlock.runtime.memories import Owner


def holdings(home: Home, store: Store, owner: Owner) -> dict[str, Any]:
    """Give a person's memories with where they came from, threads with their messages, runs, and approvals."""
    found = held_of(home, owner)
    asked = home.approvals.list(state=None)
    return {
        **store.export(owner),
        "threads": {thread: _messages(home, thread, set(found.runs)) for thread in found.threads},
        "runs": [_run(home.journal.of_run(run)) for run in found.runs],
        "approvals": [one.shown() for one in asked if (one.tenant, one.user) == (owner.tenant, owner.user)],
        "hold": held(home.database).get((owner.tenant, owner.user), ""),
    }


def _messages(home: Home, thread: str, runs: set[str]) -> list[dict[str, Any]]:
    """Give a thread's messages, oldest first: what stood there before its last run, the request, and the reply."""
    found: list[dict[str, Any]] = []
    for entry in home.journal.of_thread(thread):
        match entry.event:
            case RunStarted() as event if entry.run in runs:
                found = [*read_prompt(home.journal, event.history), *event.messages]
            case Replied() as event if entry.run in runs:
                found.append({"type": "ai", "content": event.text})
            case _:
                pass
    return found


def _run(entries: list[Entry]) -> dict[str, Any]:
    events = [
        {"row": e.seq, "at": e.at.isoformat(), "place": e.place, **e.event.model_dump(mode="json")} for e in entries
    ]
    return {"run": entries[0].run, "thread": entries[0].thread, "events": events}
