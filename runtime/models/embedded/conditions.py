"""Turning "if it never shipped" into a question about one field of a lookup's result.

A word of the condition must name the field, or one of its choices; whether it must be null, equal, larger is told by
the field's type and the words around. What cannot be tied to a field stays unresolved: then nothing may be done.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from interlock.runtime.models.embedded import lexicon
from interlock.runtime.models.embedded.catalogue import Shape, Tool, name_words
from interlock.runtime.models.embedded.senses import synonyms
from interlock.runtime.models.embedded.text import Token, stem, stem_set, stems, tokens
from interlock.runtime.models.embedded.values import Value
from interlock.runtime.plan import Condition

Relation = Literal[
    "null", "not_null", "equals", "not_equals", "before", "less", "at_most", "more", "at_least", "contains"
]
_INVERSE: dict[Relation, Relation] = {
    "null": "not_null", "not_null": "null", "equals": "not_equals", "not_equals": "equals",
    "less": "at_least", "at_least": "less", "more": "at_most", "at_most": "more",
}  # fmt: skip


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
        opposite = _INVERSE.get(self.relation)
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
        if value.kind not in ("integer", "number", "money", "percent"):
            text = text.replace(value.text, " ")
    parts = [p for p in re.split(r"\b(?:and|but)\b|,", text) if p.strip()]
    if re.search(r"\bor\b", text, re.IGNORECASE) and not re.search(
        r"\bor (?:more|less|fewer|over|above|below)\b", text, re.I
    ):
        return []
    found: list[tuple[Test, ...]] = []
    for tool in sorted(tools, key=lambda t: t.name not in preferred):
        tests = [_best(part, tool, values, about) for part in parts]
        if tests and all(tests):
            found.append(tuple(t for t in tests if t))
    bonus = {name: 0.5 for name in preferred}
    found.sort(key=lambda ts: -sum(t.score for t in ts) - bonus.get(ts[0].tool.name, 0.0))
    return found


def _best(text: str, tool: Tool, values: Sequence[Value], about: frozenset[str]) -> Test | None:
    words = tokens(text)
    candidates = sorted(_tests(words, text, tool, values, about), key=lambda t: -t.score)
    return candidates[0] if candidates else None


def _tests(
    words: tuple[Token, ...], text: str, tool: Tool, values: Sequence[Value], about: frozenset[str]
) -> Iterator[Test]:
    said = _said(words)
    negated = sum(t.low in lexicon.NEGATIONS or t.low.endswith("n't") for t in words) % 2 == 1
    if number := _comparison(text, [v for v in values if v.text in text]):
        yield from _of_number(tool, said, number, negated, about)
        return
    if _compares(text):
        return
    yield from _of_text(tool, words, text, negated)
    if not _understood(said, tool, values):
        return
    if not said:
        yield from _existence(text, tool, negated)
    for shape in tool.fields:
        if not shape.in_list and (shape.nullable or not shape.id_like):
            yield from _of_field(shape, tool, said, text, negated)
    if (tool.result.nullable or tool.result.item) and said & {*tool.nouns, *(s for n in tool.nouns for s in events(n))}:
        yield Test(tool=tool, path="", relation="null" if negated else "not_null", score=1.0)


def _of_number(
    tool: Tool, said: set[str], number: tuple[Relation, Value], negated: bool, about: frozenset[str]
) -> Iterator[Test]:
    relation, value = number
    unnamed = not said - _MEASURED
    for shape in (f for f in tool.fields if _countable(f) and not f.in_list and not f.id_like):
        named = _closeness(shape, said) or (0.8 if unnamed and about & set(shape.words) else 0.0)
        named = named or (0.7 if unnamed and value.kind == "money" and shape.is_class("money") else 0.0)
        if named:
            turned = _INVERSE.get(relation, relation) if negated else relation
            yield Test(tool=tool, path=shape.path, relation=turned, value=value.value, score=2.0 * named + 1.5)


_MEASURED = stem_set(
    "euros euro dollars dollar pounds eur usd gbp degrees degree celsius percent kb mb less more under over below above"
)


def _understood(said: set[str], tool: Tool, values: Sequence[Value]) -> bool:
    """Tell whether every word of the condition is one that the tool speaks of; else the condition says more than a field can."""
    known = set(tool.terms) | {p.noun for p in tool.parameters} | {v.label for v in values} | _HARMLESS
    return all(w in known or synonyms(w) & known or events(w) & known or _opposite(w) & known for w in said)


_HARMLESS = stem_set("still yet already currently now customer actually really got get become turned happen case")


def _opposite(word: str) -> set[str]:
    found = {word.removeprefix(p) for p in ("un", "in", "dis", "non") if word.startswith(p)}
    return found | {
        w for one, other in _OPPOSITES for a, b in ((one, other), (other, one)) if word in a for w in (*a, *b)
    }


def _said(words: Sequence[Token]) -> set[str]:
    return {t.stem for t in words if t.low not in _EMPTY and not t.low.isdigit()}


_EMPTY = (lexicon.STOP - {"on", "off"}) | {"exist", "exists", "there"}


def _existence(text: str, tool: Tool, negated: bool) -> Iterator[Test]:
    if re.search(r"\bexists?\b|\bthere (?:is|are)\b", text, re.IGNORECASE) and (
        tool.result.nullable or tool.result.item
    ):
        yield Test(tool=tool, path="", relation="null" if negated else "not_null", score=1.0)


def _of_field(shape: Shape, tool: Tool, said: set[str], text: str, negated: bool) -> Iterator[Test]:
    named = _closeness(shape, said)
    if shape.choices:
        yield from _of_choices(shape, tool, said, negated, text, named)
    if "boolean" in shape.types:
        yield from _of_flag(shape, tool, said, negated, named)
    elif named and (shape.nullable or shape.item):
        yield Test(
            tool=tool, path=shape.path, relation="null" if negated else "not_null", score=2.0 * named + _timely(shape)
        )


def _timely(shape: Shape) -> float:
    """A point in time tells best whether something happened."""
    return (
        0.5 if shape.format in ("date", "date-time") or shape.name.endswith(("_at", "_on", "_date", "_time")) else 0.0
    )


def _closeness(shape: Shape, said: set[str]) -> float:
    """1 where the words name the field, less where they name the same event otherwise or its description has them."""
    own = set(shape.words) - _PARTICLES
    if said & own:
        return 1.0
    if any(events(w) & said for w in own):
        return 0.9
    return 0.4 if shape.nullable and said & set(stems(shape.description)) else 0.0


_PARTICLES = frozenset(("on", "at", "in", "is", "by", "to", "of", "has", "for"))


def events(word: str) -> frozenset[str]:
    """Stems that say the same about the same event."""
    return frozenset(w for group in _EVENTS if word in group for w in group) - {word}


_EVENTS = tuple(frozenset(stem(w) for w in group) for group in lexicon.SAME_EVENT)
_OPPOSITES = tuple((frozenset(stem(w) for w in a), frozenset(stem(w) for w in b)) for a, b in lexicon.OPPOSITES)


def _of_choices(shape: Shape, tool: Tool, said: set[str], negated: bool, text: str, named: float) -> Iterator[Test]:
    for at, choice in enumerate(shape.choices):
        if not isinstance(choice, str):
            continue
        parts = name_words(choice)
        own = [stem(p) for p in parts if p not in lexicon.NEGATIONS]
        direct = all(w in said or (w in lexicon.STOP) for w in own) and bool(set(own) & said)
        if not (direct or (len(own) == 1 and events(own[0]) & said)):
            continue
        turned = negated != any(p in lexicon.NEGATIONS for p in parts)
        score = 1.6 + 0.2 * named + (0.2 if direct else 0.0)
        if (
            turned
            and negated
            and re.search(r"\bnever\b|\byet\b|n't been\b|\bnot been\b|\bha(?:s|ve)(?:n't| not)\b", text, re.I)
        ):
            yield Test(tool=tool, path=shape.path, relation="before", later=shape.choices[at:], score=score)
        else:
            yield Test(
                tool=tool, path=shape.path, relation="not_equals" if turned else "equals", value=choice, score=score
            )


def _of_flag(shape: Shape, tool: Tool, said: set[str], negated: bool, named: float) -> Iterator[Test]:
    for one, other in _OPPOSITES:
        own = set(shape.words)
        for mine, against in ((one, other), (other, one)):
            if own & mine and said & against and not said & mine:
                yield Test(tool=tool, path=shape.path, relation="equals", value=negated, score=2.5)
                return
    un = {w.removeprefix(p) for w in said for p in ("un", "in", "dis") if w.startswith(p)}
    if named:
        yield Test(tool=tool, path=shape.path, relation="equals", value=not negated, score=2.0 * named + 0.5)
    elif un & set(shape.words):
        yield Test(tool=tool, path=shape.path, relation="equals", value=negated, score=2.0)


_COMPARISONS: tuple[tuple[Relation, str], ...] = (
    ("at_least", r"at least|no less than|not less than|or more|or over|or above|minimum|>="),
    ("at_most", r"at most|no more than|not more than|up to|or less|or fewer|or below|maximum|<=|within"),
    ("less", r"less than|under|below|fewer than|lower than|smaller than|cheaper than|beneath|colder than|short of|<"),
    ("more", r"more than|over|above|greater than|higher than|larger than|bigger than|exceeds?|beyond|warmer than|hotter than|>"),
    ("equals", r"exactly|equals?|equal to|is"),
)  # fmt: skip


def _comparison(text: str, values: Sequence[Value]) -> tuple[Relation, Value] | None:
    numbers = [v for v in values if v.kind in ("integer", "number", "money", "percent")]
    if len(numbers) != 1:
        return None
    for relation, words in _COMPARISONS:
        if re.search(rf"(?:\b|(?<=\s))(?:{words})(?=\s|$)", text, re.IGNORECASE):
            plain = re.match(r"no |not ", re.search(rf"(?:{words})", text, re.I)[0], re.I)  # type: ignore[index]
            return (_INVERSE[relation] if plain and _doubled(text) else relation), numbers[0]
    return None


def _doubled(text: str) -> bool:
    # "not more than" holds its own negation, which the caller would count once more.
    return bool(re.search(r"\b(?:no|not) (?:more|less) than", text, re.IGNORECASE))


def _compares(text: str) -> bool:
    return any(re.search(rf"\b(?:{words})\s+[$€£]?\d", text, re.I) for _, words in _COMPARISONS[:4]) or bool(
        re.search(r"\b(?:before|after|since|ago|older|newer|later|earlier|longer|than|until)\b", text, re.I)
    )


def _countable(shape: Shape) -> bool:
    return shape.numeric or (shape.textual and (shape.format == "decimal" or shape.is_class("money")))


def _of_text(tool: Tool, words: Sequence[Token], text: str, negated: bool) -> Iterator[Test]:
    """Read "the carrier is DHL": a field's name, a verb, and the value itself."""
    m = re.match(
        r"(?:the |its |their |your |my )?([\w ]+?) (?:is|equals|contains|says) (?!not\b)[\"']?([^\"']+?)[\"']?$",
        text.strip(),
        re.I,
    )
    for shape in tool.fields if m and not negated else ():
        names = {t.stem for t in tokens(m[1])} if m else set[str]()
        plain = shape.textual and not (shape.choices or shape.in_list or shape.format)
        if (
            m
            and plain
            and names <= {*shape.words, *(p.noun for p in tool.parameters)}
            and set(shape.words) <= names
            and len(m[2].split()) <= 4
        ):  # noqa: PLR2004
            yield Test(tool=tool, path=shape.path, relation="contains", value=m[2], score=3.0)
