"""A divergence in words: what was recorded, what comes now, and a diff of the two."""

import difflib
import json
from dataclasses import dataclass, replace
from typing import Any

from interlock.runtime.replay.player import UNCOMPARED, Divergence, Happened
from interlock.runtime.replay.recording import Recording, Step


def readable(found: Divergence, recording: Recording) -> tuple[str, ...]:
    """Give the lines that tell where and how the replay differs."""
    recorded, now = found.recorded, found.found
    head = [f"recorded: {_title(recorded)}", f"now:      {_title(now)}"]
    if found.note:
        head.append(found.note)
    if recorded is None or now is None or recorded.kind != now.kind:
        return (*head, *_missing_tool(recorded, now))
    return (
        *head,
        *difflib_lines(lines_of(recorded, recording.bodies), lines_of(now, {**recording.bodies, **found.bodies})),
    )


@dataclass(frozen=True, kw_only=True)
class Parting:
    """Where two runs part. `place` is empty where they do not."""

    same: int
    place: str
    diff: tuple[str, ...]


def parting(first: Recording, second: Recording) -> Parting:
    """Find where two runs part: what they ask, decide and get, not when, or under which names."""
    left, right = (list(map(_nameless, one.steps)) for one in (first, second))
    same = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    if same == len(left) == len(right):
        return Parting(same=same, place="", diff=())
    a, b = (_bare(one.steps[same]) if same < len(one.steps) else None for one in (first, second))
    now = Happened(run=b.run, place=b.place, kind=b.kind, facts=b.facts) if b else None
    found = Divergence(recorded=a, found=now, bodies=second.bodies)
    return Parting(same=same, place=found.place, diff=readable(found, first))


def _bare(step: Step) -> Step:
    """Leave out what differs between any two runs, so that what is shown is what matters."""
    return replace(step, facts=_nameless(step)[2])


def _nameless(step: Step) -> tuple[str, str, Any]:
    left_out = UNCOMPARED.get(step.kind, frozenset[str]()) | _NAMES
    facts = {name: value for name, value in step.facts.items() if name not in left_out}
    if step.kind == "model_done":
        facts["reply"] = {name: value for name, value in step.facts["reply"].items() if name != "id"}
    if step.kind == "run_started":
        facts["messages"] = [{k: v for k, v in message.items() if k != "id"} for message in facts["messages"]]
    if step.kind == "run_ended":
        facts["usage"] = {name: value for name, value in step.facts["usage"].items() if name != "seconds"}
    return step.kind, step.place, facts


_NAMES = frozenset(
    {"call", "ms", "effect", "approval", "approvals", "expires_at", "reused", "run", "memory", "history"}
)
"""Facts that differ between any two runs."""


def _title(step: "Step | Happened | None") -> str:
    if step is None:
        return "nothing"
    what = next(
        (step.facts[name] for name in ("model", "tool", "action", "what", "status") if step.facts.get(name)), ""
    )
    return f"{step.kind.replace('_', ' ')} {what} at {step.place}".replace("  ", " ")


def _missing_tool(recorded: Step | None, now: Happened | None) -> list[str]:
    if recorded is None or now is None or now.facts.get("code") != "unknown-tool":
        return []
    return [f"the recording calls {recorded.facts.get('tool')!r}, which the agent no longer has"]


def difflib_lines(before: list[str], after: list[str]) -> list[str]:
    """Give a unified diff, without the file names."""
    lines = list(difflib.unified_diff(before, after, "recorded", "now", lineterm="", n=2))
    return lines[2:]


def lines_of(step: "Step | Happened", bodies: dict[str, Any]) -> list[str]:
    """Spell a request or an event out, line by line."""
    facts = {k: v for k, v in step.facts.items() if k not in UNCOMPARED.get(step.kind, frozenset[str]())}
    if step.kind == "run_started":
        return [*_prompt_lines(facts.pop("history", ""), bodies), *_json_lines(facts)]
    if step.kind != "model_intended":
        return _json_lines(facts)
    prompt, tools = facts.pop("prompt", ""), facts.pop("tools", "")
    return [*_prompt_lines(prompt, bodies), *_tool_lines(bodies.get(tools) or []), *_json_lines(facts)]


def _prompt_lines(digest: str, bodies: dict[str, Any]) -> list[str]:
    cells: list[dict[str, Any]] = []
    while digest and digest in bodies:
        cells.append(bodies[digest]["message"])
        digest = bodies[digest]["prev"] or ""
    lines: list[str] = []
    for message in reversed(cells):
        content = message["content"]
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        lines += [f"[{message['type']}] {line}" for line in text.splitlines() or [""]]
        if calls := message.get("tool_calls"):
            lines.append(f"[{message['type']}] calls {json.dumps(calls, ensure_ascii=False)}")
    return lines


def _tool_lines(functions: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for function in functions:
        name = function["function"]["name"]
        lines += [f"[tool {name}] {line}" for line in _json_lines(function["function"])]
    return lines


def _json_lines(value: Any) -> list[str]:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).splitlines()
