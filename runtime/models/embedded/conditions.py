"""Turning "if it never shipped" into a question about one field of a lookup's result.

A word of the condition must name the field, or one of its choices; whether it must be null, equal or larger is told by
the field's type and the words around. Every word must be one that the lookup's schema speaks of. What cannot be tied to
a field stays unresolved, and then nothing may be done.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Tool
from interlock.runtime.models.embedded.comparisons import INVERSE, NUMERIC, Relation, compares, comparison
from interlock.runtime.models.embedded.schemas import Shape, name_words
from interlock.runtime.models.embedded.senses import events, opposites, synonyms
from interlock.runtime.models.embedded.text import Token, stem, stem_set, stems, tokens
from interlock.runtime.models.embedded.values import Value
from interlock.runtime.plan import Condition

NAMED, SAME_EVENT, HINTED, DESCRIBED = 1.0, 0.9, 0.8, 0.4
"""How surely words mean a field: by its name, by another word for its event, from around, by its description."""
PREFERRED = 0.5
"""What speaks for a lookup that is made anyway."""
LONGEST_VALUE = 4
"""Words of a text that a field may be compared with."""
_EMPTY = (lexicon.STOP - {"on", "off"}) | {"exist", "exists", "there"}
_PARTICLES = frozenset(("on", "at", "in", "is", "by", "to", "of", "has", "for"))
_HARMLESS = stem_set("still yet already currently now customer actually really got get become turned happen case")
_MEASURED = stem_set(
    "euros euro dollars dollar pounds eur usd gbp chf francs degrees degree celsius percent kb mb less more under over"
)
_OR = re.compile(r"\bor\b(?! (?:more|less|fewer|over|above|below)\b)", re.IGNORECASE)
_EXISTS = re.compile(r"\bexists?\b|\bthere (?:is|are)\b", re.IGNORECASE)
_NOT_YET = re.compile(r"\bnever\b|\byet\b|n't been\b|\bnot been\b|\bha(?:s|ve)(?:n't| not)\b", re.IGNORECASE)
_IS_TEXT = re.compile(
    r"(?:the |its |their |your |my )?([\w ]+?) (?:is|equals|contains|says) (?!not\b)[\"']?([^\"']+?)[\"']?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Test:
    """One question about a lookup's result, before the lookup has become a step."""

    tool: Tool
    path: str
    relation: Relation
    value: Any = None
    later: tuple[Any, ...] = ()
    """For `before`: the choices from the named one on, in the order in which the schema lists them."""
    score: float = 0.0

    def inverse(self) -> "Test | None":
        """Give the opposite question, or None where it cannot be asked of one field."""
        opposite = INVERSE.get(self.relation)
        return replace(self, relation=opposite) if opposite else None

    def lowered(self, step: str) -> tuple[Condition, ...]:
        """Write it as conditions on a step."""

        def on(op: Any, value: Any = None) -> Condition:
            return Condition(step=step, field=self.path, op=op, value=value)

        match self.relation:
            case "null":
                return (on("is_null"),)
            case "before":
                return tuple(on("not_equals", v) for v in self.later)
            case "less":
                return on("at_most", self.value), on("not_equals", self.value)
            case "more":
                return on("at_least", self.value), on("not_equals", self.value)
            case relation:
                return (on(relation, self.value),)


def resolve(
    text: str,
    tools: Sequence[Tool],
    values: Sequence[Value],
    preferred: Sequence[str] = (),
    about: frozenset[str] = frozenset(),
) -> list[tuple[Test, ...]]:
    """Find the tests that a condition can mean, best first; each is a tuple of which all must hold.

    Args:
        text: what stands after "if".
        tools: the lookups that could be made.
        values: the values inside the condition.
        preferred: names of tools that are called anyway.
        about: stems of what the guarded order speaks of; they name the field that "it is under 20" leaves out.
    """
    for value in values:
        if value.kind not in NUMERIC:
            text = text.replace(value.text, " ")
    if _OR.search(text):
        return []
    parts = [p for p in re.split(r"\b(?:and|but)\b|,", text) if p.strip()]
    found: list[tuple[Test, ...]] = []
    for tool in tools:
        tests = [_Reader(part, tool, tuple(values), about).best() for part in parts]
        if tests and all(tests):
            found.append(tuple(t for t in tests if t))
    return sorted(found, key=lambda tests: -_weight(tests, preferred))


def _weight(tests: Sequence[Test], preferred: Sequence[str]) -> float:
    return sum(t.score for t in tests) + (PREFERRED if tests[0].tool.name in preferred else 0.0)


@dataclass(frozen=True)
class _Reader:
    """One part of a condition, read against one lookup."""

    text: str
    tool: Tool
    values: tuple[Value, ...]
    about: frozenset[str]

    def best(self) -> Test | None:
        return max(self.tests(), key=lambda t: t.score, default=None)

    @cached_property
    def words(self) -> tuple[Token, ...]:
        return tokens(self.text)

    @cached_property
    def said(self) -> frozenset[str]:
        """Stems that the condition speaks of."""
        return frozenset(t.stem for t in self.words if t.low not in _EMPTY and not t.low.isdigit())

    @cached_property
    def negated(self) -> bool:
        return sum(t.low in lexicon.NEGATIONS or t.low.endswith("n't") for t in self.words) % 2 == 1

    @property
    def presence(self) -> Relation:
        return "null" if self.negated else "not_null"

    def tests(self) -> Iterator[Test]:
        number = comparison(self.text, [v for v in self.values if v.text in self.text])
        if number is not None:
            yield from replace(self, text=number.rest).of_number(number.relation, number.value)
            return
        if compares(self.text):
            return
        yield from self._of_text()
        if self._understood(self.said):
            yield from self._of_words()

    def of_number(self, relation: Relation, value: Value) -> Iterator[Test]:
        named_by = self.said - _MEASURED
        if not self._understood(named_by):
            return
        for shape in self.tool.fields:
            if not _countable(shape) or shape.in_list or shape.id_like:
                continue
            named = self._closeness(shape)
            if not named and not named_by:
                of_money = value.kind == "money" and shape.is_class("money")
                named = HINTED if self.about & set(shape.words) else HINTED - 0.1 if of_money else 0.0
            if named:
                turned = INVERSE.get(relation, relation) if self.negated else relation
                yield self._test(shape, turned, 2.0 * named + 1.5, value.value)

    def _of_words(self) -> Iterator[Test]:
        whole = self.tool.result.nullable or self.tool.result.item is not None
        if not self.said and whole and _EXISTS.search(self.text):
            yield Test(tool=self.tool, path="", relation=self.presence, score=1.0)
        for shape in self.tool.fields:
            if not shape.in_list and (shape.nullable or not shape.id_like):
                yield from self._of_field(shape)
        nouns = {*self.tool.nouns, *(s for n in self.tool.nouns for s in events(n))}
        if whole and self.said & nouns:
            yield Test(tool=self.tool, path="", relation=self.presence, score=1.0)

    def _of_field(self, shape: Shape) -> Iterator[Test]:
        named = self._closeness(shape)
        if shape.choices:
            yield from self._of_choices(shape, named)
        if "boolean" in shape.types:
            yield from self._of_flag(shape, named)
        elif named and (shape.nullable or shape.item):
            yield self._test(shape, self.presence, 2.0 * named + _timely(shape))

    def _of_choices(self, shape: Shape, named: float) -> Iterator[Test]:
        for at, choice in enumerate(shape.choices):
            parts = name_words(choice) if isinstance(choice, str) else ()
            own = [stem(p) for p in parts if p not in lexicon.NEGATIONS]
            direct = bool(set(own) & self.said) and all(w in self.said or w in lexicon.STOP for w in own)
            if not direct and not (len(own) == 1 and events(own[0]) & self.said):
                continue
            score = 1.6 + 0.2 * named + 0.2 * direct
            turned = self.negated != any(p in lexicon.NEGATIONS for p in parts)
            if turned and self.negated and _NOT_YET.search(self.text):
                yield replace(self._test(shape, "before", score), later=shape.choices[at:])
            else:
                yield self._test(shape, "not_equals" if turned else "equals", score, choice)

    def _of_flag(self, shape: Shape, named: float) -> Iterator[Test]:
        against = {w for mine in shape.words for w in opposites(mine)}
        if against & self.said and not named:
            yield self._test(shape, "equals", 2.5, self.negated)
        elif named:
            yield self._test(shape, "equals", 2.0 * named + 0.5, not self.negated)
        elif {w for said in self.said for w in _unprefixed(said)} & set(shape.words):
            yield self._test(shape, "equals", 2.0, self.negated)

    def _of_text(self) -> Iterator[Test]:
        """Read "the carrier is DHL": a field's name, a verb, and the value itself."""
        m = _IS_TEXT.match(self.text.strip())
        if m is None or self.negated or len(m[2].split()) > LONGEST_VALUE:
            return
        names = {t.stem for t in tokens(m[1])}
        allowed = {p.noun for p in self.tool.parameters}
        for shape in self.tool.fields:
            plain = shape.textual and not (shape.choices or shape.in_list or shape.format)
            if plain and set(shape.words) <= names <= {*shape.words, *allowed}:
                yield self._test(shape, "contains", 3.0, m[2])

    def _test(self, shape: Shape, relation: Relation, score: float, value: Any = None) -> Test:
        return Test(tool=self.tool, path=shape.path, relation=relation, value=value, score=score)

    def _closeness(self, shape: Shape) -> float:
        own = set(shape.words) - _PARTICLES
        if self.said & own:
            return NAMED
        if any(events(w) & self.said for w in own):
            return SAME_EVENT
        return DESCRIBED if shape.nullable and self.said & set(stems(shape.description)) else 0.0

    def _understood(self, said: frozenset[str]) -> bool:
        """Tell whether every word is one that the tool speaks of; else the condition says more than a field can."""
        things = {p.noun for p in self.tool.parameters} | {v.label for v in self.values}
        known = self.tool.terms.keys() | things | _HARMLESS
        return all(w in known or (synonyms(w) | events(w) | opposites(w) | set(_unprefixed(w))) & known for w in said)


def _timely(shape: Shape) -> float:
    """A point in time tells best whether something happened."""
    named = shape.name.endswith(("_at", "_on", "_date", "_time"))
    return 0.5 if named or shape.format in ("date", "date-time") else 0.0


def _unprefixed(word: str) -> tuple[str, ...]:
    return tuple(word.removeprefix(p) for p in ("un", "in", "dis", "non") if word.startswith(p))


def _countable(shape: Shape) -> bool:
    return shape.numeric or (shape.textual and (shape.format == "decimal" or shape.is_class("money")))
