"""Where a call's arguments came from, and what of a result may go in: the gate's dealings with labels."""

from dataclasses import replace
from typing import Any, cast

import orjson

from interlock.runtime.checks import changed
from interlock.runtime.contract import ToolContract
from interlock.runtime.errors import ArgumentsRefused, ToolFailed
from interlock.runtime.gate.gate import Gate
from interlock.runtime.gate.run import OpenRun
from interlock.runtime.journal import events
from interlock.runtime.labels import result_label, same, untrusted_by
from interlock.runtime.ports import Listing, Tool, ToolOutcome
from interlock.runtime.records import Decision, Label, Origin, ToolContext


async def declassified(tool: Tool, arguments: dict[str, Any], origin: Origin, context: ToolContext) -> Origin:
    """Raise what untrusted text chose to `known`, where the tool's own registry lists it."""
    choices = dict(origin.choices)
    for name in tool.contract.registries:
        if choices.get(name) == "untrusted":
            try:
                known = await cast(Listing, tool).known(name, context)
            except ToolFailed:
                continue  # a registry that does not answer vouches for nobody
            if any(same(value, arguments.get(name)) for value in known):
                choices[name] = "known"
    return origin.model_copy(update={"choices": choices})


def decided(
    gate: Gate, run: OpenRun, tool: Tool, arguments: dict[str, Any], *, label: Label, origin: Origin
) -> tuple[Decision, dict[str, Any]]:
    """Decide on a call; what a policy changes is checked, and decided again as it will be done."""
    name = tool.contract.name
    decision = gate.decide(run, name, arguments, label, origin=origin)
    if not decision.changes:
        return decision, arguments
    try:
        made = tool.check(changed(arguments, decision.changes))
    except ArgumentsRefused as error:
        return decision.model_copy(update={"outcome": "deny", "reason": f"{decision.reason}: {error}"}), arguments
    again = gate.decide(run, name, made, label, origin=origin)
    return (again if again.outcome == "deny" else decision), made


def taken(
    gate: Gate, run: OpenRun, contract: ToolContract, outcome: ToolOutcome, *, at: str, given: Label
) -> ToolOutcome:
    """Label an outcome, and let its value in as the policies allow; the journal keeps what the tool gave."""
    if not outcome.ok:
        label = given if contract.plain else given.join(untrusted_by(contract))
        return outcome if label == outcome.label else replace(outcome, label=label)
    label = result_label(contract, outcome.value, given)
    decision = gate.decide(run, "take_result", {"tool": contract.name}, label, value=outcome.value)
    if decision.outcome not in ("allow", "transform"):
        told = f"{contract.name} was done, but its result is withheld: {decision.reason}"
        refused = events.Refused(
            action="take_result", call=outcome.call.id, decision=decision, code="withheld", told=told, label=label
        )
        gate.refuse(run, at, refused)
        return ToolOutcome(call=outcome.call, ok=False, content=told, label=given)
    if decision.changes:
        value = changed(outcome.value, decision.changes)
        facts = {"action": "take_result", "call": outcome.call.id, "decision": decision.model_dump(mode="json")}
        gate.record(run, at, events.Noted(what="transform", facts=facts))
        content = value if isinstance(value, str) else orjson.dumps(value).decode()
        return replace(outcome, value=value, content=content, label=result_label(contract, value, given))
    return outcome if label == outcome.label else replace(outcome, label=label)
