"""What led to a question: what the user asked, and what the run has done since."""

from typing import Any

from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Journal

_LONGEST = 2_000
_MOST = 20


def led_here(journal: Journal, run: str) -> dict[str, Any]:
    """Give the request as it was said, and the newest calls with how they ended."""
    asked = ""
    calls: dict[str, dict[str, Any]] = {}
    for entry in journal.of_run(run):
        match entry.event:
            case events.RunStarted(messages=messages) if messages:
                asked = str(messages[-1].get("content", ""))[:_LONGEST]
            case events.ToolIntended() as event:
                calls[event.call] = {"tool": event.tool, "arguments": event.arguments, "ended": "unfinished"}
            case events.ToolDone(call=call) if call in calls:
                calls[call]["ended"] = "done"
            case events.ToolFailed(call=call) if call in calls:
                calls[call]["ended"] = "failed"
            case events.Refused(call=call, action=tool, code=code, request=request) if call:
                calls[call] = {"tool": tool, "arguments": request, "ended": f"refused: {code}"}
            case _:
                pass
    return {"asked": asked, "calls": list(calls.values())[-_MOST:]}
