"""What to answer to a conversation: which of the model's modes it calls for, and what that mode brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

from interlock.runtime.models.embedded import sayings
from interlock.runtime.models.embedded.answers import answer
from interlock.runtime.models.embedded.catalogue import Catalogue, catalogue
from interlock.runtime.models.embedded.conversation import Outcome, Talk
from interlock.runtime.models.embedded.planning import Draft, as_json, make_draft
from interlock.runtime.models.embedded.ranking import Meaning
from interlock.runtime.models.embedded.shapes import shaped
from interlock.runtime.plan import Plan, Step, progress, remaining

Call = dict[str, Any]
EMPTY = Catalogue([])


@dataclass(frozen=True, kw_only=True)
class Thought:
    """An answer before it is a message."""

    text: str = ""
    calls: Sequence[Any] = ()
    confidence: float = 1.0
    pending: str = ""
    """What was asked of the user; empty if nothing."""

    def until(self, mark: str) -> "Thought":
        """End the text before a stop sequence."""
        return replace(self, text=self.text.split(mark, 1)[0])


def think(talk: Talk, tools: Catalogue, choice: Any, meaning: Meaning | None, today: date | None) -> Thought:
    """Answer a conversation.

    Args:
        talk: the conversation.
        tools: what is bound.
        choice: langchain's `tool_choice`.
        meaning: compares sentences; called only where words do not settle what is meant.
        today: what "tomorrow" counts from.
    """
    forced = _forced(tools, choice)
    if forced == ("Plan",):
        return _plan(talk, meaning, today)
    if forced:
        calls, confidence = shaped(talk, Catalogue([tools.by_name[name] for name in forced]), meaning, today)
        return Thought(
            calls=[_call(talk, f"c{n + 1}", name, args) for n, (name, args) in enumerate(calls)], confidence=confidence
        )
    if tools.tools and choice != "none":
        return _act(talk, tools, meaning, today)
    return _answer(talk, meaning, today)


def _forced(tools: Catalogue, choice: Any) -> tuple[str, ...]:
    """Names of the tools of which one must be called; empty where none must."""
    if isinstance(choice, dict):
        given = cast("dict[str, Any]", choice)
        choice = given.get("function", given).get("name", "any")
    if choice in (None, False, "auto", "none"):
        return ()
    if choice in tools.by_name:
        return (str(choice),)
    return tuple(tools.by_name)


def _call(talk: Talk, step: str, name: str, arguments: Mapping[str, Any]) -> Call:
    return {"type": "tool_call", "id": f"call-{talk.turn}-{step}", "name": name, "args": dict(arguments)}


def _act(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None) -> Thought:
    """Take the next calls of the plan that the conversation implies, or answer."""
    draft = make_draft(talk, tools, meaning, today)
    outcomes = _matched(draft.steps, talk.outcomes)
    results = {o.step: o.value for o in outcomes if o.status == "done"}
    failed = [o.step for o in outcomes if o.status == "failed"]
    standing = progress(Plan(steps=draft.steps), results, failed)
    ready = [s for s in draft.steps if standing[s.id][0] == "ready"]
    if ready:
        calls = [_call(talk, s.id, s.tool, {n: a.resolve(results) for n, a in s.arguments.items()}) for s in ready]
        return Thought(calls=calls, confidence=draft.confidence)
    text = _told(draft, outcomes + _undone(draft.steps, standing), tools, talk)
    pending = " ".join(draft.questions)
    return Thought(text=text, confidence=draft.confidence, pending=pending)


def _matched(steps: Sequence[Step], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Tell which outcome belongs to which step: by the id that the call was given, or by the tool, in order."""
    found: list[Outcome] = []
    open_steps = {s.id: s for s in steps}
    for outcome in outcomes:
        step = open_steps.get(outcome.step)
        if step is None or step.tool != outcome.tool:
            step = next((s for s in open_steps.values() if s.tool == outcome.tool), None)
        if step is not None:
            del open_steps[step.id]
        found.append(replace(outcome, step=step.id if step else "", goal=step.goal if step else ""))
    return found


def _undone(steps: Sequence[Step], standing: Mapping[str, tuple[str, str]]) -> list[Outcome]:
    return [
        Outcome(
            tool=s.tool,
            arguments={n: a.value for n, a in s.arguments.items() if a.origin != "result"},
            status="skipped",
            reason=standing[s.id][1],
            goal=s.goal,
            step=s.id,
        )
        for s in steps
        if standing[s.id][0] == "skipped"
    ]


def _told(draft: Draft, outcomes: Sequence[Outcome], tools: Catalogue, talk: Talk) -> str:
    order = {s.id: at for at, s in enumerate(draft.steps)}
    sorted_outcomes = sorted(outcomes, key=lambda o: order.get(o.step, -1))
    parts = [answer(sorted_outcomes, tools.by_name, talk.request)] if outcomes else []
    if parts:
        parts.append(sayings.remaining(draft.readings, tools, talk.memory))
    elif not draft.questions:
        parts.append(sayings.say(draft.readings, tools, talk.memory))
    return " ".join(p for p in (*parts, *draft.questions) if p)


def _plan(talk: Talk, meaning: Meaning | None, today: date | None) -> Thought:
    tools = _known(talk)
    draft = make_draft(talk, tools, meaning, today)
    if talk.outcomes:
        plan = _replanned(draft, talk, tools)
    elif draft.steps or draft.questions:
        plan = draft.plan()
    else:
        plan = Plan(say=sayings.say(draft.readings, tools, talk.memory))
    return Thought(
        calls=[_call(talk, "plan", "Plan", as_json(plan))], confidence=draft.confidence, pending=plan.question
    )


def _known(talk: Talk) -> Catalogue:
    try:
        return catalogue(talk.tools) if talk.tools else EMPTY
    except ValueError:
        return EMPTY


def _replanned(draft: Draft, talk: Talk, tools: Catalogue) -> Plan:
    """Plan what remains after some steps; where a failure stands in the way of all of it, say what came of it."""
    outcomes = _matched(draft.steps, [o for o in talk.outcomes if o.status != "skipped"])
    results = {o.step: o.value for o in outcomes if o.status == "done" and o.step}
    failed = [o.step for o in outcomes if o.status == "failed" and o.step]
    rest = remaining(Plan(steps=draft.steps), results, failed)
    if rest:
        return Plan(steps=rest)
    standing = progress(Plan(steps=draft.steps), results, failed)
    return Plan(say=_told(draft, outcomes + _undone(draft.steps, standing), tools, talk))


def _answer(talk: Talk, meaning: Meaning | None, today: date | None) -> Thought:
    """Answer without tools: from results that are there, from memory, or by saying what this model is."""
    tools = _known(talk)
    draft = make_draft(talk, tools, None, today)
    if talk.outcomes:
        text = answer(talk.outcomes, tools.by_name, talk.request)
        if tools.tools:
            text = " ".join(t for t in (text, sayings.remaining(draft.readings, tools, talk.memory)) if t)
        return Thought(text=text or "There is nothing to report.", confidence=0.9)
    text = sayings.say(draft.readings, tools, talk.memory)
    known = any(r.role in ("chat", "memory", "noted") for r in draft.readings)
    return Thought(text=text, confidence=0.9 if known else 0.1)
