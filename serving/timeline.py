"""A run as lines that a person can read, one for each event."""

import json
from typing import Any

from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.journal.prompts import read_prompt
from interlock.runtime.records import Decision, Label, Origin, Usage

WIDTH = 220


def line(entry: Entry, journal: Journal, *, full: bool = False) -> tuple[str, str]:
    """Give the title of an event and what it says."""
    title, text = _told(entry.event, journal, full)
    if entry.erased:
        return title, "[erased]"
    return title, text if full or len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _told(event: events.Event, journal: Journal, full: bool) -> tuple[str, str]:
    match event:
        case events.RunStarted():
            said = event.messages[-1].get("content", "") if event.messages else ""
            return "run started", f"{event.agent} for user {event.caller.user}: {said}"
        case events.RunResumed():
            return "run resumed", f"for user {event.by.user}"
        case events.RunEnded():
            return f"run {event.status}", " ".join(filter(None, [event.code, event.reason, _used(event.usage)]))
        case events.ModelIntended():
            return f"model {event.model}", _prompt(event, journal, full)
        case events.ModelDone():
            tries = f", {event.attempts} attempts" if event.attempts > 1 else ", from the cache" * event.cached
            return "  reply", f"{_reply(event.reply)} [{_used(event.usage)}, {event.ms:.1f} ms{tries}]"
        case events.ToolIntended():
            told = f"{_json(event.arguments)} — {_decision(event.decision)}{_approval(event)}"
            return f"tool {event.tool}", f"{told} [{_label(event.label)}]"
        case events.ToolDone():
            again = " (recorded earlier, not done again)" if event.reused else " (from the cache)" * event.cached
            again += f" (the tool failed; {event.by} answered)" if event.by else ""
            return "  result", f"{_json(event.value)}{again} [{_label(event.label)}, {event.ms:.1f} ms]"
        case _:
            return _told_rest(event)


def _chosen(origin: Origin | None) -> str:
    """Tell who chose the arguments, and how the call stands to the plan."""
    if origin is None:
        return ""
    choices = "".join(f", {name or 'the call'} chosen by: {choice}" for name, choice in origin.choices.items())
    return choices + {"none": "", "on": ", planned", "off": ", not planned"}[origin.plan]


def _told_rest(event: events.Event) -> tuple[str, str]:
    match event:
        case events.ModelFailed() | events.ToolFailed():
            return "  failed", f"{event.error} [{event.ms:.1f} ms]"
        case events.Refused():
            by = f" by {', '.join(event.decision.policies)}" if event.decision and event.decision.policies else ""
            why = f"{event.code}{by} [{_label(event.label)}{_chosen(event.origin)}]"  # first, lest it is cut off
            return f"refused {event.action}", f"{why}: {event.told or _json(event.request)}"
        case events.ApprovalRequested():
            return f"approval {event.approval}", f"{event.tool} {_json(event.arguments)} — {_decision(event.decision)}"
        case events.ApprovalAnswered():
            return f"approval {event.approval}", f"{event.answer} by {event.by} {event.note}".rstrip()
        case events.MemoryRead():
            found = "; ".join(f"{item['text']} ({item['why']})" for item in event.items) or "nothing"
            kept_back = "".join(f", {held['id']} withheld by {held['rule']}" for held in event.withheld)
            return "memory read", f"{event.query!r} → {found} [{event.ms:.1f} ms{kept_back}]"
        case events.MemoryIntended():
            approved = "".join(f", approved as {id}" for id in event.approvals)
            return "memory write", str(event.note.get("text", "")) + approved
        case events.MemoryWritten():
            return "  memory", f"{event.code}: {event.reason}"
        case events.MemoryPruned():
            done = [*event.report["removed"], *event.report["joined"]]
            return "  pruned", "; ".join(f"{one['code']}: {one['reason']}" for one in done) or "nothing"
        case events.Replied():
            return "reply", f"{event.text} — {_decision(event.decision)} [{_label(event.label)}]"
        case events.Noted():
            return event.what, _json(event.facts)
        case _:
            return event.kind, ""


def _prompt(event: events.ModelIntended, journal: Journal, full: bool) -> str:
    messages = read_prompt(journal, event.prompt)
    shown = messages if full else messages[-1:]
    said = "\n".join(f"{m['type']}: {m['content'] or _json(m.get('tool_calls'))}" for m in shown)
    return f"{event.messages} messages; {said}" if not full else said


def _reply(reply: dict[str, Any]) -> str:
    calls = ", ".join(f"{call['name']}{_json(call['args'])}" for call in reply.get("tool_calls", []))
    return " ".join(filter(None, [str(reply.get("content", "")), calls]))


def _decision(decision: Decision) -> str:
    why = f": {decision.reason}" if decision.reason else ""
    return f"{decision.outcome} by {', '.join(decision.policies) or 'default'}{why}"


def _label(label: Label) -> str:
    return " ".join(filter(None, [label.integrity, label.confidentiality, ", ".join(label.sources)]))


def _approval(event: events.ToolIntended) -> str:
    return f", approved as {event.approval}" if event.approval else ""


def _used(usage: Usage) -> str:
    price = "price unknown" if usage.usd is None else f"{usage.usd} USD"
    return f"{usage.input_tokens}+{usage.output_tokens} tokens, {price}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
