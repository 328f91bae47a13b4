"""From trace to test: a recorded run as an evaluation case that runs offline."""

from pathlib import Path
from typing import Any

import yaml

from interlock.runtime.errors import BadInput
from interlock.runtime.journal import events
from interlock.runtime.journal.journal import Entry, Journal
from interlock.runtime.journal.runs import find_run
from interlock.runtime.replay.recording import exported, record
from interlock.serving.outcome import calls_of


def record_case(journal: Journal, run: str, folder: Path) -> Path:
    """Write a run as a case of the suite `recorded.yaml` in a folder, its recording beside it.

    Raises:
        NotFound, RecordingBroken: there is no such run, or parts of it were erased.
        BadInput: it is a case already.
    """
    entries = find_run(journal, run)
    recording = record(journal, entries[0].run)
    file = folder / "recordings" / f"{recording.run}.json"
    if file.exists():
        raise BadInput(what=f"run {recording.run} is a case already", where=str(file), fix="remove it first")
    case = case_of(entries, f"recordings/{file.name}")
    suite = folder / "recorded.yaml"
    known: Any = yaml.safe_load(suite.read_text(encoding="utf-8")) if suite.exists() else None
    about = "Runs that happened, with what they were answered."
    stated: dict[str, Any] = known or {"suite": "recorded", "about": about, "cases": []}
    stated["cases"].append(case)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(exported(recording))
    suite.write_text(yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return suite


def case_of(entries: list[Entry], recording: str) -> dict[str, Any]:
    """State a run as a case: who said and answered what, and what came of it."""
    started = entries[0].event
    assert isinstance(started, events.RunStarted)  # noqa: S101  # a run's first event
    ended = next((e.event for e in reversed(entries) if isinstance(e.event, events.RunEnded)), None)
    said = str(started.messages[-1].get("content", ""))
    return {
        "id": f"run-{entries[0].run}",
        "about": f"recorded on {entries[0].at:%Y-%m-%d}",
        "recording": recording,
        "user": started.caller.user,
        "roles": list(started.caller.roles),
        "turns": [{"say": said}, *_answers(entries)],
        "expect": {"status": ended.status if ended else "failed", "calls": _calls(entries)},
    }


def _answers(entries: list[Entry]) -> list[dict[str, Any]]:
    asked = {e.event.approval: e.event.tool for e in entries if isinstance(e.event, events.ApprovalRequested)}
    given = [e.event for e in entries if isinstance(e.event, events.ApprovalAnswered)]
    return [
        {
            "approve" if one.answer == "approved" else "deny": asked.get(one.approval, "*"),
            "by": one.by,
            "roles": list(one.roles),
            **({"reason": one.note} if one.note else {}),
        }
        for one in given
        if one.answer in ("approved", "denied")
    ]


def _calls(entries: list[Entry]) -> dict[str, Any]:
    made = [call for call in calls_of(entries) if call.outcome in ("done", "failed")]
    outcomes = {"done": "ok", "failed": "failed"}
    return {"include": [{"tool": c.tool, "arguments": c.arguments, "outcome": outcomes[c.outcome]} for c in made]}
