"""Read from the journal what a run did: its calls, its reply and how it ended."""

from asyncio import CancelledError
from typing import Any, cast

import orjson

from interlock.runtime.home import Home
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry
from interlock.serving.replies import CallMade, Reply


def reply_of(home: Home, run: str) -> Reply:
    """Make the reply of a run from its journal."""
    entries = home.journal.of_run(run)
    thread = entries[0].thread if entries else ""
    ended = _ended(entries)
    status = ended.status if ended else "failed"
    inside = ended.approvals if ended else []  # those of graphs inside this one stand in runs of their own
    waiting = [home.approvals.get(id) for id in dict.fromkeys([*_asked(entries), *inside])]
    pending = [approval.shown() for approval in waiting if approval.state == "pending"]
    return Reply(
        text=_text(entries, ended, pending),
        data=_data(entries) if status == "done" else None,
        status=status,
        run=run,
        thread=thread,
        approvals=pending if status == "waiting" else [],
        calls=calls_of(entries),
        usage=ended.usage if ended else home.ledger.usage(f"run {run}"),
        code=ended.code if ended else "unfinished",
    )


def was_cut_off(home: Home, run: str) -> bool:
    """Tell whether a run neither ended nor paused: its process died or is at it, or whoever waited went away."""
    ended = _ended(home.journal.of_run(run))
    return ended is None or ended.code == CancelledError.__name__


def _ended(entries: list[Entry]) -> events.RunEnded | None:
    """Find how a run stands; None where it was begun or taken up and has not ended since."""
    turns = (events.RunStarted, events.RunResumed, events.RunEnded)
    last = next((e.event for e in reversed(entries) if isinstance(e.event, turns)), None)
    return last if isinstance(last, events.RunEnded) else None


def _asked(entries: list[Entry]) -> list[str]:
    return [e.event.approval for e in entries if isinstance(e.event, events.ApprovalRequested)]


def _text(entries: list[Entry], ended: events.RunEnded | None, pending: list[dict[str, object]]) -> str:
    if ended is not None and ended.status == "waiting":
        if not ended.approvals:
            return "A node of the graph waits for an answer of its own, which no approval gives."
        asked = "; ".join(f"{a['tool']} ({a['reason']}), approval {a['id']}" for a in pending)
        return f"Waiting for a person to approve: {asked}" if asked else "Approvals are answered; the run can go on."
    if (replied := _replied(entries)) is not None:
        return replied.text
    return ended.reason if ended else "The run did not finish; send the message again, or resume the thread."


def _data(entries: list[Entry]) -> Any:
    whole = [entry for entry in entries if not entry.erased]
    replied = _replied(whole)
    return orjson.loads(replied.text) if replied is not None and replied.schema_name else None


def _replied(entries: list[Entry]) -> events.Replied | None:
    return next((e.event for e in reversed(entries) if isinstance(e.event, events.Replied)), None)


def calls_of(entries: list[Entry]) -> list[CallMade]:
    """List the tool calls of a run in the order in which they ended."""
    intended = {e.event.call: e.event for e in entries if isinstance(e.event, events.ToolIntended)}
    ended = {e.event.call for e in entries if isinstance(e.event, events.ToolDone | events.ToolFailed | events.Refused)}
    found: list[CallMade] = []
    for entry in entries:
        match entry.event:
            case events.ToolDone() as done:
                asked = intended.get(done.call)
                found.append(_made(done.tool, asked, "done", value=done.value))
            case events.ToolFailed() as failed:
                found.append(_made(failed.tool, intended.get(failed.call), "failed", detail=failed.error))
            case events.Refused(call=call) as refused if call:
                found.append(_refused(refused))
            case events.ApprovalRequested() as asked if asked.call and asked.call not in ended:
                found.append(
                    CallMade(
                        tool=asked.tool, arguments=asked.arguments, outcome="waiting", policies=asked.decision.policies
                    )
                )
            case _:
                pass
    return found


def _made(tool: str, asked: events.ToolIntended | None, outcome: str, **more: object) -> CallMade:
    facts: dict[str, Any] = {"tool": tool, "outcome": outcome, "arguments": asked.arguments if asked else {}, **more}
    return CallMade.model_validate({**facts, "policies": asked.decision.policies if asked else ()})


def _refused(event: events.Refused) -> CallMade:
    return CallMade(
        tool=event.action,
        arguments=cast(dict[str, Any], event.request) if isinstance(event.request, dict) else {},
        outcome="refused",
        policies=event.decision.policies if event.decision else (),
        detail=event.told,
    )
