"""Where the steps of one plan are put together: calls, the lookups they need, and their conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from interlock.runtime.models.embedded import questions
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.clauses import Clause, Guard
from interlock.runtime.models.embedded.conditions import Test, resolve
from interlock.runtime.models.embedded.filling import fill
from interlock.runtime.models.embedded.lookups import donor
from interlock.runtime.models.embedded.matching import FAIR, affinity, converted
from interlock.runtime.models.embedded.reading import Reading
from interlock.runtime.models.embedded.scene import Scene
from interlock.runtime.models.embedded.schemas import Shape
from interlock.runtime.models.embedded.supply import Filled, Supply
from interlock.runtime.models.embedded.text import MASK, tokens
from interlock.runtime.models.embedded.values import Value
from interlock.runtime.plan import Condition, Source, Step

Arguments = dict[str, Source]
Tests = tuple[Condition, ...]
LONGEST_GOAL = 120
SERVING = ": find "
"""Marks the goal of a lookup that only serves another step; `answers` leaves it out."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """One call on its way into the plan."""

    tool: Tool
    arguments: Arguments
    supply: Supply

    @property
    def goal(self) -> str:
        """What the call is for, in the user's own words."""
        text = " ".join(self.supply.clause.text.replace(MASK, "").split())
        return text if len(text) <= LONGEST_GOAL else f"{text[: LONGEST_GOAL - 1]}…"

    def twin(self, shape: Shape) -> Source | None:
        """The argument of the same name, or for the same thing, which a lookup for this call can take over."""
        same = [p for p in self.tool.parameters if shape.id_like and p.id_like and p.noun and p.noun == shape.noun]
        names = [shape.name, *(p.name for p in same)]
        return next((self.arguments[name] for name in names if name in self.arguments), None)


@dataclass(kw_only=True)
class Desk:
    """Takes readings one by one, and holds what came of them."""

    scene: Scene
    steps: list[Step] = field(default_factory=list[Step])
    served: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    """Ids of the steps that answer each reading."""
    questions: list[str] = field(default_factory=list[str])
    last_tests: tuple[Test, ...] = ()
    last_lookup: str = ""

    def take(self, at: int, reading: Reading) -> None:
        """Plan the calls of one reading, or ask what they lack."""
        if reading.role == "which":
            self.questions.append(questions.which_tool(reading.rivals))
        if reading.tool is None or reading.supply is None:
            return
        if reading.filled.unclear:
            self.questions.append(questions.which_value(*reading.filled.unclear[0]))
            return
        for call in reading.filled.calls:
            arguments = {n: _source(n, v, reading.filled) for n, v in call.items()}
            errand = Errand(tool=reading.tool, arguments=arguments, supply=reading.supply)
            if not self._place(at, errand, reading.filled.missing):
                return

    def _place(self, at: int, errand: Errand, missing: Sequence[Shape]) -> bool:
        """Add one call with all that it needs; false where something has to be asked first."""
        tool, clause = errand.tool, errand.supply.clause
        present = self._look_up(errand, missing)
        if present is None:
            self.questions.append(questions.missing(tool, self._to_ask(errand, missing)))
            return False
        tests = self._guarded(errand, clause)
        if tests is None and not tool.read_only and not self.scene.confirmed:
            self.questions.append(questions.unclear_condition(tool, _open_guard(clause)))
            return False
        if tool.read_only and not any(g.previous for g in clause.guards):
            tests = ()  # looking is harmless, and answers "if it shipped, where is it?" either way
        id = self._add(tool, errand.arguments, when=(*present, *(tests or ())), goal=errand.goal)
        self.served.setdefault(at, []).append(id)
        return True

    def _add(self, tool: Tool, arguments: Arguments, *, when: Tests, goal: str) -> str:
        """Add a step, or give the one that makes the same call already."""
        for at, step in enumerate(self.steps):
            same = step.tool == tool.name and step.arguments == arguments
            if same and (step.when == when or (tool.read_only and not step.when)):
                self.steps[at] = step.model_copy(update={"goal": _joined(step.goal, goal)})
                return step.id
        id = f"s{len(self.steps) + 1}"
        done_when = criteria(tool, id, arguments)
        self.steps.append(Step(id=id, goal=goal, tool=tool.name, arguments=arguments, when=when, done_when=done_when))
        return id

    def _look_up(self, errand: Errand, missing: Sequence[Shape]) -> Tests | None:
        """Find missing arguments in results of lookups; None where one stays missing."""
        present: list[Condition] = []
        for shape in missing:
            for lookup, path in donor(shape, errand.tool, self.scene.tools, errand.supply.clause):
                known = self._arguments_of(lookup, errand)
                if known is not None:
                    id = self._add(lookup, known, when=(), goal=f"{errand.goal}{SERVING}the {shape.name}")
                    errand.arguments[shape.name] = Source(origin="result", step=id, field=path)
                    present.append(Condition(step=id, field=path, op="not_null"))
                    break
            else:
                return None
        return tuple(present)

    def _to_ask(self, errand: Errand, missing: Sequence[Shape]) -> list[Shape]:
        """Leave out what the answer to the rest will bring along: a lookup's field, or a title made of the text."""
        rest = [p for p in missing if p.name not in errand.arguments]
        content = any(p.is_class("content") for p in rest)
        own = [p for p in rest if not (content and p.is_class("title") and not p.is_class("content"))]
        asked = [p for p in own if p.id_like or not donor(p, errand.tool, self.scene.tools, errand.supply.clause)]
        return asked or rest

    def _arguments_of(self, lookup: Tool, errand: Errand, guard: Guard | None = None) -> Arguments | None:
        """Fill a lookup's required parameters: from the condition's own words, from the call it serves, from around."""
        near = self._within(guard) if guard else ()
        known: Arguments = {}
        for shape in lookup.required:
            own = next((v for v in near if affinity(shape, v, self.scene.tools.rivals) >= FAIR), None)
            source = Source(origin="user", value=converted(shape, own)) if own else errand.twin(shape)
            known.update({shape.name: source} if source is not None else {})
        rest = tuple(p for p in lookup.required if p.name not in known)
        if not rest:
            return known
        around = errand.supply
        aside = replace(around, clause=_as_clause(guard), own=near, referents=(around.own, *around.referents))
        for supply in (aside, around):
            filled = fill(replace(lookup, parameters=rest), supply)
            if not (filled.missing or filled.unclear or filled.guessed or lookup.question):
                return known | {n: Source(origin="user", value=v) for n, v in filled.calls[0].items()}
        return None

    def _guarded(self, errand: Errand, clause: Clause) -> Tests | None:
        """Turn the clause's conditions into conditions on steps; None where one cannot be told."""
        found: list[Condition] = []
        for guard in clause.guards:
            tests = self._again(guard) if guard.previous else self._tests(guard, errand)
            if tests is None:
                return None
            found += tests
        return tuple(found)

    def _tests(self, guard: Guard, errand: Errand) -> Tests | None:
        """Find a lookup that can tell one condition, and what must hold of its result."""
        lookups = [t for t in self.scene.tools.tools if t.read_only and t is not errand.tool]
        about = frozenset((*(t.stem for t in errand.supply.clause.topics), *errand.tool.nouns))
        self.last_tests = ()
        for tests in resolve(guard.text, lookups, self._within(guard), [s.tool for s in self.steps], about):
            meant = _turned(tests, negated=guard.negated)
            known = self._arguments_of(tests[0].tool, errand, guard) if meant else None
            if known is not None:
                goal = f"{errand.goal}{SERVING}out whether {guard.text}"
                self.last_tests, self.last_lookup = meant, self._add(tests[0].tool, known, when=(), goal=goal)
                return tuple(c for t in meant for c in t.lowered(self.last_lookup))
        return None

    def _again(self, guard: Guard) -> Tests | None:
        """Take up the last condition, or its opposite."""
        meant = _turned(self.last_tests, negated=guard.negated)
        return tuple(c for t in meant for c in t.lowered(self.last_lookup)) or None

    def _within(self, guard: Guard) -> tuple[Value, ...]:
        return tuple(v for v in self.scene.values if guard.start <= v.start < guard.end)


def _joined(one: str, other: str) -> str:
    """Give one goal for two: what is asked for outright comes before what only helps."""
    if SERVING in other or other in one:
        return one
    return other if SERVING in one else f"{one}; {other}"


def _turned(tests: Sequence[Test], *, negated: bool) -> tuple[Test, ...]:
    """Give the tests or their opposite; nothing where one step's conditions cannot say it."""
    if not negated:
        return tuple(tests)
    opposite = tests[0].inverse() if len(tests) == 1 else None
    return (opposite,) if opposite else ()


def _source(name: str, value: object, filled: Filled) -> Source:
    return Source(origin="constant" if name in filled.recalled else "user", value=value)


def _as_clause(guard: Guard | None) -> Clause:
    text = guard.text if guard else ""
    return Clause(text=text, start=0, end=len(text), words=tokens(text), force="statement")


def _open_guard(clause: Clause) -> str:
    return next((g.text for g in clause.guards if g.text), "that holds")


def criteria(tool: Tool, id: str, arguments: Mapping[str, Source]) -> Tests:
    """Say by which fields of its result anyone can see that the call did what was asked."""
    if tool.result.nullable or tool.result.item:
        return ()
    found: list[Condition] = []
    for shape in tool.result.parts:
        source = arguments.get(shape.name)
        written = source is not None and source.origin != "result" and isinstance(source.value, int)
        if source is not None and written and shape.types == frozenset(("integer",)):
            found.append(Condition(step=id, field=shape.name, op="equals", value=source.value))
        elif shape.id_like and shape.required and not shape.nullable:
            found.append(Condition(step=id, field=shape.name, op="not_null"))
    key = next((s for s in tool.result.parts if s.required and not s.nullable), None)
    return tuple(found) or ((Condition(step=id, field=key.name, op="not_null"),) if key else ())
