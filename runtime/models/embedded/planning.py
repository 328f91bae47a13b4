"""From clauses to a plan: lookups for what is missing, conditions, criteria of success, questions.

A plan never holds an effect while something about the request is still open: the user's answer is read together with
the whole request, and an effect that had been done already would then be done again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from interlock.runtime.models.embedded import questions
from interlock.runtime.models.embedded.catalogue import Catalogue, Tool
from interlock.runtime.models.embedded.clauses import Clause, Guard
from interlock.runtime.models.embedded.conditions import Test, resolve
from interlock.runtime.models.embedded.conversation import Talk
from interlock.runtime.models.embedded.filling import fill
from interlock.runtime.models.embedded.lookups import donor
from interlock.runtime.models.embedded.matching import FAIR, affinity, converted
from interlock.runtime.models.embedded.ranking import Meaning
from interlock.runtime.models.embedded.reading import Reading, readings
from interlock.runtime.models.embedded.scene import Scene, set_scene
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.supply import Supply
from interlock.runtime.models.embedded.text import tokens
from interlock.runtime.models.embedded.values import Value
from interlock.runtime.plan import Condition, Plan, Source, Step

Arguments = dict[str, Source]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A plan with what it was made of."""

    readings: tuple[Reading, ...]
    steps: tuple[Step, ...] = ()
    served: Mapping[int, tuple[str, ...]] = field(default_factory=dict[int, tuple[str, ...]])
    """Ids of the steps that answer each reading."""
    questions: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        known = [r.confidence for r in self.readings if r.role in ("act", "look", "search", "which")]
        lost = any(r.role == "unknown" for r in self.readings) or all(r.role == "said" for r in self.readings)
        return min([*known, 0.2 if lost else 1.0, 0.5 if self.questions else 1.0])

    def plan(self) -> Plan:
        return Plan(steps=self.steps, question=" ".join(self.questions))


def make_draft(talk: Talk, tools: Catalogue, meaning: Meaning | None, today: date | None = None) -> Draft:
    """Plan what the user asks for."""
    scene = set_scene(talk, tools, meaning, today)
    found = readings(scene)
    desk = _Desk(scene=scene)
    for at, reading in enumerate(found):
        if reading.role == "which":
            desk.questions.append(questions.which_tool(reading.rivals))
        elif reading.tool is not None and reading.supply is not None:
            desk.take(at, reading, reading.tool, reading.supply)
    return _without_open_effects(found, desk)


def _without_open_effects(found: Sequence[Reading], desk: "_Desk") -> Draft:
    steps = tuple(desk.steps)
    served = {at: tuple(ids) for at, ids in desk.served.items()}
    if desk.questions:
        answering = {id for at, ids in served.items() if found[at].tool and found[at].tool.read_only for id in ids}  # type: ignore[union-attr]
        needed = {n for s in steps if s.id in answering for n in s.needs()}
        steps = tuple(s for s in steps if s.id in answering | needed)
    return Draft(readings=tuple(found), steps=steps, served=served, questions=tuple(dict.fromkeys(desk.questions)))


@dataclass(kw_only=True)
class _Desk:
    """Where the steps of one plan are put together."""

    scene: Scene
    steps: list[Step] = field(default_factory=list[Step])
    served: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    questions: list[str] = field(default_factory=list[str])
    last_tests: tuple[Test, ...] = ()
    last_lookup: str = ""

    def take(self, at: int, reading: Reading, tool: Tool, supply: Supply) -> None:
        """Plan the calls of one clause, or ask what they lack."""
        filled = reading.filled
        if filled.unclear:
            shape, options = filled.unclear[0]
            self.questions.append(questions.which_value(shape, options))
            return
        for call in filled.calls:
            arguments: Arguments = {
                name: Source(origin="constant" if name in filled.recalled else "user", value=value)
                for name, value in call.items()
            }
            found = self._look_up_missing(tool, arguments, filled.missing, supply)
            if found is None:
                self.questions.append(questions.missing(tool, self._to_ask(tool, arguments, filled.missing, supply)))
                return
            tests = self._guarded(tool, arguments, reading.clause, supply)
            if tests is None and not tool.read_only and not self.scene.confirmed:
                self.questions.append(questions.unclear_condition(tool, _open_guard(reading.clause)))
                return
            if tool.read_only and not any(g.previous for g in reading.clause.guards):
                tests = ()  # looking is harmless, and answers "if it shipped, where is it?" either way
            id = self.add(tool, arguments, when=(*found, *(tests or ())), goal=goal_of(reading.clause))
            self.served.setdefault(at, []).append(id)

    def add(self, tool: Tool, arguments: Arguments, *, when: tuple[Condition, ...], goal: str) -> str:
        """Add a step, or give the one that makes the same call already."""
        for step in self.steps:
            if (
                step.tool == tool.name
                and step.arguments == arguments
                and (step.when == when or (tool.read_only and not step.when))
            ):
                return step.id
        id = f"s{len(self.steps) + 1}"
        done_when = criteria(tool, id, arguments)
        self.steps.append(Step(id=id, goal=goal, tool=tool.name, arguments=arguments, when=when, done_when=done_when))
        return id

    def _look_up_missing(
        self, tool: Tool, arguments: Arguments, missing: Sequence[Shape], supply: Supply
    ) -> tuple[Condition, ...] | None:
        """Find missing arguments in results of lookups; None where one stays missing."""
        checks: list[Condition] = []
        for shape in missing:
            found = donor(shape, tool, self.scene.tools, supply.clause)
            for lookup, field_path in found:
                known = self.lookup_arguments(lookup, tool, arguments, supply, ())
                if known is None:
                    continue
                id = self.add(lookup, known, when=(), goal=f"{goal_of(supply.clause)}: find the {shape.name}")
                arguments[shape.name] = Source(origin="result", step=id, field=field_path)
                checks.append(Condition(step=id, field=field_path, op="not_null"))
                break
            else:
                return None
        return tuple(checks)

    def _to_ask(self, tool: Tool, arguments: Arguments, missing: Sequence[Shape], supply: Supply) -> list[Shape]:
        """Leave out what the answer to the rest will bring along: a lookup's field, or a title made of the text."""
        rest = [p for p in missing if p.name not in arguments]
        content = any(p.is_class("content") for p in rest)
        asked = [
            p
            for p in rest
            if not (content and p.is_class("title") and not p.is_class("content"))
            and (p.id_like or not donor(p, tool, self.scene.tools, supply.clause))
        ]
        return asked or rest

    def lookup_arguments(
        self, lookup: Tool, tool: Tool, arguments: Arguments, supply: Supply, near: Sequence[Value], guard: str = ""
    ) -> Arguments | None:
        """Fill a lookup's required parameters: from the condition's own words, from the call it serves, from around."""
        known: Arguments = {}
        rest: list[Shape] = []
        for shape in lookup.required:
            own = [v for v in near if affinity(shape, v, self.scene.tools.rivals) >= FAIR]
            twin = _twin(shape, tool, arguments)
            if own:
                known[shape.name] = Source(origin="user", value=converted(shape, own[0]))
            elif twin is not None:
                known[shape.name] = twin
            else:
                rest.append(shape)
        if not rest:
            return known
        for where in (
            replace(supply, clause=_as_clause(guard), own=tuple(near), referents=(supply.own, *supply.referents)),
            supply,
        ):
            filled = fill(replace(lookup, parameters=tuple(rest)), where)
            if not (filled.missing or filled.unclear or filled.guessed or lookup.question):
                return known | {n: Source(origin="user", value=v) for n, v in filled.calls[0].items()}
        return None

    def _guarded(
        self, tool: Tool, arguments: Arguments, clause: Clause, supply: Supply
    ) -> tuple[Condition, ...] | None:
        """Turn the clause's conditions into conditions on steps; None where one cannot be told."""
        found: list[Condition] = []
        for guard in clause.guards:
            tests = self._tests(guard, tool, arguments, supply)
            if tests is None:
                return None
            found += tests
        return tuple(found)

    def _tests(self, guard: Guard, tool: Tool, arguments: Arguments, supply: Supply) -> tuple[Condition, ...] | None:
        if guard.previous:
            return self._again(guard)
        near = tuple(v for v in self.scene.values if guard.start <= v.start < guard.end)
        lookups = [t for t in self.scene.tools.tools if t.read_only and t.name != tool.name]
        about = frozenset({t.stem for t in supply.clause.topics} | set(tool.nouns))
        for tests in resolve(guard.text, lookups, near, [s.tool for s in self.steps], about):
            meant = tuple(t.inverse() for t in tests) if guard.negated else tests
            if len(tests) > 1 and guard.negated:
                continue
            known = self.lookup_arguments(tests[0].tool, tool, arguments, supply, near, guard.text)
            if known is None or not all(meant):
                continue
            id = self.add(
                tests[0].tool, known, when=(), goal=f"{goal_of(supply.clause)}: find out whether {guard.text}"
            )
            self.last_tests, self.last_lookup = tuple(t for t in meant if t), id
            return tuple(c for t in meant if t for c in t.lowered(id))
        self.last_tests = ()
        return None

    def _again(self, guard: Guard) -> tuple[Condition, ...] | None:
        if not self.last_tests or (guard.negated and len(self.last_tests) > 1):
            return None
        meant = [t.inverse() if guard.negated else t for t in self.last_tests]
        return tuple(c for t in meant if t for c in t.lowered(self.last_lookup)) if all(meant) else None


def _as_clause(text: str) -> Clause:
    return Clause(text=text, start=0, end=len(text), words=tokens(text), force="statement")


def _twin(shape: Shape, tool: Tool, arguments: Arguments) -> Source | None:
    """The argument of the same name, or for the same thing, in the call that a lookup serves."""
    if shape.name in arguments:
        return arguments[shape.name]
    for other in tool.parameters:
        if other.name in arguments and shape.id_like and other.id_like and other.noun and other.noun == shape.noun:
            return arguments[other.name]
    return None


def _open_guard(clause: Clause) -> str:
    return next((g.text for g in clause.guards if g.text), "that holds")


def goal_of(clause: Clause) -> str:
    """Say what a step is for, in the user's own words."""
    text = " ".join(clause.text.replace("\ufffc", "").split())
    return text if len(text) <= 120 else text[:119] + "…"  # noqa: PLR2004


def criteria(tool: Tool, id: str, arguments: Mapping[str, Source]) -> tuple[Condition, ...]:
    """Say by which fields of its result anyone can see that the call did what was asked."""
    if tool.result.nullable or tool.result.item:
        return ()
    found: list[Condition] = []
    for shape in tool.result.parts:
        source = arguments.get(shape.name)
        if (
            source is not None
            and source.origin != "result"
            and isinstance(source.value, int)
            and shape.types == {"integer"}
        ):
            found.append(Condition(step=id, field=shape.name, op="equals", value=source.value))
        elif shape.id_like and shape.required and not shape.nullable:
            found.append(Condition(step=id, field=shape.name, op="not_null"))
    if not found and (key := next((s for s in tool.result.parts if s.required and not s.nullable), None)):
        found.append(Condition(step=id, field=key.name, op="not_null"))
    return tuple(found)


def as_json(plan: Plan) -> dict[str, Any]:
    """Write a plan the way a model writes tool arguments."""
    return plan.model_dump(mode="json", exclude_defaults=True)
