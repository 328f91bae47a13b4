"""Plans: which tools run, in which order, with which arguments from where, and how success is told.

A plan is data. What can be run next is a pure function of the plan and the results so far, so that a plan
resumed in another process goes on exactly where it stood.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, Field, model_validator

Operator = Literal["equals", "not_equals", "is_null", "not_null", "at_least", "at_most", "contains"]
Results = Mapping[str, Any]
"""Result of each finished step by its id: JSON data."""


class Condition(BaseModel, frozen=True, extra="forbid"):
    """A question about one field of one step's result."""

    step: str = Field(description="id of the step whose result is looked at")
    field: str = Field(default="", description="dotted path into the result; empty means the whole result")
    op: Operator
    value: Any = Field(default=None, description="what to compare with; unused for is_null and not_null")

    def holds(self, results: Results) -> bool:
        """Tell whether the result answers yes. A field that is absent counts as null.

        Raises:
            KeyError: the step has no result.
        """
        found = look_up(results[self.step], self.field)
        return _holds(self.op, found, self.value)

    def __str__(self) -> str:
        subject = f"{self.step}.{self.field}" if self.field else self.step
        return f"{subject} {self.op}" + ("" if self.op in ("is_null", "not_null") else f" {self.value!r}")


class Source(BaseModel, frozen=True, extra="forbid"):
    """Where an argument comes from: written in the plan, said by the user, a field of an earlier result, or a slot that
    is filled in from what such a field says."""

    origin: Literal["constant", "user", "result", "slot"] = "constant"
    value: Any = Field(default=None, description="the argument itself, unless origin is result or slot")
    step: str = Field(default="", description="id of an earlier step, where origin is result or slot")
    field: str = Field(default="", description="dotted path into that step's result")
    where: dict[str, Any] = Field(default={}, description="fields that the item of the result must have, as in sender")

    def resolve(self, results: Results) -> Any:
        """Find the argument's value.

        Raises:
            KeyError: the step it comes from has no result.
        """
        if not self.refers:
            return self.value
        found = results[self.step]
        return look_up(only(found, self.where) if self.where else found, self.field)

    @property
    def refers(self) -> bool:
        """Whether it waits for a result."""
        return self.origin in ("result", "slot") and bool(self.step)


class Step(BaseModel, frozen=True, extra="forbid"):
    """One tool call of a plan."""

    id: str = Field(min_length=1)
    goal: str = Field(description="what this step is for, in one sentence")
    tool: str = Field(description="name of the tool to call")
    arguments: dict[str, Source] = Field(default_factory=dict)
    when: tuple[Condition, ...] = Field(default=(), description="all must hold, or the step is skipped")
    done_when: tuple[Condition, ...] = Field(default=(), description="all must hold on the results, or the step failed")
    many: bool = Field(default=False, description="whether the tool may be called once for each of several items")

    def needs(self) -> set[str]:
        """Name the steps whose results this one waits for."""
        return {s.step for s in self.arguments.values() if s.refers} | {t.step for t in self.when}


class Plan(BaseModel, frozen=True, extra="forbid"):
    """The steps that answer a request, or the question to ask first."""

    steps: tuple[Step, ...] = ()
    question: str = Field(default="", description="what must be asked of the user before anything can be done")
    say: str = Field(default="", description="the answer, where no tool is needed or none fits")

    @model_validator(mode="after")
    def _refers_backwards(self) -> "Plan":
        seen: set[str] = set()
        for step in self.steps:
            if step.id in seen:
                raise ValueError(f"step id {step.id!r} stands twice")
            if missing := step.needs() - seen:
                raise ValueError(f"step {step.id!r} refers to {sorted(missing)}, which is no earlier step")
            seen.add(step.id)
            if foreign := {t.step for t in step.done_when} - seen:
                raise ValueError(f"step {step.id!r} is judged by {sorted(foreign)}, which is no earlier step")
        return self


Standing = Literal["done", "failed", "skipped", "ready", "waiting"]


def progress(plan: Plan, results: Results, failed: Collection[str] = ()) -> dict[str, tuple[Standing, str]]:
    """Tell where each step stands, and why it is skipped where it is.

    Args:
        plan: the plan.
        results: of the steps that are done.
        failed: ids of the steps that failed; what waits for one of them is skipped.
    """
    standing: dict[str, tuple[Standing, str]] = {}
    for step in plan.steps:
        if step.id in failed:
            standing[step.id] = ("failed", "")
        else:
            standing[step.id] = ("done", "") if step.id in results else _standing(step, results, standing)
    return standing


def _standing(step: Step, results: Results, earlier: Mapping[str, tuple[Standing, str]]) -> tuple[Standing, str]:
    for needed in sorted(step.needs()):
        if earlier[needed][0] in ("failed", "skipped"):
            return "skipped", f"{needed} was {earlier[needed][0]}"
    if not step.needs() <= results.keys():
        return "waiting", ""
    unmet = [str(test) for test in step.when if not test.holds(results)]
    return ("skipped", f"the condition does not hold: {'; '.join(unmet)}") if unmet else ("ready", "")


def next_steps(plan: Plan, results: Results, failed: Collection[str] = ()) -> tuple[Step, ...]:
    """Give the steps that can be taken now, in the plan's order."""
    standing = progress(plan, results, failed)
    return tuple(step for step in plan.steps if standing[step.id][0] == "ready")


def remaining(plan: Plan, results: Results, failed: Collection[str] = ()) -> tuple[Step, ...]:
    """Give the steps that are still to be taken, rewritten so that they no longer refer to those that are done."""
    standing = progress(plan, results, failed)
    return tuple(_settled(step, results) for step in plan.steps if standing[step.id][0] in ("ready", "waiting"))


def _settled(step: Step, results: Results) -> Step:
    arguments = {
        name: Source(origin="constant", value=source.resolve(results)) if source.step in results else source
        for name, source in step.arguments.items()
    }
    open_tests = tuple(test for test in step.when if test.step not in results)
    own_tests = tuple(test for test in step.done_when if test.step not in results)
    return step.model_copy(update={"arguments": arguments, "when": open_tests, "done_when": own_tests})


def only(value: Any, where: Mapping[str, Any]) -> Any:
    """Give the first item of a list that has the wanted fields, or the value itself if it has; None where none has."""
    items = cast(list[Any], value) if isinstance(value, list) else [value]
    return next((item for item in items if all(str(look_up(item, k)) == str(v) for k, v in where.items())), None)


def look_up(value: Any, path: str) -> Any:
    """Follow a dotted path through dicts and lists; a number is a list index, an absent part is None."""
    found: Any = value
    for part in path.split(".") if path else ():
        if isinstance(found, Mapping):
            found = cast(Mapping[str, Any], found).get(part)
        elif isinstance(found, list) and part.isdigit():
            items = cast(list[Any], found)
            found = items[int(part)] if int(part) < len(items) else None
        else:
            return None
    return found


def _holds(op: Operator, found: Any, value: Any) -> bool:
    match op:
        case "equals":
            return _equal(found, value)
        case "not_equals":
            return not _equal(found, value)
        case "is_null":
            return found is None or found in ([], "", {})
        case "not_null":
            return not _holds("is_null", found, None)
        case "at_least" | "at_most":
            return _ordered(op, found, value)
        case "contains":
            return str(value).casefold() in str(found).casefold()


def _equal(found: Any, value: Any) -> bool:
    """Compare; a decimal is a string in JSON, and equals the number it writes."""
    if isinstance(found, str) and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(found) == value
        except ValueError:
            return False
    return bool(found == value)


def _ordered(op: Operator, found: Any, value: Any) -> bool:
    try:
        number, limit = float(found), float(value)
    except (TypeError, ValueError):
        return False
    return number >= limit if op == "at_least" else number <= limit
