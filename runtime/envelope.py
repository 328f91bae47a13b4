"""What a plan allows: calls that a model makes later, after it has read untrusted text, are held against it.

The plan was made from trusted text alone. It fixes which effects may happen, in which order, and where their arguments
come from. A model may fill slots from where the plan says, and nowhere else; it may not add effects.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from interlock.runtime.contract import ToolContract
from interlock.runtime.labels import (
    Evidence,
    Leaf,
    field_label,
    labelled,
    leaves,
    mentions,
    pointers,
    same,
    without_positions,
    worst,
)
from interlock.runtime.plan import Plan, Source, Step, look_up
from interlock.runtime.records import Choice, Origin, ToolCall


@dataclass(kw_only=True)
class Envelope:
    """A plan, and how far it was used."""

    plan: Plan
    contracts: Callable[[str], ToolContract | None]
    evidence: Evidence
    results: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    """What each step has brought so far."""
    used: dict[str, int] = field(default_factory=dict[str, int])

    def origin(self, call: ToolCall) -> Origin:
        """Tell how a call stands to the plan, and who chose its arguments. Uses nothing up."""
        contract = self.contracts(call.tool)
        if contract is None:
            return Origin(plan="off", choices={"": "untrusted"}, why="there is no such tool")
        why = "no step of the plan calls it"
        for step in self._open(call.tool):
            found = self._fits(step, call, contract)
            if isinstance(found, Origin):
                return found
            why = f"step {step.id}: {found}"
        traced = self.evidence.origin(contract, call.arguments)
        return traced.model_copy(update={"plan": "off", "why": why})

    def foreseen(self, step: Step, arguments: dict[str, Any]) -> Origin:
        """Tell who chose the arguments of a call that is made as a step of the plan says."""
        contract = self.contracts(step.tool)
        if contract is None:
            return Origin(plan="on", step=step.id)
        choices: dict[str, Choice] = {
            name: self._chose(step.arguments[name], arguments[name])
            for name in sorted(contract.choosing & arguments.keys())
        }
        carries = contract.open_world and self.evidence.carries(arguments)
        return Origin(plan="on", step=step.id, choices=choices, carries=carries)

    def took(self, call: ToolCall, origin: Origin, value: Any) -> None:
        """Note that a call was made and what it brought."""
        if origin.step:
            self.use(origin.step)
            self.results.setdefault(origin.step, []).append(value)

    def use(self, step: str) -> None:
        """Note that a call was made for a step."""
        self.used[step] = self.used.get(step, 0) + 1

    def _open(self, tool: str) -> list[Step]:
        """List the steps that may still call the tool: none from before the last effect that happened."""
        steps = self.plan.steps
        last = max((i for i, step in enumerate(steps) if self._effect(step) and self.used.get(step.id)), default=-1)
        return [
            step
            for i, step in enumerate(steps)
            if step.tool == tool
            and (step.many or not self.used.get(step.id))
            and (i >= last or not self._effect(step))
            and step.needs() <= self.results.keys()
        ]

    def _effect(self, step: Step) -> bool:
        contract = self.contracts(step.tool)
        return contract is None or not contract.read_only

    def _fits(self, step: Step, call: ToolCall, contract: ToolContract) -> Origin | str:
        """Hold a call against a step; what does not fit is said in words."""
        choices: dict[str, Choice] = {}
        for name, value in call.arguments.items():
            source = step.arguments.get(name)
            if source is None:
                if value is not None and name in contract.choosing:
                    return f"{name} is not for the model to fill"
                continue
            found = self._traced(source, value, exact=name in contract.choosing)
            if found is None:
                return f"{name} is not what the plan says, nor from where it says"
            choices[name] = found
        chosen: dict[str, Choice] = {
            name: choice for name, choice in choices.items() if name in contract.choosing or choice == "untrusted"
        }
        carries = contract.open_world and self.evidence.carries(call.arguments)
        return Origin(plan="on", step=step.id, choices=chosen, carries=carries)

    def _chose(self, source: Source, value: Any) -> Choice:
        parts = [part for _path, part in leaves(value)] if source.refers else [value]
        choices: list[Choice] = [
            self._traced(source, part, exact=True) or "untrusted" for part in parts if part not in (None, "")
        ]
        return worst(choices)

    def _traced(self, source: Source, value: Any, *, exact: bool) -> Choice | None:
        """Tell who chose a value that should come from a source; None where it does not."""
        if not source.refers:
            if source.origin == "slot":
                return self.evidence.chosen(value) if exact else self._free(value, [])
            return "said" if _alike(value, source.value) else None
        named = self._named(source)
        if source.origin == "slot" and not exact:
            return self._free(value, named)
        holders = [leaf for leaf in named if _holds(leaf, value, whole=source.origin == "result")]
        if not holders:
            return None
        trusted = any(leaf.trusted for leaf in holders)
        if trusted or mentions(self.evidence.said, value):
            return "said"
        return "named" if self._is_named(source) else "untrusted"

    def _is_named(self, source: Source) -> bool:
        """Tell whether the user named the very document: by what is attested of it, or as the only one there is."""
        step = self._step(source)
        contract = self.contracts(step.tool)
        if contract is None:
            return False
        if source.where:
            attested = all(field_label(contract, name).integrity == "trusted" for name in source.where)
            return attested and all(mentions(self.evidence.said, value) for value in source.where.values())
        asked = [step.arguments[name] for name in step.arguments]
        said = bool(asked) and all(not of.refers and mentions(self.evidence.said, of.value) for of in asked)
        return said and not any(isinstance(result, list) for result in self.results[source.step])

    def _step(self, source: Source) -> Step:
        return next(step for step in self.plan.steps if step.id == source.step)

    def _free(self, value: Any, named: Sequence[Leaf]) -> Choice | None:
        """Judge text that a model writes: what leads somewhere must come from the user, or from where the plan says."""
        choices: list[Choice] = []
        for pointer in pointers(str(value)):
            if mentions(self.evidence.said, pointer):
                continue
            holders = [leaf for leaf in named if pointer.casefold() in str(leaf.value).casefold()]
            if not holders:
                return None
            choices.append("said" if any(leaf.trusted for leaf in holders) else "untrusted")
        return worst(choices)

    def _named(self, source: Source) -> list[Leaf]:
        """List the values that a source names: in every item that has the wanted fields."""
        step = self._step(source)
        contract = self.contracts(step.tool)
        if contract is None:
            return []
        items = [item for result in self.results[source.step] for item in _items(result)]
        fitting = [item for item in items if all(same(look_up(item, k), v) for k, v in source.where.items())]
        return [leaf for item in fitting for leaf in labelled(contract, item) if _under(leaf.path, source.field)]


def _items(result: Any) -> list[Any]:
    return cast(list[Any], result) if isinstance(result, list) else [result]


def _under(path: str, field: str) -> bool:
    plain = without_positions(field)
    return not plain or path == plain or path.startswith(f"{plain}.")


def _holds(leaf: Leaf, value: Any, *, whole: bool) -> bool:
    return same(leaf.value, value) or (not whole and mentions(str(leaf.value), value))


def _alike(value: Any, planned: Any) -> bool:
    if isinstance(value, list) and isinstance(planned, list):
        parts, wanted = cast(list[Any], value), cast(list[Any], planned)
        return len(parts) == len(wanted) and all(map(_alike, parts, wanted))
    if isinstance(value, dict) or isinstance(planned, dict):
        return bool(value == planned)
    return same(value, planned)
